"""HTTP/1.1 on one connection: one request at a time, the answer parsed by httptools (llhttp)."""

from __future__ import annotations

import asyncio
import os
import select
import time
from typing import TYPE_CHECKING, cast

import httptools

from abreast.load.tally import Failure

if TYPE_CHECKING:
    from abreast.load.plan import Plan
    from abreast.load.pool import Pool
    from abreast.load.tally import Exchange

_FINAL_STATUS = 200
_BODILESS = frozenset({204, 304})


class Wording:
    """A plan's requests as bytes, all but the user's and the request's own lines made beforehand."""

    def __init__(self, plan: Plan) -> None:
        """Write the constant part of each kind of request."""
        kind, _, name = plan.user_by.partition(":")
        self._user = f"{name}: u" if kind == "header" else f"cookie: {name}=u"
        self._anonymous = not plan.user_by
        self._id = f"{plan.id_header}: {plan.seed}-" if plan.id_header else ""
        self._heads: list[str] = []
        self._bodies: list[bytes] = []
        for request in plan.requests:
            body = request.body.encode()
            lines = [f"{request.method} {request.path} HTTP/1.1", f"host: {plan.authority}"]
            lines += [f"{name}: {value}" for name, value in request.headers]
            if body or request.method in {"POST", "PUT", "PATCH"}:
                lines.append(f"content-length: {len(body)}")
            if not plan.keep_alive:
                lines.append("connection: close")
            self._heads.append("\r\n".join(lines) + "\r\n")
            self._bodies.append(body)

    def payload(self, exchange: Exchange) -> bytes:
        """All bytes of one request."""
        user = "" if self._anonymous else f"{self._user}{exchange.user}\r\n"
        own = f"{self._id}{exchange.number}\r\n" if self._id else ""
        return f"{self._heads[exchange.kind]}{user}{own}\r\n".encode("latin-1") + self._bodies[exchange.kind]


class Http1Connection(asyncio.Protocol):
    """One connection; the callbacks named ``on_`` are httptools'."""

    __slots__ = (
        "_begun",
        "_complete",
        "_exchange",
        "_fd",
        "_framed",
        "_keep_alive",
        "_parser",
        "_persistent",
        "_poll",
        "_pool",
        "_status",
        "_transport",
        "_used",
        "_version",
        "_watch",
        "_wording",
        "gone",
        "listed",
    )

    def __init__(self, pool: Pool, wording: Wording, watch: bytes, *, keep_alive: bool) -> None:
        """Wait for the connection; ``watch`` is the lower-case name of the header to note."""
        self._pool = pool
        self._wording = wording
        self._watch = watch
        self._keep_alive = keep_alive
        self._exchange: Exchange | None = None
        self._used = False
        self._clear()
        self.gone = False
        self.listed = False

    @property
    def has_room(self) -> bool:
        """Whether no request is on it."""
        return self._exchange is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the socket."""
        self._transport = cast("asyncio.Transport", transport)
        self._fd: int = transport.get_extra_info("socket").fileno()
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._parser = httptools.HttpResponseParser(self)

    def send(self, exchange: Exchange) -> bool:
        """Write one request; false when the server had closed a kept connection before."""
        if self._used and self._poll.poll(0):
            # Readable without a request: closed, or about to be. No byte has been sent.
            self.close()
            return False
        payload = self._wording.payload(exchange)
        exchange.sent_s = time.monotonic()
        taken = self._write(payload)
        if taken < 0:
            self.close()
            return False
        self._exchange = exchange
        exchange.holder = self
        if taken < len(payload):
            self._transport.write(payload[taken:])
        return True

    def close(self) -> None:
        """Close at once; a request still on it is lost without a word (the caller counts it)."""
        self._exchange = None
        self.gone = True
        self._transport.abort()
        self._pool.retired(self)

    def abandon(self, _exchange: Exchange) -> None:
        """Give up the request whose time has run out: only closing tells an HTTP/1.1 server."""
        self.close()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and settle the request when its answer is whole."""
        if self._exchange is None:
            self.close()
            return
        self._begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # a fault of this file, not of the server
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(Failure.PROTOCOL)
            self.close()
            return
        if self._complete:
            self._settle(reusable=self._keep_alive and self._persistent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count what was on it, and leave the pool."""
        self.gone = True
        if self._exchange is not None:
            if self._status and not self._framed and exc is None:
                self._settle(reusable=False)  # an answer without a length ends where the connection does
            elif self._used and not self._begun:
                self._fail(Failure.STALE)
            else:
                self._fail(Failure.CLOSED if exc is None else Failure.RESET)
        self._pool.retired(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note the watched header and how the body ends."""
        lower = name.lower()
        if lower == self._watch:
            self._version = value.decode("latin-1")
        elif lower in {b"content-length", b"transfer-encoding"}:
            self._framed = True

    def on_headers_complete(self) -> None:
        """Note the status."""
        self._status = self._parser.get_status_code()
        if self._status in _BODILESS:
            self._framed = True

    def on_message_complete(self) -> None:
        """Know the answer's end; an interim one (100, 103) is not it."""
        if self._status >= _FINAL_STATUS:
            self._complete = True
            # llhttp forgets the answer's flags as soon as this callback returns.
            self._persistent = self._parser.should_keep_alive()

    def _write(self, payload: bytes) -> int:
        """Give the bytes to the kernel now, before anything else can be read from it.

        Returns how many it took, or -1 when the connection is closed.
        """
        try:
            return os.write(self._fd, payload)
        except BlockingIOError:
            return 0
        except (BrokenPipeError, ConnectionResetError):
            # A connection never used is not stale: then the transport reports the loss.
            return -1 if self._used else 0

    def _settle(self, *, reusable: bool) -> None:
        exchange, status, version = self._exchange, self._status, self._version
        self._exchange = None
        self._used = True
        self._clear()
        if exchange is not None and not exchange.settled:
            self._pool.sink.answered(exchange, status, version)
        if self.gone:
            return
        if reusable:
            self._pool.freed(self)
        else:
            self.close()

    def _fail(self, failure: Failure) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None and not exchange.settled:
            self._pool.sink.lost(exchange, failure)

    def _clear(self) -> None:
        self._complete = self._framed = self._begun = self._persistent = False
        self._status = 0
        self._version = ""
