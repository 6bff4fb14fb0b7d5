"""What a real Envoy writes of users' requests, and what it never does."""

import re
import stat
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from abreast.bench.origin import Origin
from abreast.envoy.access_file import AccessFile
from abreast.envoy.access_log import ERROR, FIELDS, SERVICE
from abreast.load import Load, Plan
from abreast.model.secret_names import PARAMETERS
from abreast.model.service import AccessLog, Endpoint
from abreast.model.traffic import Shadowing
from tests.integration.otlp import absent_collector, collector, hung_collector
from tests.integration.servers import Echo
from tests.integration.stage import SECRET, Stage, backend, until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ADA = {"x-user-id": "ada"}
Line = dict[str, Any]
"""Any: JSON."""


def logging(stage: Stage, **changed: Any) -> Path:  # noqa: ANN401  # fields of AccessLog
    """Let the gateway write an access log; returns its file."""
    path = stage.folder / "access.log"
    written = AccessLog(**({"file": str(path)} | changed))
    stage.settings = replace(stage.settings, access_log=written)
    stage.gateway = stage.control_plane()
    return path


def read(path: Path) -> list[Line]:
    """The whole lines that are in the file."""
    return [orjson.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


async def lines(path: Path, count: int) -> list[Line]:
    """So many lines, once they are there, and no more."""
    await until(lambda: path.exists() and len(read(path)) >= count, f"{count} lines in {path}")
    found = read(path)
    assert len(found) == count, found
    return found


async def test_a_request_is_a_line_with_the_names_of_opentelemetry(stage: Stage, v1: Origin, v2: Origin) -> None:
    path = logging(stage, headers=("x-tenant",))
    shadow = Shadowing(10_000, 100_000.0)
    await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), 10_000, "r3", shadow))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    headers = {"user-agent": "test/1", "x-tenant": "acme", "traceparent": f"00-{TRACE}-{SPAN}-01", **ADA}
    async with await stage.connect() as user:
        answer = await user.ask("/orders/1?page=2&x=", headers=headers, body=b"12345")
    (line,) = await lines(path, 1)
    assert set(line) == {*FIELDS, SERVICE, "http.request.header.x-tenant"}
    for name in ("timestamp", "abreast.request_id", "abreast.route"):
        assert line.pop(name), name
    assert 0 < float(line.pop("http.server.request.duration").removesuffix("s")) < 30
    assert line == {
        "service.name": "shop-gateway",
        "http.request.method": "GET",
        "http.request.header.x-tenant": "acme",
        "url.scheme": "http",
        "url.path": "/orders/1",
        "url.query": "page=&x=",
        "http.response.status_code": 200,
        "http.request.body.size": 5,
        "http.response.body.size": len(answer.body),
        "server.address": "shop",
        "client.address": "127.0.0.1",
        "user_agent.original": "test/1",
        "network.protocol.version": "1.1",
        "trace_id": TRACE,
        "span_id": SPAN,
        "abreast.version": "v2",
        "abreast.side": "candidate",
        "abreast.instance": f"127.0.0.1:{v2.port}",
        "abreast.rollout": "r3",
        "abreast.attempts": 1,
        "abreast.shadow": "captured",
        "envoy.response_flags": "-",
        "envoy.response_code_details": "via_upstream",
    }


async def test_http_2_is_called_2(stage: Stage, v1: Origin) -> None:
    path = logging(stage)
    await stage.open(stage.traffic(backend("v1", v1.port)))
    report = await Load(Plan(url=stage.url, rate_per_s=50.0, count=1, connections=1, protocol="h2c")).run()
    assert report.ok == 1
    assert [line["network.protocol.version"] for line in await lines(path, 1)] == ["2"]


async def test_a_request_that_was_tried_again_names_who_answered_in_the_end(
    stage: Stage, v1: Origin, v2: Origin
) -> None:
    path = logging(stage)
    await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=10_000))
    v2.behaviour = v2.behaviour.changed({"mode": "fail"})
    async with await stage.connect() as user:
        assert (await user.ask(headers=ADA)).version == "v1"
    (line,) = await lines(path, 1)
    assert (line["abreast.version"], line["abreast.side"], line["abreast.attempts"]) == ("v1", "stable", 2)
    assert line["http.response.status_code"] == 200
    assert ERROR not in line


