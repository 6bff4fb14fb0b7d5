"""A web server on loopback that answers as it is told: well, badly, slowly, without end, or not at all."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import parse_qsl

DEADLINE_S: Final = 10.0


@dataclass(frozen=True)
class Asked:
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:  # noqa: ANN401  # JSON
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode()))


@dataclass
class Server:
    """Serves while it is entered. ``status``, ``body`` and ``headers`` are what it answers.

    ``hangs``: it reads and says nothing. ``raw``: these bytes instead of an answer. ``drips``: its body comes a byte
    at a time and never ends.
    """

    status: int = 200
    body: bytes = b"so it is"
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    drips: bool = False
    raw: bytes | None = None
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def gives(self, document: object, status: int = 200) -> Self:
        """Answer this JSON from now on."""
        self.status, self.body = status, json.dumps(document).encode()
        return self

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """End, also for who still waits."""
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # who asked went away, or the test is over
        finally:
            self._open.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append(Asked(head[0].split()[1], headers, body))
        if self.hangs:
            await asyncio.Event().wait()
        if self.raw is not None:
            writer.write(self.raw)
            await writer.drain()
            return False
        length = 10**9 if self.drips else len(self.body)
        lines = [f"HTTP/1.1 {self.status} So", f"content-length: {length}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        while self.drips:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write(self.body)
        await writer.drain()
        return True


async def eventually(holds: Callable[[], object]) -> None:
    """Wait until it holds; it must within `DEADLINE_S`."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await asyncio.sleep(0.005)
