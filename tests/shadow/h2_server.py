"""A server of HTTP/2 by prior knowledge that says what a test wants said."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import cast

import h2.config
import h2.connection
import h2.events

from abreast.model.service import Endpoint

Pairs = list[tuple[str, str]]


@dataclass
class H2Request:
    """One request as it came."""

    number: int
    headers: Pairs
    body: bytes = b""


class H2Conversation(asyncio.Protocol):
    """One connection; ``reply`` is called with it and each whole request."""

    def __init__(self, server: "H2Server") -> None:
        self.server = server
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
        self.asked: dict[int, H2Request] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.server.conversations.append(self)
        self.h2.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            match event:
                case h2.events.RequestReceived():
                    number = event.stream_id or 0
                    self.asked[number] = H2Request(number, cast("Pairs", event.headers))
                case h2.events.DataReceived():
                    self.asked[event.stream_id or 0].body += event.data or b""
                    self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
                case h2.events.StreamReset():
                    self.server.resets.append(event.stream_id or 0)
                case h2.events.StreamEnded():
                    request = self.asked[event.stream_id or 0]
                    self.server.heard.append(request)
                    self.server.reply(self, request)
        self.flush()

    def say(self, number: int, headers: Pairs, body: bytes = b"", trailers: Pairs | None = None) -> None:
        """A whole answer."""
        self.h2.send_headers(number, headers)
        for begin in range(0, len(body), 10_000):
            self.h2.send_data(number, body[begin : begin + 10_000])
        if trailers is None:
            self.h2.end_stream(number)
        else:
            self.h2.send_headers(number, trailers, end_stream=True)
        self.flush()

    def flush(self) -> None:
        """Send what h2 has to say."""
        self.transport.write(self.h2.data_to_send())


@dataclass
class H2Server:
    """What a running server has seen."""

    reply: Callable[[H2Conversation, H2Request], None]
    endpoint: Endpoint = field(default_factory=lambda: Endpoint("127.0.0.1", 0))
    conversations: list[H2Conversation] = field(default_factory=list)
    heard: list[H2Request] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)


@contextlib.asynccontextmanager
async def h2_serving(reply: Callable[[H2Conversation, H2Request], None]) -> AsyncIterator[H2Server]:
    """A server that lets ``reply`` answer."""
    server = H2Server(reply)
    listener = await asyncio.get_running_loop().create_server(lambda: H2Conversation(server), "127.0.0.1", 0)
    server.endpoint = Endpoint("127.0.0.1", listener.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listener.close()
        for conversation in server.conversations:
            conversation.transport.abort()
        await listener.wait_closed()
        await asyncio.sleep(0)