async def test_a_version_changes_sides_without_a_new_connection(stage: Stage, v1: Origin, v2: Origin) -> None:
    """Sides are told with the instances' addresses; nothing else of an instance changes."""
    path = logging(stage)
    versions = backend("v1", v1.port), backend("v2", v2.port)
    await stage.open(stage.traffic(*versions, weight=10_000))
    async with await stage.connect() as user:
        # As a stream, for these use the cluster that stays when the version becomes stable.
        assert (await user.ask("/stream", headers=ADA | {"accept": "text/event-stream"})).version == "v2"
        before = v2.seen.connections
        await stage.publish(stage.traffic(versions[1]))
        assert (await user.ask("/quick", headers=ADA)).version == "v2"
        assert v2.seen.connections == before == 1, "the connection to the instance is used again"
    sides = {line["url.path"]: line["abreast.side"] for line in await lines(path, 2)}
    assert sides == {"/stream": "candidate", "/quick": "stable"}


SECRETS = ("S3CRET-1", "S3CRET-2", "S3CRET-3")


@pytest.mark.parametrize("query", ["redact", "keep", "drop"])
async def test_nothing_secret_is_written(stage: Stage, query: str) -> None:
    path = logging(stage, query=query, secrets=("mail",), headers=("x-tenant",))
    headers = {
        "authorization": "Bearer S3CRET-1",
        "proxy-authorization": "Basic S3CRET-1",
        "cookie": "session=S3CRET-2",
        "x-api-key": "S3CRET-3",
        "traceparent": "S3CRET-3",
        "x-abreast-version": f"candidate:{SECRET}",
        "x-tenant": "acme",
    }
    secret = "&".join(f"{name}=S3CRET-1" for name in (*sorted(PARAMETERS), "mail", "MAIL"))
    async with Echo("v1") as one, Echo("v2") as two:
        await stage.open(stage.traffic(backend("v1", one.port), backend("v2", two.port), weight=100))
        async with await stage.connect() as user:
            for method in ("GET", "POST"):
                asked = f"/a?{secret}&page=2" + ("" if query == "keep" else "&S3CRET-2")
                answer = await user.ask(asked, method, headers, b"S3CRET-3")
                assert all(each in answer.body.decode() for each in SECRETS[:2]), "the version has seen them"
    for line in await lines(path, 2):
        assert line["http.request.header.x-tenant"] == "acme"
        assert ("page=2" in line.get("url.query", ""), "page=" in line.get("url.query", "")) == {
            "keep": (True, True),
            "redact": (False, True),
            "drop": (False, False),
        }[query]
    written = path.read_text()
    assert "S3CRET" not in written
    assert SECRET not in written
    assert "trace_id" not in written, "what is no trace context is none"


async def test_a_sample_leaves_out_what_is_well_and_keeps_every_failure(stage: Stage, v1: Origin, v2: Origin) -> None:
    path = logging(stage, sample=0)
    await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port)))
    forced = {"x-abreast-version": f"candidate:{SECRET}"}
    async with await stage.connect() as user:
        for _ in range(50):
            assert (await user.ask()).status == 200
        v2.behaviour = v2.behaviour.changed({"mode": "fail"})
        assert (await user.ask(headers=forced)).status == 500
        v2.behaviour = v2.behaviour.changed({"mode": "reset"})
        assert (await user.ask(headers=forced)).status == 503
        v2.behaviour = v2.behaviour.changed({"mode": "hang"})
        user.send(headers=forced)
        await until(lambda: v2.seen.requests == 3, "a request under way")
    found = await lines(path, 3)
    assert [(line["http.response.status_code"], line[ERROR]) for line in found] == [
        (500, "500"),
        (503, "503"),
        (0, "DownstreamConnectionTermination"),
    ]
    assert [line["envoy.response_flags"] for line in found] == [
        "-",
        "UpstreamConnectionTermination",
        "DownstreamConnectionTermination",
    ]
    assert {line["abreast.version"] for line in found} == {"v2"}


async def test_a_sample_is_a_share(stage: Stage, v1: Origin) -> None:
    path = logging(stage, sample=2000)
    await stage.open(stage.traffic(backend("v1", v1.port)))
    async with await stage.connect() as user:
        for _ in range(8):
            for _ in range(50):
                user.send(headers=ADA)
            for _ in range(50):
                assert (await user.answer()).status == 200
        v1.behaviour = v1.behaviour.changed({"mode": "fail"})
        await user.ask()
    await until(lambda: any(line["http.response.status_code"] == 500 for line in read(path)), "the last one")
    assert 40 <= len(read(path)) - 1 <= 120, "80 expected, five standard deviations of 8"


async def test_an_answer_that_is_cut_short_counts_as_failed(stage: Stage) -> None:
    path = logging(stage, sample=0)
    async with Echo("v1") as one:
        await stage.open(stage.traffic(backend("v1", one.port)))
        async with await stage.connect() as user:
            user.send("/events")
            assert (await user.head()).status == 200
            await user.chunk()
            await one.__aexit__()
            (line,) = await lines(path, 1)
    assert (line["http.response.status_code"], line["envoy.response_flags"]) == (200, "UpstreamProtocolError")
    assert ERROR not in line


