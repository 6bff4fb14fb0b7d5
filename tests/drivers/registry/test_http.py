"""HTTP with a registry, bounded."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from abreast.bench.target import free_port
from abreast.drivers.registry import http
from abreast.drivers.registry.found import NoAnswerError
from abreast.drivers.registry.http import Http, Reply
from tests.fakes.web import serving


@pytest.fixture
async def client() -> AsyncIterator[Http]:
    made = Http()
    yield made
    await made.close()


async def all_lines(client: Http, url: str) -> list[bytes]:
    async with client.lines(url, {}, {}) as lines, contextlib.aclosing(lines):
        return [line async for line in lines]


async def test_what_is_asked_arrives_and_the_answer_comes_back(client: Http) -> None:
    seen: list[tuple[str, str, str, object]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, request.path_qs, request.headers["X-Token"], await request.json()))
        return web.json_response({"a": 1}, headers={"X-Index": "7"})

    async with serving(answer) as url:
        reply = await client.ask("PUT", f"{url}/x", 5.0, params={"q": "1"}, headers={"X-Token": "t"}, body={"b": 2})
    assert seen == [("PUT", "/x?q=1", "t", {"b": 2})]
    assert (reply.ok, reply.json(), reply.headers["x-index"]) == (True, {"a": 1}, "7")


async def test_closing_twice_and_asking_again_is_fine(client: Http) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async with serving(answer) as url:
        for _ in range(2):
            assert (await client.ask("GET", url, 5.0)).body == b"ok"
            await client.close()
            await client.close()


async def test_proxies_of_the_environment_are_not_asked(client: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async with serving(answer) as url:
        assert (await client.ask("GET", url, 5.0)).ok


async def test_nobody_there_is_no_answer(client: Http) -> None:
    with pytest.raises(NoAnswerError, match="connection attempts failed"):
        await client.ask("GET", f"http://127.0.0.1:{free_port()}", 5.0)


async def test_one_that_takes_too_long_is_no_answer(client: Http) -> None:
    begun = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        begun.set()
        await asyncio.sleep(60)
        raise AssertionError

    async with serving(answer) as url:
        with pytest.raises(NoAnswerError, match=r"no answer within 0\.5 s"):
            await client.ask("GET", url, 0.5)
        await asyncio.wait_for(begun.wait(), 5)


async def test_an_answer_that_is_too_large_is_none(client: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LIMIT_BYTES", 1 << 20)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * ((1 << 20) + 1))

    async with serving(answer) as url:
        with pytest.raises(NoAnswerError, match="more than 1 MiB"):
            await client.ask("GET", url, 5.0)


async def test_lines_come_one_by_one(client: Http) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b"on", b"e\ntwo\nth", b"ree\nrest"):
            await response.write(piece)
            await asyncio.sleep(0)
        return response

    async with serving(answer) as url:
        assert await all_lines(client, url) == [b"one", b"two", b"three"]


async def test_a_line_without_end_is_given_up(client: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LIMIT_BYTES", 1 << 20)

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                await response.write(b"x" * (1 << 16))
        return response

    async with serving(answer) as url:
        with pytest.raises(NoAnswerError, match="a line of the answer has more than 1 MiB"):
            await all_lines(client, url)


async def test_lines_that_are_refused_say_why(client: Http) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=503, text="no\n leader")

    async with serving(answer) as url:
        with pytest.raises(NoAnswerError, match="answered 503: 'no leader'"):
            await all_lines(client, url)


async def test_lines_that_break_off_are_no_answer(client: Http) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-length": "100"})
        await response.prepare(request)
        await response.write(b"one\n")
        assert request.transport is not None
        request.transport.close()
        return response

    async with serving(answer) as url:
        with pytest.raises(NoAnswerError):
            await all_lines(client, url)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(500, {}, b""), "answered 500"),
        (Reply(403, {}, b"a\n  b"), "answered 403: 'a b'"),
        (Reply(403, {}, b"x" * 999), f"answered 403: '{'x' * 159}…'"),
    ],
)
def test_an_answer_in_words(reply: Reply, words: str) -> None:
    assert reply.words == words


def test_what_is_no_json_says_so() -> None:
    with pytest.raises(NoAnswerError, match="answered 200: '<html>', which is no JSON"):
        Reply(200, {}, b"<html>").json()
