"""Spans of a real Envoy, and trace context that passes through one that makes none."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest

from abreast.bench.origin import Origin
from abreast.model.service import AccessLog, Endpoint, Traces
from abreast.model.traffic import Shadowing
from tests.integration.client import Answer, cookie
from tests.integration.otlp import Collector, Told, absent_collector, collector, hung_collector
from tests.integration.servers import Echo
from tests.integration.stage import Stage, backend, until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CONTEXT = {
    "traceparent": f"00-{TRACE}-{SPAN}-01",
    "tracestate": "vendor=abc,other=1",
    "baggage": "tenant=acme,plan=gold",
}


def received(answer: Answer) -> dict[str, str]:
    """The trace context that the version got."""
    headers: dict[str, str] = json.loads(answer.body)["headers"]
    return {name: value for name, value in headers.items() if name in CONTEXT}


def tracing(stage: Stage, kept: Collector, sample: int = 10_000) -> None:
    """Let the gateway tell its spans to the collector."""
    stage.settings = replace(stage.settings, traces=Traces(Endpoint("127.0.0.1", kept.port), sample))
    stage.gateway = stage.control_plane()


async def spans(kept: Collector, count: int) -> list[Told]:
    """So many spans, once they are there."""
    await until(lambda: len(kept.spans) >= count, f"{count} spans; there are {kept.spans}")
    assert len(kept.spans) == count, kept.spans
    return kept.spans


@pytest.mark.parametrize("weight", [0, 10_000])
async def test_without_spans_trace_context_passes_through_untouched(stage: Stage, weight: int) -> None:
    async with Echo("v1") as one, Echo("v2") as two:
        await stage.open(stage.traffic(backend("v1", one.port), backend("v2", two.port), weight))
        async with await stage.connect() as user:
            for headers in (CONTEXT, {"traceparent": "no trace context at all"}, {}):
                for method in ("GET", "POST"):
                    answer = await user.ask(method=method, headers=headers | {"x-user-id": "ada"})
                    assert answer.version == ("v2" if weight else "v1")
                    assert received(answer) == headers


async def test_it_reaches_the_version_that_is_asked_in_the_second_place(stage: Stage, v2: Origin) -> None:
    v2.behaviour = v2.behaviour.changed({"mode": "fail"})
    async with Echo("v1") as one:
        await stage.open(stage.traffic(backend("v1", one.port), backend("v2", v2.port), 10_000))
        async with await stage.connect() as user:
            answer = await user.ask(headers=CONTEXT | {"x-user-id": "ada"})
    assert (answer.version, v2.seen.requests) == ("v1", 1)
    assert received(answer) == CONTEXT


async def test_a_trace_goes_on_and_splits_by_version(stage: Stage, v2: Origin) -> None:
    v2.behaviour = v2.behaviour.changed({"mode": "fail"})
    async with collector() as kept, Echo("v1") as one:
        tracing(stage, kept)
        await stage.open(stage.traffic(backend("v1", one.port), backend("v2", v2.port), 10_000, "r3"))
        async with await stage.connect() as user:
            answer = await user.ask("/orders?token=S3CRET", headers=CONTEXT | {"x-user-id": "ada"})
        found = await spans(kept, 3)
    (whole,) = (each for each in found if each.parent_id == SPAN)
    failed, answered = (each for each in found if each.parent_id == whole.span_id)
    if failed.attributes["abreast.version"] == "v1":
        failed, answered = answered, failed
    assert {each.trace_id for each in found} == {TRACE}
    assert {each.service for each in found} == {"shop-gateway"}
    assert {each.name for each in found} == {"GET"}
    sides = [
        (each.attributes["abreast.version"], each.attributes["abreast.side"]) for each in (failed, answered, whole)
    ]
    assert sides == [("v2", "candidate"), ("v1", "stable"), ("v1", "stable")]
    assert {each.attributes["abreast.rollout"] for each in found} == {"r3"}
    context = received(answer)
    assert context["traceparent"] == f"00-{TRACE}-{answered.span_id}-01", "the version's span hangs on the attempt"
    assert (context["tracestate"], context["baggage"]) == (CONTEXT["tracestate"], CONTEXT["baggage"])
    assert whole.attributes["url.path"] == "/orders"
    assert "S3CRET" not in str(found), "no span holds a query"


async def test_a_span_of_a_grpc_request_holds_no_query_either(stage: Stage) -> None:
    async with collector() as kept, Echo("v1") as one:
        tracing(stage, kept)
        await stage.open(stage.traffic(backend("v1", one.port)))
        async with await stage.connect() as user:
            await user.ask("/echo.Echo/Say?token=S3CRET", "POST", {"content-type": "application/grpc"})
        found = await spans(kept, 2)
    assert "S3CRET" not in str(found)


@pytest.mark.parametrize(("flag", "expected"), [("01", 2), ("00", 0)])
async def test_what_its_beginning_decided_holds(stage: Stage, v1: Origin, flag: str, expected: int) -> None:
    """Whatever the share, and whoever wishes otherwise."""
    async with collector() as kept:
        tracing(stage, kept, sample=0 if expected else 10_000)
        await stage.open(stage.traffic(backend("v1", v1.port)))
        async with await stage.connect() as user:
            await user.ask(headers={"traceparent": f"00-{TRACE}-{SPAN}-{flag}"})
            last = {"traceparent": f"00-{'9' * 32}-{SPAN}-01"}
            await user.ask(headers=last)
        await until(lambda: any(each.trace_id == "9" * 32 for each in kept.spans), "the last one")
        assert sum(each.trace_id == TRACE for each in kept.spans) == expected


async def test_of_traces_that_begin_here_a_share_is_recorded(stage: Stage) -> None:
    async with collector() as kept, Echo("v1") as one:
        tracing(stage, kept, sample=2500)
        await stage.open(stage.traffic(backend("v1", one.port)))
        recorded = 0
        async with await stage.connect() as user:
            for _ in range(200):
                wish = {"x-client-trace-id": "mine", "x-envoy-force-trace": "1"}
                flag = received(await user.ask(headers=wish))["traceparent"].rpartition("-")[2]
                recorded += flag == "01"
        await spans(kept, 2 * recorded)
    assert 20 <= recorded <= 81, "50 expected, five standard deviations of 6.1"


async def test_users_without_an_identity_stay_on_the_side_of_their_first_answer(stage: Stage) -> None:
    """The identity is the request's id, which Envoy would change when it traces."""
    async with collector() as kept, Echo("v1") as one, Echo("v2") as two:
        tracing(stage, kept)
        await stage.open(stage.traffic(backend("v1", one.port), backend("v2", two.port), weight=5000))
        versions = set()
        async with await stage.connect() as user:
            for _ in range(60):
                first = await user.ask()
                again = await user.ask(headers={"cookie": f"abreast-id={cookie(first)}"})
                assert first.version == again.version
                versions.add(first.version)
    assert versions == {"v1", "v2"}


