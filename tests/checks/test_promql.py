"""Prometheus' HTTP API, spoken to a server that gives what a Prometheus may give, and what none would."""

from typing import Any

import pytest

from abreast.checks import promql
from abreast.checks.exchange import Exchange
from abreast.model.checks import Check, PromqlGate
from tests.checks.given import BEGIN, gate
from tests.checks.server import Server

NOW = BEGIN + 300.0


async def asked(exchange: Exchange, asking: PromqlGate, since: float = BEGIN) -> Check:
    return await promql.ask(asking, asking.query, since, NOW, exchange)


def success(kind: str, result: object) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


def vector(*values: str) -> dict[str, Any]:
    return success("vector", [{"metric": {"pod": str(n)}, "value": [NOW, value]} for n, value in enumerate(values)])


def matrix(*series: list[str]) -> dict[str, Any]:
    return success("matrix", [{"metric": {}, "values": [[NOW, value] for value in values]} for values in series])


@pytest.mark.parametrize(
    ("document", "passed", "value", "detail"),
    [
        (success("scalar", [NOW, "0.25"]), True, 0.25, "0.25; at most 0.25 is allowed"),
        (vector("0.26"), False, 0.26, "0.26; at most 0.25 is allowed"),
        (vector("0.1", "0.2"), True, 0.2, "0.2, the worst of 2 samples; at most 0.25 is allowed"),
        (vector("0.1", "0.9", "0.2"), False, 0.9, "0.9, the worst of 3 samples; at most 0.25 is allowed"),
        (vector("NaN", "0.1"), True, 0.1, "0.1; at most 0.25 is allowed"),
        (vector("+Inf"), False, None, "inf; at most 0.25 is allowed"),
        (vector("-Inf"), True, None, "-inf; at most 0.25 is allowed"),
        (matrix(["0.1", "0.2"], ["0.3"]), False, 0.3, "0.3, the worst of 3 samples; at most 0.25 is allowed"),
        (matrix(["NaN", "0.2"]), True, 0.2, "0.2; at most 0.25 is allowed"),
    ],
)
async def test_every_sample_must_keep_to_the_bound(
    server: Server, exchange: Exchange, document: object, passed: bool, value: float | None, detail: str
) -> None:
    server.gives(document)
    assert await asked(exchange, gate(server.url)) == Check(
        "p99", "promql", passed=passed, value=value, at=NOW, detail=detail
    )


async def test_at_least_is_broken_by_the_lowest(server: Server, exchange: Exchange) -> None:
    server.gives(vector("99.9", "98"))
    found = await asked(exchange, gate(server.url, at_least=99.0))
    assert (found.passed, found.value) == (False, 98.0)
    assert found.detail == "98, the worst of 2 samples; at least 99 is allowed"


HISTOGRAM = success("vector", [{"metric": {}, "histogram": [NOW, {"count": "1"}]}])


@pytest.mark.parametrize(
    "document", [vector(), matrix(), matrix([], []), vector("NaN", "nan"), success("scalar", [NOW, "NaN"]), HISTOGRAM]
)
async def test_no_data_decides_nothing(server: Server, exchange: Exchange, document: object) -> None:
    server.gives(document)
    found = await asked(exchange, gate(server.url))
    assert (found.passed, found.value, found.detail) == (None, None, "the query gives no data")


async def test_text_is_no_number(server: Server, exchange: Exchange) -> None:
    server.gives(success("string", [NOW, "1"]))
    found = await asked(exchange, gate(server.url))
    assert (found.passed, found.detail) == (None, "the query gives a string, not numbers")


@pytest.mark.parametrize("status", [400, 422, 503])
async def test_what_prometheus_says_of_a_bad_query_is_passed_on(
    server: Server, exchange: Exchange, status: int
) -> None:
    server.gives({"status": "error", "errorType": "bad_data", "error": "parse error at char 5: \n oh"}, status)
    found = await asked(exchange, gate(server.url))
    assert found.passed is None
    assert found.detail == f"prometheus {server.url} answered {status}: parse error at char 5: oh"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>not here</html>",
        b"[]",
        b"null",
        b'"success"',
        b"{}",
        b'{"status": "success"}',
        b'{"status": "error"}',
        b'{"status": "success", "data": null}',
        b'{"status": "success", "data": {"resultType": "vector", "result": null}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, "x"]}]}}',
        b'{"status": "success", "data": {"resultType": "scalar", "result": []}}',
        b'{"status": "success", "data": {"resultType": "matrix", "result": [{"values": [1]}]}}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
async def test_what_no_prometheus_would_say_decides_nothing(server: Server, exchange: Exchange, body: bytes) -> None:
    server.body = body
    found = await asked(exchange, gate(server.url))
    assert found.passed is None
    assert found.detail.startswith(f"{server.url} is no Prometheus: it answered 200")
    assert len(found.detail) < 400


async def test_a_good_document_with_a_bad_status_decides_nothing(server: Server, exchange: Exchange) -> None:
    server.gives(vector("0.1"), 500)
    assert (await asked(exchange, gate(server.url))).passed is None


async def test_too_much_of_an_answer_decides_nothing(server: Server, exchange: Exchange) -> None:
    server.body = b" " * (promql.LIMIT_BYTES + 1)
    found = await asked(exchange, gate(server.url))
    assert (found.passed, found.detail) == (
        None,
        f"prometheus {server.url} gave more than 4 MiB: aggregate in the query",
    )


async def test_nobody_there_decides_nothing(exchange: Exchange) -> None:
    async with Server() as gone:
        url = gone.url
    found = await asked(exchange, gate(f"{url.replace('//', '//me:secret@')}/secret"))
    assert found.passed is None
    assert found.detail.startswith(f"nobody can be reached at {url}")
    assert "secret" not in found.detail


async def test_elsewhere_decides_nothing(server: Server, exchange: Exchange) -> None:
    server.status, server.headers = 302, {"location": "/login"}
    found = await asked(exchange, gate(server.url))
    assert found.passed is None
    assert "points elsewhere" in found.detail


async def test_an_instant_query_is_posted_as_a_form(server: Server, exchange: Exchange) -> None:
    server.gives(vector("0"))
    query = 'sum(rate(x{a="b&c=d"}[1m])) + 1'
    await asked(exchange, gate(f"{server.url}/prefix/", query))
    (request,) = server.asked
    assert request.path == "/prefix/api/v1/query"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.form == {"query": query, "timeout": "10s"}


@pytest.mark.parametrize(
    ("range_s", "since", "start", "step"),
    [
        (120.0, BEGIN, NOW - 120.0, "2.000"),
        (3600.0, BEGIN, BEGIN, "60.000"),  # not what was before the attempt
        (5.0, BEGIN, NOW - 5.0, "1.000"),
        (5.0, NOW + 9.0, NOW, "1.000"),
    ],
)
async def test_a_range_ends_now_and_does_not_begin_before_the_attempt(
    server: Server, exchange: Exchange, range_s: float, since: float, start: float, step: str
) -> None:
    server.gives(matrix(["0"]))
    await asked(exchange, gate(server.url, range_s=range_s), since)
    (request,) = server.asked
    assert request.path == "/api/v1/query_range"
    assert request.form == {
        "query": "q",
        "timeout": "10s",
        "start": f"{start:.3f}",
        "end": f"{NOW:.3f}",
        "step": step,
    }
