"""A very cheap HTTP/1.1 server to stand behind a gateway, whose faults can be switched as it runs.

It answers about 1 KB of text, or JSON that is never twice the same (``--json-bytes``), names its version in
``x-version``, counts what it received (ids of ``idempotency-key`` too, so that a request sent twice is seen), and obeys
``/-/origin``: GET tells what it has seen, POST of ``{"mode": "hang", "delay_s": 0.1}`` changes how it behaves.

    python -m abreast.bench.origin --port 9001 --version v1
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import struct
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Self, cast, get_args

import httptools
import orjson
import uvloop

if TYPE_CHECKING:
    from collections.abc import Sequence

Mode = Literal["serve", "fail", "hang", "close", "reset"]
"""Answer; answer 500; never answer; close instead of answering; reset instead of answering."""

CONTROL_PATH = b"/-/origin"
HEALTH_PATH = b"/healthz"
ID_HEADER = b"idempotency-key"
_BODY = (b"The quick brown fox jumps over the lazy dog. " * 23)[:1024]
_TEXT = b"text/plain"
_NUMBER = b"##########"
"""Where in a document the number of the answer goes: two answers are never the same, as those of most services."""
_REASONS = {200: b"OK", 400: b"Bad Request", 500: b"Internal Server Error", 503: b"Service Unavailable"}
_LINGER_NOT = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How requests are answered; health checks obey ``healthy`` alone (and SIGSTOP, as all does)."""

    mode: Mode = "serve"
    delay_s: float = 0.0
    fail_share: float = 0.0
    """In mode ``serve``, the share of requests that get a 500: exactly, spread evenly."""
    healthy: bool = True

    def __post_init__(self) -> None:
        """Refuse what has no meaning: raises ValueError that names it."""
        if self.mode not in get_args(Mode):
            raise ValueError(f"mode {self.mode!r} is not one of {', '.join(get_args(Mode))}")
        if self.delay_s < 0 or not 0 <= self.fail_share <= 1:
            raise ValueError("delay_s must be at least 0 and fail_share between 0 and 1")

    def changed(self, change: dict[str, Any]) -> Behaviour:  # Any: JSON
        """Return a copy with some fields replaced; raises ValueError for unknown ones."""
        known = {each.name for each in fields(self)}
        if unknown := sorted(set(change) - known):
            raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        return replace(self, **change)


@dataclass(slots=True)
class Seen:
    """What has been received, health checks and control apart. Times are monotonic, in seconds."""

    requests: int = 0
    methods: Counter[str] = field(default_factory=Counter)
    ids: Counter[str] = field(default_factory=Counter)
    last_request_s: float = 0.0
    health_checks: int = 0
    connections: int = 0
    """Open now."""

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Return plain data; of the ids only how many there were, and the ones that came twice."""
        return {
            "requests": self.requests,
            "methods": dict(self.methods),
            "ids": len(self.ids),
            "duplicates": {name: count for name, count in self.ids.items() if count > 1},
            "last_request_s": self.last_request_s,
            "health_checks": self.health_checks,
            "connections": self.connections,
        }


class Origin:
    """The server. ``behaviour`` may be replaced and ``seen`` read at any time."""

    def __init__(
        self,
        version: str = "v1",
        port: int = 0,
        behaviour: Behaviour | None = None,
        json_bytes: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        """Prepare; port 0 takes a free one. With ``json_bytes`` it answers JSON of about that size."""
        self.version = version
        self.host = host
        self.port = port
        self.behaviour = behaviour or Behaviour()
        self.seen = Seen()
        self._failing = 0.0
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._answered = 0
        media_type, body = (b"application/json", _document(json_bytes)) if json_bytes else (_TEXT, _BODY)
        self._good = self.answer(200, body, media_type=media_type)
        self._good_last = self.answer(200, body, last=True, media_type=media_type)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        """Listen; raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.drop()
        await asyncio.sleep(0)

    def answer(self, status: int, body: bytes, *, last: bool = False, media_type: bytes = _TEXT) -> bytes:
        """All bytes of one answer."""
        head = b"HTTP/1.1 %d %s\r\nx-version: %s\r\ncontent-type: %s\r\ncontent-length: %d\r\n%s\r\n"
        closing = b"connection: close\r\n" if last else b""
        return head % (status, _REASONS[status], self.version.encode(), media_type, len(body), closing) + body

    def reply(self, path: bytes, body: bytes, method: str, *, last: bool) -> bytes:
        """Choose the answer to a whole request; empty bytes for none."""
        if path == HEALTH_PATH:
            self.seen.health_checks += 1
            return self.answer(200 if self.behaviour.healthy else 503, b"", last=last)
        if path == CONTROL_PATH:
            return self._control(method, body, last=last)
        mode = self.behaviour.mode
        if mode == "serve" and not self._is_unlucky():
            self._answered += 1
            good = self._good_last if last else self._good
            return good.replace(_NUMBER, b"%010d" % self._answered, 1)
        return self.answer(500, b"made to fail", last=last) if mode in {"serve", "fail"} else b""

    def count(self, method: str, own_id: str) -> None:
        """Count a request as soon as its head is here: from then on the server may have acted on it."""
        seen = self.seen
        seen.requests += 1
        seen.methods[method] += 1
        seen.last_request_s = time.monotonic()
        if own_id:
            seen.ids[own_id] += 1

    def joined(self, connection: _Connection) -> None:
        """Note an opened connection."""
        self._connections.add(connection)
        self.seen.connections += 1

    def left(self, connection: _Connection) -> None:
        """Note a closed one."""
        self._connections.discard(connection)
        self.seen.connections -= 1

    def _is_unlucky(self) -> bool:
        self._failing += self.behaviour.fail_share
        if self._failing < 1:
            return False
        self._failing -= 1
        return True

    def _control(self, method: str, body: bytes, *, last: bool) -> bytes:
        if method == "POST":
            try:
                self.behaviour = self.behaviour.changed(orjson.loads(body))
            except (ValueError, TypeError) as error:
                return self.answer(400, str(error).encode(), last=last)
        told = {"version": self.version, "behaviour": asdict(self.behaviour), "seen": self.seen.as_dict()}
        return self.answer(200, orjson.dumps(told), last=last)


