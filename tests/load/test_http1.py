"""HTTP/1.1 byte for byte: what is sent, how answers end, and what each kind of loss is called."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from abreast.load.http1 import Wording
from abreast.load.plan import Plan, Request
from abreast.load.run import Load
from abreast.load.tally import Exchange
from tests.load.server import OK, request_head, scripted, serving

if TYPE_CHECKING:
    from abreast.load.report import Report


async def run(url: str, count: int = 10, **change: object) -> Report:
    values: dict[str, object] = {
        "url": url,
        "rate_per_s": 500.0,
        "count": count,
        "connections": 2,
        "timeout_s": 5.0,
        "watch_header": "X-Version",
        **change,
    }
    return await Load(Plan(**values)).run()  # type: ignore[arg-type]  # keyword by keyword in the tests


def test_a_request_is_written_with_its_user_its_id_and_its_body() -> None:
    plan = Plan(
        url="http://127.0.0.1:8080",
        rate_per_s=1,
        count=1,
        seed=5,
        id_header="idempotency-key",
        requests=(Request("/a"), Request("/b", "POST", (("content-type", "text/plain"),), "héllo")),
    )
    wording = Wording(plan)

    assert wording.payload(Exchange(3, 0, 42, 0.0)) == (
        b"GET /a HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nx-user-id: u42\r\nidempotency-key: 5-3\r\n\r\n"
    )
    assert wording.payload(Exchange(4, 1, 7, 0.0)) == (
        b"POST /b HTTP/1.1\r\nhost: 127.0.0.1:8080\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n"
        b"x-user-id: u7\r\nidempotency-key: 5-4\r\n\r\n" + "héllo".encode()
    )


@pytest.mark.parametrize(
    ("user_by", "line"), [("cookie:session", b"cookie: session=u9\r\n"), ("header:x-who", b"x-who: u9\r\n"), ("", b"")]
)
def test_a_user_is_named_as_the_spec_says(user_by: str, line: bytes) -> None:
    plan = Plan(url="http://127.0.0.1:1", rate_per_s=1, count=1, user_by=user_by, keep_alive=False)

    payload = Wording(plan).payload(Exchange(0, 0, 9, 0.0))

    assert payload == b"GET / HTTP/1.1\r\nhost: 127.0.0.1:1\r\nconnection: close\r\n" + line + b"\r\n"


async def test_connections_are_kept_and_the_watched_header_is_noted() -> None:
    heads: list[bytes] = []
    async with scripted(serving(OK, heads)) as server:
        report = await run(server.url, count=40)

    assert (report.ok, report.failed) == (40, 0)
    assert report.versions == {"v1": 40}
    assert server.connections == 2
    assert len(heads) == 40


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK,
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    ],
    ids=["no body", "chunked", "early hints", "continue"],
)
async def test_each_way_of_ending_an_answer_keeps_the_connection(answer: bytes) -> None:
    async with scripted(serving(answer)) as server:
        report = await run(server.url, count=20, connections=1)

    assert (report.ok, server.connections) == (20, 1)


async def test_an_answer_in_many_small_pieces_is_one_answer() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        while True:
            await request_head(reader)
            for number in range(len(OK)):
                writer.write(OK[number : number + 1])
                await asyncio.sleep(0)

    async with scripted(script) as server:
        report = await run(server.url, count=5)

    assert (report.ok, report.versions) == (5, {"v1": 5})


async def test_connection_close_in_the_answer_is_obeyed_without_a_failure() -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await request_head(reader)
        writer.write(answer)
        # The server leaves the closing to the client: a second request here would hang.
        assert await reader.read() == b""

    async with scripted(script) as server:
        report = await run(server.url, count=12)

    assert (report.ok, report.failed) == (12, 0)
    # The two opened beforehand are among them.
    assert server.connections == 12


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nx-version: v3\r\n\r\nall of it")

    async with scripted(script) as server:
        report = await run(server.url, count=6)

    assert (report.ok, report.versions) == (6, {"v3": 6})


async def test_a_kept_connection_closed_while_idle_is_replaced_without_a_failure() -> None:
    """The client looks before it sends: no byte went out on the closed one, so nothing is lost."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await request_head(reader)
        writer.write(OK)

    async with scripted(script) as server:
        report = await run(server.url, count=10, connections=1, rate_per_s=50.0)

    assert (report.ok, report.failures) == (10, {})
    assert server.connections == 10


async def test_one_connection_per_request() -> None:
    heads: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        heads.append(await request_head(reader))
        writer.write(OK)
        await reader.read()

    async with scripted(script) as server:
        report = await run(server.url, count=15, keep_alive=False)

    assert (report.ok, server.connections) == (15, 15)
    assert all(b"connection: close\r\n" in head for head in heads)


async def test_closed_before_any_answer_is_called_closed_and_not_sent_again() -> None:
    async def script(reader: asyncio.StreamReader, _: asyncio.StreamWriter, __: int) -> None:
        await request_head(reader)

    async with scripted(script) as server:
        report = await run(server.url, count=8)

    assert report.failures == {"closed": 8}
    assert server.connections == 8


async def test_closed_in_the_middle_of_an_answer_is_called_closed() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await request_head(reader)
        writer.write(OK[:-1])

    async with scripted(script) as server:
        report = await run(server.url, count=4)

    assert report.failures == {"closed": 4}


async def test_a_kept_connection_closed_with_a_request_on_it_is_called_stale() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await request_head(reader)
        writer.write(OK)
        await request_head(reader)

    async with scripted(script) as server:
        report = await run(server.url, count=6, connections=1)

    assert report.failures == {"stale": 3}
    assert report.ok == 3


async def test_a_reset_is_called_reset() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await request_head(reader)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with scripted(script) as server:
        report = await run(server.url, count=4)

    assert report.failures == {"reset": 4}


@pytest.mark.parametrize("nonsense", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n??"])
async def test_what_is_not_an_answer_is_called_protocol(nonsense: bytes) -> None:
    async with scripted(serving(nonsense)) as server:
        report = await run(server.url, count=3, connections=1)

    assert report.failures == {"protocol": 3}


async def test_bytes_that_nobody_asked_for_cost_the_connection_and_no_request() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await request_head(reader)
            writer.write(OK)
            if number == 0:
                await asyncio.sleep(0.005)
                writer.write(b"HTTP/1.1 408 Request Timeout\r\n\r\n")

    async with scripted(script) as server:
        report = await run(server.url, count=10, connections=1, rate_per_s=50.0)

    assert (report.ok, report.failures) == (10, {})
    assert server.connections == 2


async def test_a_body_larger_than_the_sockets_buffer_arrives_whole() -> None:
    sizes: list[int] = []
    body = "x" * 8_000_000

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await request_head(reader)
        sizes.append(len(await reader.readexactly(len(body))))
        writer.write(OK)
        await reader.read()

    async with scripted(script) as server:
        report = await run(server.url, count=1, requests=(Request("/", "POST", (), body),))

    assert (report.ok, sizes) == (1, [len(body)])
