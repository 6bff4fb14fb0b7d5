"""Servers that say and do exactly what a test tells them, byte for byte or frame for frame."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]
"""What happens on a connection; the number counts connections from 0."""

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-version: v1\r\n\r\nok"


class Address:
    """Where a scripted server listens, and how many connections it has taken."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[Address]:
    """Run the script on each connection."""
    address = Address(0)

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, address.connections = address.connections, address.connections + 1
        try:
            await script(reader, writer, number)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(run, "127.0.0.1", 0)
    address.port = server.sockets[0].getsockname()[1]
    try:
        yield address
    finally:
        server.close()


async def request_head(reader: asyncio.StreamReader) -> bytes:
    """One request without a body; raises IncompleteReadError at the end."""
    return await reader.readuntil(b"\r\n\r\n")


def serving(answer: bytes, heads: list[bytes] | None = None) -> Script:
    """A server that gives this answer to every request, and notes what it was asked."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        while True:
            head = await request_head(reader)
            if heads is not None:
                heads.append(head)
            writer.write(answer)

    return script


class H2Peer:
    """The server's end of one h2c connection, as a script uses it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.requests: list[dict[str, str]] = []
        self.bodies: dict[int, bytes] = {}
        self.resets: list[int] = []
        self._ended: list[int] = []
        self.flush()

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    async def request(self) -> int:
        """The stream of the next whole request; raises IncompleteReadError at the end."""
        while not self._ended:
            await self.read()
        return self._ended.pop(0)

    async def read(self) -> None:
        """Take in whatever comes next."""
        data = await self.reader.read(65536)
        if not data:
            raise asyncio.IncompleteReadError(b"", 1)
        for event in self.h2.receive_data(data):
            self._take(event)
        self.flush()

    def _take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self.requests.append({str(name): str(value) for name, value in event.headers or ()})
            self.bodies[event.stream_id or 0] = b""
        elif isinstance(event, DataReceived):
            self.bodies[event.stream_id or 0] += event.data or b""
            self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        elif isinstance(event, StreamEnded):
            self._ended.append(event.stream_id or 0)
        elif isinstance(event, StreamReset):
            self.resets.append(event.stream_id or 0)

    def answer(self, stream: int, version: str = "v1", status: int = 200) -> None:
        self.h2.send_headers(stream, [(":status", str(status)), ("x-version", version)])
        self.h2.send_data(stream, b"ok", end_stream=True)
        self.flush()

    def refuse(self, stream: int) -> None:
        self.h2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)
        self.flush()
