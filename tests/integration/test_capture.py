"""Copies of requests by a real Envoy: what is sent to the relay, what is not and why, and that users notice nothing."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from abreast.model.shadow import BODY_LIMIT, IsolatedRoute
from abreast.model.traffic import Shadowing
from abreast.model.units import FULL_WEIGHT
from tests.integration.servers import Echo, talker
from tests.integration.stage import Stage, backend, until

EVERYTHING = Shadowing(FULL_WEIGHT, 100_000.0)


@dataclass
class Sink:
    """Stands where the relay listens; keeps what it is sent, or hangs."""

    hangs: bool = False
    frames: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not self.hangs:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                self.frames.append(await reader.readexactly(length))
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await reader.read()
        writer.close()


@asynccontextmanager
async def sink(path: Path, *, hangs: bool = False) -> AsyncIterator[Sink]:
    """A relay's stand-in on that socket."""
    kept = Sink(hangs)
    server = await asyncio.start_unix_server(kept.serve, path)
    try:
        yield kept
    finally:
        server.close()


def parts(frame: bytes) -> tuple[list[bytes], bytes]:
    """The five parts of a frame, and its flags."""
    first, _, rest = frame.partition(b"\n")
    name, *lengths, flags = first.split(b" ")
    assert name == b"abreast1"
    found = []
    for length in map(int, lengths):
        found.append(rest[:length])
        rest = rest[length:]
    assert rest == b""
    return found, flags


async def ledger(stage: Stage, requests: int) -> Counter[str]:
    """What became of so many requests' copies, once all of them are counted."""
    counted: Counter[str] = Counter()

    def complete() -> bool:
        counted.update(stage.gateway.counts.take_captures())
        return counted.total() >= requests

    await until(complete, f"{requests} requests in the ledger; there are {counted}")
    return counted


async def test_a_request_and_its_answer_are_copied_whole(stage: Stage) -> None:
    async with Echo("v1") as one, Echo("v2") as two, sink(stage.gateway.relay) as relay:
        await stage.open(stage.traffic(backend("v1", one.port), backend("v2", two.port), shadow=EVERYTHING))
        async with await stage.connect() as user:
            plain = await user.ask("/a?b=%20c", headers={"x-user-id": "ada", "x-abreast-upstream": "made up"})
            with_body = await user.ask("/search", headers={"x-user-id": "ada"}, body=b"\x00\xff\nquery")

        assert await ledger(stage, 2) == {"captured": 2}
        await until(lambda: len(relay.frames) == 2, "two copies")
    (head, body, answer, answered, trailers), flags = parts(relay.frames[0])
    lines = head.decode().splitlines()
    assert {":method: GET", ":path: /a?b=%20c", "x-user-id: ada"} <= set(lines)
    assert any(line.startswith("x-request-id: ") for line in lines)
    assert (body, trailers, flags) == (b"", b"", b"-")
    assert {":status: 200", "x-version: v1", f"x-abreast-upstream: v1 127.0.0.1:{one.port}"} <= set(
        answer.decode().splitlines()
    )
    assert answered == plain.body
    assert parts(relay.frames[1])[0][1] == b"\x00\xff\nquery"
    assert parts(relay.frames[1])[0][3] == with_body.body
    assert not any(name.startswith("x-abreast") for name in plain.headers)


async def test_what_is_not_copied_says_why(stage: Stage) -> None:
    some = Shadowing(FULL_WEIGHT, 100_000.0, (IsolatedRoute(("POST", "PUT"), "/isolated"),))
    async with Echo("v1") as one, Echo("v2") as two, sink(stage.gateway.relay) as relay:
        await stage.open(stage.traffic(backend("v1", one.port), backend("v2", two.port), shadow=some))
        async with await stage.connect() as user:
            await user.ask("/", "POST", body=b"x")
            await user.ask("/isolated/a", "POST", body=b"x")
            await user.ask("/isolated/a", "DELETE")
            await user.ask("/big", headers={"x-filler": "y"}, body=b"z" * (BODY_LIMIT + 1))
            await user.ask("/forced", headers={"x-abreast-version": "candidate:only-for-testers"})
        async with await stage.connect() as leaving:
            leaving.send("/events", headers={"accept": "application/json"})
            await until(lambda: one.streams == 1, "an answer under way")
        expected = {"method": 2, "captured": 1, "oversize": 1, "forced": 1, "aborted": 1}
        assert await ledger(stage, sum(expected.values())) == expected
        await until(lambda: len(relay.frames) == 1, "one copy")
    assert b":path: /isolated/a" in relay.frames[0]


async def test_streams_and_upgrades_are_left_alone(stage: Stage) -> None:
    async with talker("v1") as one, talker("v2") as two, sink(stage.gateway.relay) as relay:
        await stage.open(stage.traffic(backend("v1", one), backend("v2", two), shadow=EVERYTHING))
        upgrade = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13"}
        async with await stage.connect() as user:
            await user.ask("/", headers={**upgrade, "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="})
        async with await stage.connect() as user:
            await user.ask("/", headers={"accept": "text/event-stream"})
        assert await ledger(stage, 2) == {"upgrade": 1, "stream": 1}
        assert relay.frames == []


async def test_the_share_is_of_requests_and_the_budget_bounds_it(stage: Stage) -> None:
    async with Echo("v1") as one, Echo("v2") as two, sink(stage.gateway.relay):
        sides = backend("v1", one.port), backend("v2", two.port)
        await stage.open(stage.traffic(*sides, shadow=Shadowing(2000, 100_000.0)))
        async with await stage.connect() as user:
            for _ in range(600):
                await user.ask("/", headers={"x-user-id": "the same"})
        counted = await ledger(stage, 600)
        assert set(counted) == {"captured", "sampled-out"}
        assert 70 <= counted["captured"] <= 175  # 120 expected, five standard deviations of 9.8
        await stage.publish(stage.traffic(*sides, shadow=Shadowing(FULL_WEIGHT, 1.0)))
        async with await stage.connect() as user:
            for _ in range(100):
                await user.ask("/")
        counted = await ledger(stage, 100)
        assert counted["budget"] > counted["captured"] >= 1


@pytest.mark.parametrize("relay", ["absent", "hung"])
async def test_users_do_not_notice_a_relay_that_is(relay: str, stage: Stage) -> None:
    async with contextlib.AsyncExitStack() as stack:
        one, two = await stack.enter_async_context(Echo("v1")), await stack.enter_async_context(Echo("v2"))
        if relay == "hung":
            await stack.enter_async_context(sink(stage.gateway.relay, hangs=True))
        await stage.open(stage.traffic(backend("v1", one.port), backend("v2", two.port), shadow=EVERYTHING))
        async with await stage.connect() as user:
            answers = [await user.ask("/", body=b"x" * 60_000) for _ in range(300)]
        assert {answer.status for answer in answers} == {200}
        assert await ledger(stage, 300) == {"captured": 300}


async def test_a_request_without_an_answer_of_a_version_is_not_copied(stage: Stage) -> None:
    async with Echo("v1") as one, Echo("v2") as two, sink(stage.gateway.relay) as relay:
        port = one.port
        await stage.open(stage.traffic(backend("v1", port), backend("v2", two.port), shadow=EVERYTHING))
        await one.__aexit__()
        async with await stage.connect() as user:
            assert (await user.ask("/")).status == 503
        assert await ledger(stage, 1) == {"no-upstream": 1}
        assert relay.frames == []
