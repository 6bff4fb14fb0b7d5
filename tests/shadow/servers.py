"""Small servers that say exactly what a test wants said."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field

from abreast.model.service import Endpoint

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@dataclass(frozen=True)
class Heard:
    """One request as it came: the head's lines, and the body."""

    lines: tuple[bytes, ...]
    body: bytes

    @property
    def target(self) -> bytes:
        return self.lines[0].split(b" ")[1]

    def header(self, name: str) -> list[str]:
        """Every value of that name, in order."""
        pairs = [line.partition(b":") for line in self.lines[1:]]
        return [value.strip().decode("latin-1") for key, _, value in pairs if key.lower() == name.encode()]


Reply = Callable[[Heard], bytes]


@dataclass
class Server:
    """What a running server has seen. ``reply`` may be exchanged; empty bytes close the connection unanswered."""

    reply: Reply
    endpoint: Endpoint = field(default_factory=lambda: Endpoint("127.0.0.1", 0))
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://{self.endpoint}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests of one connection, one after the other."""
        self.connections += 1
        while heard := await hear(reader):
            self.heard.append(heard)
            answer = self.reply(heard)
            writer.write(answer)
            await writer.drain()
            if not answer or b"connection: close" in answer.lower():
                return


async def hear(reader: asyncio.StreamReader) -> Heard | None:
    """The next request; None when there is no more."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = tuple(head.rstrip(b"\r\n").split(b"\r\n"))
    found = Heard(lines, b"")
    length = int((found.header("content-length") or ["0"])[0])
    return Heard(lines, await reader.readexactly(length))


@contextlib.asynccontextmanager
async def serving(reply: Reply) -> AsyncIterator[Server]:
    """A server that answers each request with ``reply``'s bytes."""
    server = Server(reply)
    async with talking(server.talk) as endpoint:
        server.endpoint = endpoint
        yield server


@contextlib.asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[Endpoint]:
    """A server that lets ``talk`` do what it likes with each connection."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()
        writers.discard(writer)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Endpoint("127.0.0.1", listener.sockets[0].getsockname()[1])
    finally:
        listener.close()
        for writer in list(writers):
            writer.transport.abort()
        await listener.wait_closed()
        await asyncio.sleep(0)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset in place of an orderly end (SO_LINGER of zero, socket(7))."""
    found = writer.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


def answer(body: bytes = b"{}", status: int = 200, **headers: str) -> bytes:
    """An HTTP/1.1 answer with its length; names with ``_`` for ``-``."""
    lines = [f"HTTP/1.1 {status} Fine", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def free_port() -> int:
    """A port on loopback where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
