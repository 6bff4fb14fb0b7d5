"""The cheap server: what it answers, what it counts, and its faults."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from abreast.bench.origin import Behaviour, Origin


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=5.0, trust_env=False)


async def test_it_answers_a_kilobyte_and_names_its_version() -> None:
    async with Origin("v9") as origin, client() as http:
        answer = await http.get(f"{origin.url}/anything?x=1")

    assert answer.status_code == 200
    assert answer.headers["x-version"] == "v9"
    assert len(answer.content) == 1024


async def test_it_answers_json_of_a_size_that_is_never_twice_the_same() -> None:
    async with Origin(json_bytes=2048) as origin, client() as http:
        answers = [await http.get(origin.url) for _ in range(3)]

    assert {each.headers["content-type"] for each in answers} == {"application/json"}
    assert all(1900 < len(each.content) < 2400 for each in answers)
    assert len({len(each.content) for each in answers}) == 1
    assert [each.json()["answer"] for each in answers] == ["0000000001", "0000000002", "0000000003"]
    assert len({str(each.json()["lines"]) for each in answers}) == 1


async def test_it_counts_requests_but_not_health_checks() -> None:
    async with Origin() as origin, client() as http:
        begun_s = time.monotonic()
        for _ in range(3):
            await http.get(f"{origin.url}/a")
        await http.post(f"{origin.url}/b", content=b"body")
        await http.get(f"{origin.url}/healthz")

        assert origin.seen.requests == 4
        assert origin.seen.methods == {"GET": 3, "POST": 1}
        assert origin.seen.health_checks == 1
        assert begun_s <= origin.seen.last_request_s <= time.monotonic()
        assert origin.seen.connections == 1


async def test_it_knows_a_request_that_came_twice() -> None:
    async with Origin() as origin, client() as http:
        for own_id in ("1-1", "1-2", "1-1"):
            await http.post(f"{origin.url}/b", headers={"Idempotency-Key": own_id})

        told = (await http.get(f"{origin.url}/-/origin")).json()["seen"]

    assert told["duplicates"] == {"1-1": 2}
    assert (told["ids"], told["requests"], told["methods"]) == (2, 3, {"POST": 3})


async def test_a_share_of_failures_is_exact_and_spread() -> None:
    async with Origin(behaviour=Behaviour(fail_share=0.25)) as origin, client() as http:
        statuses = [(await http.get(origin.url)).status_code for _ in range(12)]

    assert statuses == [200, 200, 200, 500] * 3


async def test_a_delay_delays_all_but_health_checks() -> None:
    async with Origin(behaviour=Behaviour(delay_s=0.1)) as origin, client() as http:
        begun_s = time.monotonic()
        await http.get(f"{origin.url}/healthz")
        healthy_s = time.monotonic() - begun_s
        await http.get(origin.url)
        both_s = time.monotonic() - begun_s

    assert both_s - healthy_s >= 0.1
    assert healthy_s < both_s - healthy_s


async def test_failing_answers_500() -> None:
    async with Origin(behaviour=Behaviour("fail")) as origin, client() as http:
        assert (await http.get(origin.url)).status_code == 500
        assert (await http.get(f"{origin.url}/healthz")).status_code == 200


async def test_hanging_counts_the_request_and_never_answers() -> None:
    async with Origin(behaviour=Behaviour("hang")) as origin, client() as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.get(origin.url, timeout=0.1)

        assert origin.seen.requests == 1


@pytest.mark.parametrize(("mode", "error"), [("close", httpx.RemoteProtocolError), ("reset", httpx.ReadError)])
async def test_closing_and_resetting_answer_nothing(mode: str, error: type[Exception]) -> None:
    async with Origin() as origin, client() as http:
        await http.post(f"{origin.url}/-/origin", json={"mode": mode})
        with pytest.raises(error):
            await http.get(origin.url)

        assert origin.seen.requests == 1


async def test_health_is_switched_by_itself() -> None:
    async with Origin() as origin, client() as http:
        await http.post(f"{origin.url}/-/origin", json={"healthy": False})

        assert (await http.get(f"{origin.url}/healthz")).status_code == 503
        assert (await http.get(origin.url)).status_code == 200


async def test_the_control_path_changes_what_it_names_and_tells_the_rest() -> None:
    async with Origin(behaviour=Behaviour(delay_s=0.01)) as origin, client() as http:
        told = (await http.post(f"{origin.url}/-/origin", json={"fail_share": 0.5})).json()

    assert told["behaviour"] == {"mode": "serve", "delay_s": 0.01, "fail_share": 0.5, "healthy": True}
    assert told["seen"]["requests"] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('{"mode": "explode"}', "'explode' is not one of serve"),
        ('{"speed": 3}', "unknown: speed; known are delay_s"),
        ('{"fail_share": 2}', "between 0 and 1"),
        ('{"delay_s": "soon"}', "not supported"),
        ("nonsense", "line 1 column 1"),
    ],
)
async def test_a_change_without_meaning_is_refused_in_words_and_changes_nothing(change: str, words: str) -> None:
    async with Origin() as origin, client() as http:
        answer = await http.post(f"{origin.url}/-/origin", content=change)

        assert answer.status_code == 400
        assert words in answer.text
        assert origin.behaviour == Behaviour()


async def test_the_parts_of_http_that_a_gateway_uses() -> None:
    async def chunks() -> object:
        for part in (b"one", b"two"):
            yield part

    async with Origin() as origin, client() as http:
        head = await http.head(origin.url)
        chunked = await http.post(origin.url, content=chunks())  # type: ignore[arg-type]  # an async iterable of bytes
        closed = await http.get(origin.url, headers={"connection": "close"})

    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "1024")
    assert chunked.status_code == 200
    assert closed.headers["connection"] == "close"


async def test_what_is_not_http_is_answered_and_closed() -> None:
    async with Origin() as origin:
        reader, writer = await asyncio.open_connection("127.0.0.1", origin.port)
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()

    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_a_taken_port_is_an_error_at_once() -> None:
    async with Origin() as origin:
        with pytest.raises(OSError, match=str(origin.port)):
            await Origin(port=origin.port).__aenter__()