async def test_a_line_of_the_access_log_names_the_gateway_s_span(stage: Stage, v1: Origin) -> None:
    async with collector() as kept:
        stage.settings = replace(stage.settings, access_log=AccessLog(otlp=Endpoint("127.0.0.1", kept.port)))
        tracing(stage, kept)
        await stage.open(stage.traffic(backend("v1", v1.port)))
        async with await stage.connect() as user:
            await user.ask(headers=CONTEXT)
        found = await spans(kept, 2)
        await until(lambda: kept.records, "a record")
    (record,) = kept.records
    (whole,) = (each for each in found if each.parent_id == SPAN)
    assert (record.attributes["trace_id"], record.attributes["span_id"]) == (TRACE, whole.span_id)
    assert (record.trace_id, record.span_id) == (TRACE, whole.span_id), "and so does the record itself"


async def test_a_copied_request_makes_no_span_of_its_own(stage: Stage, v1: Origin, v2: Origin) -> None:
    async with collector() as kept:
        tracing(stage, kept)
        shadow = Shadowing(10_000, 100_000.0)
        await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), shadow=shadow))
        async with await stage.connect() as user:
            await user.ask(headers=CONTEXT | {"x-user-id": "ada"})
            await user.ask(headers={"traceparent": f"00-{'9' * 32}-{SPAN}-01"})
        await until(lambda: sum(each.trace_id == "9" * 32 for each in kept.spans) >= 2, "the last one")
        assert sum(each.trace_id == TRACE for each in kept.spans) == 2


@pytest.mark.parametrize("broken", [absent_collector, hung_collector])
async def test_users_do_not_notice_a_collector_that_is_none(
    broken: Callable[[], AbstractAsyncContextManager[int]], stage: Stage, v1: Origin
) -> None:
    async with broken() as port:
        tracing(stage, Collector(port))
        await stage.open(stage.traffic(backend("v1", v1.port)))
        async with await stage.connect() as user:
            for _ in range(20):
                for _ in range(50):
                    user.send()
                for _ in range(50):
                    assert (await user.answer()).status == 200
