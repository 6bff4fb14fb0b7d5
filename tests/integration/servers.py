"""Services that show what reached them, stream, and speak WebSocket and gRPC; and an origin that can be stopped."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import grpc
import orjson
from websockets.asyncio.server import ServerConnection, serve

from tests.integration.client import Connection

EVENT_S = 0.02
"""Between two server-sent events."""


class Echo:
    """HTTP/1.1: answers what it got as JSON; ``/events`` is an endless stream of numbered server-sent events."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.port = 0
        self.streams = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                await self._answer(reader, writer)
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
        headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        await reader.readexactly(int(headers.get("content-length", "0")))
        path = first.split(" ")[1]
        if path == "/events":
            await self._stream(writer)
        body = json.dumps({"path": path, "headers": headers}).encode()
        head = f"HTTP/1.1 200 OK\r\nx-version: {self.version}\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        self.streams += 1
        head = f"HTTP/1.1 200 OK\r\nx-version: {self.version}\r\ncontent-type: text/event-stream\r\n"
        writer.write(head.encode() + b"transfer-encoding: chunked\r\n\r\n")
        try:
            number = 0
            while True:
                event = f"data: {number}\n\n"
                writer.write(f"{len(event):x}\r\n{event}\r\n".encode())
                await writer.drain()
                number += 1
                await asyncio.sleep(EVENT_S)
        finally:
            self.streams -= 1


@asynccontextmanager
async def talker(version: str) -> AsyncIterator[int]:
    """A WebSocket server that puts its version before what it hears; gives its port."""

    async def talk(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(f"{version}: {message!s}")

    async with serve(talk, "127.0.0.1", 0) as server:
        yield next(iter(server.sockets)).getsockname()[1]


@asynccontextmanager
async def grpc_echo(version: str) -> AsyncIterator[int]:
    """A gRPC server whose ``/echo.Echo/Say`` and ``/echo.Echo/Repeat`` (a stream) answer bytes; gives its port."""

    async def say(request: bytes, context: Any) -> bytes:  # noqa: ANN401  # grpc ships no types
        await context.send_initial_metadata((("x-version", version),))
        return request

    async def repeat(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:  # noqa: ANN401  # as above
        await context.send_initial_metadata((("x-version", version),))
        async for request in requests:
            yield request

    handlers = {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Repeat": grpc.stream_stream_rpc_method_handler(repeat),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo.Echo", handlers),))
    port: int = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(grace=None)


@dataclass
class OriginProcess:
    """``abreast.bench.origin`` as a process of its own, which can be stopped and killed."""

    process: asyncio.subprocess.Process
    port: int

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.process.pid, number)

    async def control(self, **change: object) -> dict[str, Any]:  # Any: JSON
        """Change how it behaves; returns what it has seen."""
        async with await Connection.open(self.port) as connection:
            answer = await connection.ask("/-/origin", "POST", body=orjson.dumps(change))
        seen: dict[str, Any] = orjson.loads(answer.body)["seen"]
        return seen


@asynccontextmanager
async def origin_process(version: str) -> AsyncIterator[OriginProcess]:
    """Start one; it is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "abreast.bench.origin", "--version", version), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        told = orjson.loads(await process.stdout.readline())
        yield OriginProcess(process, told["port"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
