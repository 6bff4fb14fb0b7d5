"""HTTP/2 frame for frame: many requests on a connection, refused ones again, graceful goodbyes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from h2.settings import SettingCodes

from abreast.load.h2c import Phrasing
from abreast.load.plan import Plan, Request
from abreast.load.run import Load
from abreast.load.tally import Exchange
from tests.load.server import H2Peer, scripted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from abreast.load.report import Report
    from tests.load.server import Script


async def run(url: str, count: int = 10, **change: object) -> Report:
    values: dict[str, object] = {
        "url": url,
        "rate_per_s": 500.0,
        "count": count,
        "connections": 1,
        "timeout_s": 5.0,
        "protocol": "h2c",
        "watch_header": "x-version",
        **change,
    }
    return await Load(Plan(**values)).run()  # type: ignore[arg-type]  # keyword by keyword in the tests


def peers(script: Callable[[H2Peer, int], Awaitable[None]]) -> Script:
    async def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await script(H2Peer(reader, writer), number)

    return start


def test_header_fields_carry_the_user_and_the_id() -> None:
    plan = Plan(
        url="http://127.0.0.1:8080",
        rate_per_s=1,
        count=1,
        seed=5,
        id_header="idempotency-key",
        requests=(Request("/a", "POST", (("x-b", "c"),), "body"),),
    )

    assert Phrasing(plan).headers(Exchange(3, 0, 42, 0.0)) == [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":authority", b"127.0.0.1:8080"),
        (b":path", b"/a"),
        (b"x-b", b"c"),
        (b"content-length", b"4"),
        (b"x-user-id", b"u42"),
        (b"idempotency-key", b"5-3"),
    ]


@pytest.mark.parametrize(("user_by", "last"), [("cookie:session", (b"cookie", b"session=u9")), ("", (b":path", b"/"))])
def test_a_user_is_named_as_the_spec_says(user_by: str, last: tuple[bytes, bytes]) -> None:
    plan = Plan(url="http://127.0.0.1:1", rate_per_s=1, count=1, user_by=user_by)

    assert Phrasing(plan).headers(Exchange(0, 0, 9, 0.0))[-1] == last


async def test_requests_share_a_connection() -> None:
    seen: list[dict[str, str]] = []

    async def script(peer: H2Peer, _: int) -> None:
        peer.requests = seen
        while True:
            peer.answer(await peer.request(), "v2")

    async with scripted(peers(script)) as server:
        report = await run(server.url, count=50)

    assert (report.ok, report.failed, server.connections) == (50, 0, 1)
    assert report.versions == {"v2": 50}
    assert {request[":path"] for request in seen} == {"/"}
    assert all("x-user-id" in request for request in seen)


async def test_streams_overlap_and_answers_may_come_in_any_order() -> None:
    async def script(peer: H2Peer, _: int) -> None:
        waiting = [await peer.request() for _ in range(6)]
        for stream in reversed(waiting):
            peer.answer(stream)
        await peer.read()

    async with scripted(peers(script)) as server:
        report = await run(server.url, count=6)

    assert (report.ok, report.failed) == (6, 0)


async def test_the_servers_limit_of_streams_is_kept() -> None:
    most = 0

    async def script(peer: H2Peer, _: int) -> None:
        nonlocal most
        peer.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 2})
        peer.flush()
        while len(peer.requests) < 2:
            await peer.read()
        while True:
            most = max(most, peer.h2.open_inbound_streams)
            peer.answer(await peer.request())

    async with scripted(peers(script)) as server:
        report = await run(server.url, count=30, rate_per_s=5000.0)

    assert (report.ok, report.failed) == (30, 0)
    assert most <= 2


async def test_a_goodbye_ends_new_streams_and_lets_those_under_way_finish() -> None:
    """RFC 9113 §6.8: streams up to the last one named are answered, those above go elsewhere."""
    fifth = 9  # a client's streams have odd numbers

    async def script(peer: H2Peer, number: int) -> None:
        while True:
            stream = await peer.request()
            if number == 0 and stream == fifth:
                peer.writer.write(goaway(stream))
                await asyncio.sleep(0.03)
                peer.answer(stream)
                await peer.read()
            else:
                peer.answer(stream)

    async with scripted(peers(script)) as server:
        report = await run(server.url, count=30)

    assert (report.ok, report.failures) == (30, {})
    assert server.connections == 2


def goaway(last_stream: int) -> bytes:
    """A GOAWAY frame with NO_ERROR, made by hand: h2's own would close the server's end too."""
    return b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + last_stream.to_bytes(4, "big") + bytes(4)


async def test_streams_above_the_last_one_named_are_sent_again_and_counted() -> None:
    async def script(peer: H2Peer, number: int) -> None:
        if number == 0:
            streams = [await peer.request() for _ in range(4)]
            peer.answer(streams[0])
            peer.answer(streams[1])
            peer.writer.write(goaway(streams[1]))
            await peer.read()
        while True:
            peer.answer(await peer.request())

    async with scripted(peers(script)) as server:
        report = await run(server.url, count=4)

    assert (report.ok, report.failed, report.resent) == (4, 0, 2)


async def test_a_refused_stream_is_sent_again_because_nothing_was_done() -> None:
    async def script(peer: H2Peer, _: int) -> None:
        peer.refuse(await peer.request())
        while True:
            peer.answer(await peer.request())

    async with scripted(peers(script)) as server:
        report = await run(server.url, count=5)

    assert (report.ok, report.failed, report.resent) == (5, 0, 1)


async def test_a_server_that_always_refuses_is_believed_in_the_end() -> None:
    async def script(peer: H2Peer, _: int) -> None:
        while True:
            peer.refuse(await peer.request())

    async with scripted(peers(script)) as server:
        report = await run(server.url, count=3)

    assert report.failures == {"refused": 3}
    assert report.resent == 9


async def test_a_reset_stream_fails_alone() -> None:
    async def script(peer: H2Peer, _: int) -> None:
        peer.h2.reset_stream(await peer.request())
        peer.flush()
        while True:
            peer.answer(await peer.request())

    async with scripted(peers(script)) as server:
        report = await run(server.url, count=6)

    assert report.failures == {"reset": 1}
    assert (report.ok, server.connections) == (5, 1)


async def test_a_lost_connection_loses_all_its_requests_and_none_is_sent_again() -> None:
    async def script(peer: H2Peer, number: int) -> None:
        if number == 0:
            for _ in range(3):
                await peer.request()
            return
        while True:
            peer.answer(await peer.request())

    async with scripted(peers(script)) as server:
        report = await run(server.url, count=9, rate_per_s=100.0)

    # A late schedule may have put one more on the connection that was about to be lost.
    lost = report.failures["closed"]
    assert set(report.failures) == {"closed"}
    assert lost >= 3
    assert (report.ok, report.resent) == (9 - lost, 0)


async def test_a_request_out_of_time_is_cancelled_and_the_connection_lives_on() -> None:
    resets: list[int] = []

    async def script(peer: H2Peer, _: int) -> None:
        peer.resets = resets
        await peer.request()
        while True:
            peer.answer(await peer.request())

    async with scripted(peers(script)) as server:
        report = await run(server.url, count=25, rate_per_s=50.0, timeout_s=0.3)

    assert report.failures == {"timeout": 1}
    assert (report.ok, server.connections) == (24, 1)
    assert resets == [1]


async def test_bodies_larger_than_the_window_arrive_whole() -> None:
    body = "0123456789" * 30_000
    bodies: dict[int, bytes] = {}

    async def script(peer: H2Peer, _: int) -> None:
        peer.bodies = bodies
        while True:
            peer.answer(await peer.request())

    async with scripted(peers(script)) as server:
        report = await run(server.url, count=3, requests=(Request("/", "POST", (), body),))

    assert (report.ok, report.failures) == (3, {})
    assert set(bodies.values()) == {body.encode()}


async def test_what_is_not_http2_is_called_protocol() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await reader.readuntil(b"\r\n\r\nSM\r\n\r\n")
        await asyncio.sleep(0.03)
        writer.write(bytes(9))  # an empty DATA frame on stream 0, which no server may send
        await reader.read()

    async with scripted(script) as server:
        report = await run(server.url, count=2, rate_per_s=1000.0)

    assert report.ok == 0
    assert report.failures == {"protocol": 2}
