"""A small HTTP service on loopback whose answers are a function of the request."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from abreast.compare.model import Headers, Request


@dataclass
class Reply:
    """What the service answers; ``raw`` instead of all the rest where it is given."""

    status: int = 200
    headers: Headers = (("content-type", "application/json"),)
    body: bytes = b"{}"
    raw: bytes | None = None
    wait_s: float = 0.0

    def written(self, method: str) -> bytes:
        """As it goes over the wire."""
        if self.raw is not None:
            return self.raw
        lines = [f"HTTP/1.1 {self.status} -", f"content-length: {len(self.body)}"]
        head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in self.headers), "", ""])
        return head.encode("latin-1") + (b"" if method == "HEAD" else self.body)


@dataclass
class Service:
    """A running service: where, and what it was asked."""

    url: str
    asked: list[Request] = field(default_factory=list)


@asynccontextmanager
async def serving(answering: Callable[[Request], Reply], tls: ssl.SSLContext | None = None) -> AsyncIterator[Service]:
    """The service, until the block ends."""
    service = Service("")

    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        with suppress(asyncio.CancelledError):  # the service ends; a stream's task may not say so in Python 3.11
            try:
                await converse(reader, writer)
            finally:
                writer.close()
                with suppress(OSError):  # the client may have been the first
                    await writer.wait_closed()
        connections.discard(task)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await _request(reader)
                service.asked.append(request)
                reply = answering(request)
                await asyncio.sleep(reply.wait_s)
                writer.write(reply.written(request.method))
                await writer.drain()
                if reply.raw is not None:
                    break

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    service.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield service
    finally:
        server.close()
        for task in tuple(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = tuple((line.partition(":")[0].lower(), line.partition(":")[2].strip()) for line in head[1:] if line)
    length = next((int(value) for name, value in headers if name == "content-length"), 0)
    return Request(method, path, headers, await reader.readexactly(length))