async def test_a_request_that_reached_nobody_says_so(stage: Stage, v1: Origin) -> None:
    path = logging(stage)
    await stage.open(stage.traffic(backend("v1")))
    async with await stage.connect() as user:
        assert (await user.ask("/x")).status == 503
    (line,) = await lines(path, 1)
    assert line["envoy.response_flags"] == "NoHealthyUpstream"
    assert not {"abreast.version", "abreast.side", "abreast.instance"} & set(line)


async def test_a_hot_restart_goes_on_in_the_same_file(stage: Stage, v1: Origin) -> None:
    path = logging(stage)
    await stage.open(stage.traffic(backend("v1", v1.port)))
    async with await stage.connect() as user:
        await user.ask("/before")
    await lines(path, 1)
    await stage.gateway.processes.restart()
    await stage.obeyed()
    async with await stage.connect() as user:
        await user.ask("/after")
    assert [line["url.path"] for line in await lines(path, 2)] == ["/before", "/after"]


async def test_a_full_file_is_moved_and_no_line_is_lost(stage: Stage, v1: Origin) -> None:
    path = logging(stage)
    await stage.open(stage.traffic(backend("v1", v1.port)))
    stage.gateway._access_file = AccessFile(path, limit_bytes=20_000, kept=9)
    asked = 0
    async with await stage.connect() as user:
        while len(list(path.parent.glob("access.log.*"))) < 3:
            await user.ask(f"/{asked}")
            asked += 1
            assert asked < 100_000

    def files() -> list[Path]:
        return sorted(path.parent.glob("access.log*"))

    await until(lambda: sum(len(read(each)) for each in files()) == asked, "every line")
    numbers = sorted(int(line["url.path"][1:]) for each in files() for line in read(each))
    assert numbers == list(range(asked))
    assert {stat.S_IMODE(each.stat().st_mode) for each in files()} == {0o600}


async def test_a_collector_is_told_the_same(stage: Stage, v1: Origin) -> None:
    async with collector() as kept:
        path = logging(stage, otlp=Endpoint("127.0.0.1", kept.port))
        await stage.open(stage.traffic(backend("v1", v1.port)))
        async with await stage.connect() as user:
            await user.ask("/orders?token=S3CRET", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
        await until(lambda: kept.records, "a record")
    (line,), (record,) = await lines(path, 1), kept.records
    assert (record.service, record.name) == ("shop-gateway", "GET /orders 200")
    missing = {name: "-" for name in FIELDS if name not in line and name != "timestamp"}
    texts = {name: str(value) for name, value in line.items() if name not in {"timestamp", SERVICE}}
    duration = record.attributes.pop("http.server.request.duration")
    assert re.fullmatch(r"[0-9.]+(s|ms|us)", duration), "the same time, in other words"
    del texts["http.server.request.duration"]
    assert record.attributes == texts | missing


@pytest.mark.parametrize("broken", [absent_collector, hung_collector])
async def test_users_do_not_notice_a_collector_that_is_none(
    broken: Callable[[], AbstractAsyncContextManager[int]], stage: Stage, v1: Origin
) -> None:
    async with broken() as port:
        logging(stage, file="", otlp=Endpoint("127.0.0.1", port))
        await stage.open(stage.traffic(backend("v1", v1.port)))
        async with await stage.connect() as user:
            for _ in range(20):
                for _ in range(100):
                    user.send("/x" * 100)
                for _ in range(100):
                    assert (await user.answer()).status == 200


async def test_a_change_while_it_runs_loses_no_request(stage: Stage, v1: Origin) -> None:
    await stage.open(stage.traffic(backend("v1", v1.port)))
    path = stage.folder / "access.log"
    async with await stage.connect() as user, await stage.connect() as patient:
        await user.ask("/before")
        v1.behaviour = v1.behaviour.changed({"delay_s": 3.0})
        patient.send("/slow")
        await until(lambda: v1.seen.requests == 2, "a request under way")
        v1.behaviour = v1.behaviour.changed({"delay_s": 0.0})
        stage.settings = replace(stage.settings, access_log=AccessLog(file=str(path)))
        await stage.publish(stage.traffic(backend("v1", v1.port)))
        answer = await user.ask("/on-the-old-connection")
        assert (answer.status, answer.headers.get("connection")) == (200, "close")
        answer = await patient.answer()
        assert (answer.status, answer.headers.get("connection")) == (200, "close"), "however long it takes"
    async with await stage.connect() as user:
        assert (await user.ask("/after")).status == 200
    assert [line["url.path"] for line in await lines(path, 1)] == ["/after"]
