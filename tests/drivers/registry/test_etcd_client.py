"""The client of etcd against answers that a real one gives only in bad moments; tests/etcd has the real one."""

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from abreast.bench.target import free_port
from abreast.drivers.registry import etcd_client
from abreast.drivers.registry.etcd_client import Entry, Etcd, Reading
from abreast.drivers.registry.found import NoAnswerError
from tests.fakes.web import serving


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@dataclass
class Gateway:
    """Answers a range with ``kvs``, a watch with ``lines`` and then silence, or hanging up; ``asked`` is what came."""

    kvs: Sequence[dict[str, str]] = ()
    lines: Sequence[object] = ()
    hangs_up: bool = False
    tokens: list[str] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append((request.path, body))
        if request.path == "/v3/auth/authenticate":
            self.tokens.append(f"t{len(self.tokens)}")
            return web.json_response({"token": self.tokens[-1]})
        if self.tokens and request.headers.get("Authorization") != self.tokens[-1]:
            return web.json_response({"message": "etcdserver: invalid auth token", "code": 16}, status=401)
        if request.path == "/v3/kv/range":
            return web.json_response({"header": {"revision": "7"}, "kvs": list(self.kvs)})
        response = web.StreamResponse()
        await response.prepare(request)
        for line in self.lines:
            text = line if isinstance(line, str) else json.dumps(line)
            await response.write(text.encode() + b"\n")
        if not self.hangs_up:
            await asyncio.sleep(60)
        return response


async def read(client: Etcd, key: str = "a", *, prefix: bool = False) -> Reading:
    try:
        return await client.read(key, prefix=prefix)
    finally:
        await client.close()


async def watch(gateway: Gateway) -> None:
    async with serving(gateway.answer) as url:
        client = Etcd([url])
        try:
            await asyncio.wait_for(client.changed("a", 7), 10)
        finally:
            await client.close()


async def test_a_reading_has_the_keys_with_their_revisions() -> None:
    gateway = Gateway(
        kvs=[{"key": coded("a"), "value": coded("x"), "mod_revision": "5"}, {"key": coded("b"), "mod_revision": "6"}]
    )
    async with serving(gateway.answer) as url:
        reading = await read(Etcd([url]))
    assert reading == Reading(7, (Entry("a", b"x", 5), Entry("b", b"", 6)))
    assert gateway.asked == [("/v3/kv/range", {"key": coded("a"), "limit": "1001"})]


@pytest.mark.parametrize(("prefix", "end"), [("/a/", "/a0"), ("a", "b"), ("é", "ê")])
async def test_a_prefix_ends_before_the_next_key_that_does_not_begin_so(prefix: str, end: str) -> None:
    gateway = Gateway()
    async with serving(gateway.answer) as url:
        await read(Etcd([url]), prefix, prefix=True)
    assert gateway.asked[0][1]["range_end"] == coded(end)


@pytest.mark.parametrize(
    "line",
    [
        {"result": {"events": [{"type": "DELETE"}]}},
        {"result": {"canceled": True, "compact_revision": "9"}},
    ],
    ids=["an event", "compacted"],
)
async def test_a_watch_ends_with_what_may_be_a_change(line: object) -> None:
    gateway = Gateway(lines=[{"result": {"created": True}}, "", line])
    await watch(gateway)
    assert gateway.asked == [("/v3/watch", {"create_request": {"key": coded("a"), "start_revision": "8"}})]


async def test_a_watch_without_news_ends_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_client, "WATCH_S", 0.05)
    await watch(Gateway(lines=[{"result": {"created": True}}]))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            {"result": {"canceled": True, "cancel_reason": "permission denied"}},
            "the watch was refused: permission denied",
        ),
        ({"result": {"canceled": True}}, "the watch was refused: for no reason given"),
        ({"error": {"message": "etcdserver: no leader"}}, "the watch failed: etcdserver: no leader"),
        ({"error": "gone"}, "a watch of etcd does not say"),
        ("<html>", "a watch of etcd does not say b'<html>'"),
        ("[]", "a watch of etcd does not say"),
    ],
)
async def test_a_watch_that_is_refused_says_why(line: object, words: str) -> None:
    with pytest.raises(NoAnswerError, match=words):
        await watch(Gateway(lines=[line]))


async def test_a_watch_that_ends_is_no_answer() -> None:
    with pytest.raises(NoAnswerError, match="ended the watch"):
        await watch(Gateway(hangs_up=True))


async def test_the_next_member_is_asked_when_one_fails() -> None:
    away = f"http://127.0.0.1:{free_port()}"
    gateway = Gateway()
    async with serving(gateway.answer) as url:
        client = Etcd([away, url])
        assert (await client.read("a")).revision == 7
        assert client._addresses == [url, away], "and stays the first to be asked"
        await client.close()


async def test_when_none_answers_all_are_named() -> None:
    one, two = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    with pytest.raises(NoAnswerError, match=rf"{one}: .*; {two}: "):
        await read(Etcd([one, two]))


async def test_a_user_logs_in_first_and_again_when_the_token_is_over() -> None:
    gateway = Gateway()
    async with serving(gateway.answer) as url:
        client = Etcd([url], "ada", "s3cret")
        await client.read("a")
        gateway.tokens.append("another")
        await client.read("a")
        await client.close()
    paths = [path.rpartition("/")[2] for path, _ in gateway.asked]
    assert paths == ["authenticate", "range", "range", "authenticate", "range"]
    assert gateway.asked[0][1] == {"name": "ada", "password": "s3cret"}


async def test_a_login_that_is_refused_says_who_and_not_with_what() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"error": "etcdserver: authentication failed"}, status=400)

    async with serving(answer) as url:
        with pytest.raises(
            NoAnswerError, match="'ada' cannot log in: it answered 400: etcdserver: authentication"
        ) as caught:
            await read(Etcd([url], "ada", "s3cret"))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "body", ["{}", "[]", "<html>", '{"header": {"revision": "x"}}', '{"header": {"revision": "1"}, "kvs": [{}]}']
)
async def test_what_is_no_etcd_is_no_answer(body: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body)

    async with serving(answer) as url:
        with pytest.raises(NoAnswerError, match=r"is no etcd|is no JSON"):
            await read(Etcd([url]))


async def test_a_gateway_that_is_away_says_its_status() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=502, text="bad gateway")

    async with serving(answer) as url:
        with pytest.raises(NoAnswerError, match="answered 502: 'bad gateway'"):
            await read(Etcd([url]))