def _document(size: int) -> bytes:
    """A JSON document of about that many bytes, with a place for the number of the answer."""
    line = {"sku": "b5c1d7", "name": "article", "quantity": 3, "price": 12.5, "tags": ["new", "sale"]}
    lines = [{**line, "line": number} for number in range(max(1, size // len(orjson.dumps(line))))]
    return orjson.dumps({"answer": _NUMBER.decode(), "lines": lines})


class _Connection(asyncio.Protocol):
    """One connection; the callbacks named ``on_`` are httptools'."""

    __slots__ = ("_body", "_id", "_method", "_origin", "_parser", "_path", "_transport", "_waiting")

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._waiting: asyncio.TimerHandle | None = None
        self._clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._origin.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._waiting is not None:
            self._waiting.cancel()
        self._origin.left(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # a fault of this file, not of the client
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._transport.write(self._origin.answer(400, b"not HTTP/1.1", last=True))
            self._transport.close()

    def drop(self) -> None:
        self._transport.abort()

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == ID_HEADER:
            self._id = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._method = self._parser.get_method().decode("latin-1")
        if self._path not in {HEALTH_PATH, CONTROL_PATH}:
            self._origin.count(self._method, self._id)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        last = not self._parser.should_keep_alive()
        own = self._path in {HEALTH_PATH, CONTROL_PATH}
        answer = self._origin.reply(self._path, self._body, self._method, last=last)
        if self._method == "HEAD":
            answer = answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        self._clear()
        behaviour = self._origin.behaviour
        if own or (answer and not behaviour.delay_s):
            self._send(answer, last=last)
        elif behaviour.mode == "close":
            self._transport.close()
        elif behaviour.mode == "reset":
            linger = (socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            self._transport.get_extra_info("socket").setsockopt(*linger)
            self._transport.abort()
        elif answer:
            loop = asyncio.get_running_loop()
            self._waiting = loop.call_later(behaviour.delay_s, lambda: self._send(answer, last=last))

    def _send(self, answer: bytes, *, last: bool) -> None:
        self._transport.write(answer)
        if last:
            self._transport.close()

    def _clear(self) -> None:
        self._path = self._body = b""
        self._id = self._method = ""


async def _serve(origin: Origin) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    async with origin:
        sys.stdout.write(orjson.dumps({"port": origin.port, "version": origin.version}).decode() + "\n")
        sys.stdout.flush()
        await over.wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM; the first line printed is ``{"port": …, "version": …}``."""
    parser = argparse.ArgumentParser(prog="abreast.bench.origin", description="A cheap server to measure with.")
    parser.add_argument("--host", default="127.0.0.1", help="another address is for a network namespace of its own")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--version", default="v1")
    parser.add_argument("--mode", choices=get_args(Mode), default="serve")
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--fail-share", type=float, default=0.0, help="0 to 1")
    parser.add_argument("--json-bytes", type=int, default=0, help="answer JSON of about that size, not text")
    options = parser.parse_args(arguments)
    behaviour = Behaviour(options.mode, options.delay_ms / 1e3, options.fail_share)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Origin(options.version, options.port, behaviour, options.json_bytes, options.host)))


if __name__ == "__main__":
    main()
