"""Asking real servers."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from abreast.drivers.probe import Answer, ask
from abreast.model.service import Endpoint, Probe, Version

VERSION = Version("v1", run=("serve",))
GET = Probe("http", "/healthz", timeout_s=5.0)


class Server:
    """Answers each connection with fixed bytes, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self._servers: list[asyncio.Server] = []
        self._handling: set[asyncio.Task[None] | None] = set()
        self._over = asyncio.Event()

    async def says(self, *parts: bytes, hang: bool = False) -> Endpoint:
        """Its address."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._handling.add(asyncio.current_task())
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                self.asked.append(await reader.readuntil(b"\r\n\r\n"))
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                if hang:
                    await self._over.wait()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        self._servers.append(server)
        return Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Wait until every connection is over."""
        self._over.set()
        for server in self._servers:
            server.close()
            await server.wait_closed()
        await asyncio.gather(*(task for task in self._handling if task is not None))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("status", "well"), [(200, True), (204, True), (302, True), (399, True), (400, False), (404, False), (503, False)]
)
async def test_two_and_three_hundreds_are_well(server: Server, status: int, *, well: bool) -> None:
    endpoint = await server.says(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
    assert await ask(endpoint, GET, VERSION) == Answer(well=well, detail=f"GET /healthz answered {status}")


async def test_the_request_is_a_plain_get(server: Server) -> None:
    endpoint = await server.says(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    await ask(endpoint, GET, VERSION)
    lines = server.asked[0].decode().split("\r\n")
    assert lines[0] == "GET /healthz HTTP/1.1"
    assert f"host: {endpoint}" in lines
    assert "connection: close" in lines


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(
            [b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"], id="hints before"
        ),
        pytest.param([b"HTTP/1.1 20", b"0 OK\r\ncontent-le", b"ngth: 2\r\n\r\nok"], id="in pieces"),
        pytest.param([b"HTTP/1.0 200 OK\r\n\r\nuntil the end"], id="HTTP/1.0"),
        pytest.param([b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000], id="long"),
    ],
)
async def test_any_sound_answer_is_understood(server: Server, parts: list[bytes]) -> None:
    assert await ask(await server.says(*parts), GET, VERSION) == Answer(well=True, detail="GET /healthz answered 200")


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([], id="hangs up"),
        pytest.param([b"HTTP/1.1 103 Early Hints\r\n\r\n"], id="hints only"),
        pytest.param([b"220 mail.example ESMTP\r\n"], id="another protocol"),
        pytest.param([b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"], id="upgrade"),
    ],
)
async def test_what_is_no_answer_is_said_to_be_none(server: Server, parts: list[bytes]) -> None:
    answer = await ask(await server.says(*parts), GET, VERSION)
    assert answer == Answer(well=False, detail="GET /healthz: the answer is not HTTP/1.1")


async def test_an_answer_that_does_not_come_is_waited_for_only_so_long(server: Server) -> None:
    endpoint = await server.says(hang=True)
    answer = await ask(endpoint, Probe("http", "/healthz", timeout_s=0.1), VERSION)
    assert answer == Answer(well=False, detail="GET /healthz: no answer within 0.1 s")


async def test_a_closed_port_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        endpoint = Endpoint("127.0.0.1", closed.getsockname()[1])
    assert await ask(endpoint, GET, VERSION) == Answer(well=False, detail="GET /healthz: connection refused")
    answer = await ask(endpoint, Probe(), VERSION)
    assert answer == Answer(well=False, detail=f"connect to {endpoint}: connection refused")


@pytest.mark.parametrize(
    ("probe", "version"), [(Probe(), VERSION), (GET, Version("v1", run=("serve",), protocol="h2c"))]
)
async def test_a_connect_is_enough_for_tcp_and_for_h2c(server: Server, probe: Probe, version: Version) -> None:
    endpoint = await server.says(hang=True)
    assert await ask(endpoint, probe, version) == Answer(well=True, detail=f"connect to {endpoint} succeeded")


async def test_meeting_oneself_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    # A socket connected to its own address: what a connect to a free ephemeral port may come upon by chance.
    itself = socket.socket()
    itself.bind(("127.0.0.1", 0))
    address = itself.getsockname()
    itself.connect(address)
    itself.settimeout(0)
    plainly = asyncio.open_connection

    async def by_chance(*_: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await plainly(sock=itself)

    monkeypatch.setattr(asyncio, "open_connection", by_chance)
    endpoint = Endpoint(*address)
    answer = await ask(endpoint, Probe(), VERSION)
    assert answer == Answer(well=False, detail=f"connect to {endpoint}: connection refused")
