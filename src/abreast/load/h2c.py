"""HTTP/2 by prior knowledge (RFC 9113 §3.3): many requests share a connection, through ``h2``."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

from h2.config import H2Configuration
from h2.connection import ConnectionInputs, ConnectionState, H2Connection, H2ConnectionStateMachine
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from abreast.load.tally import Failure

if TYPE_CHECKING:
    from abreast.load.plan import Plan
    from abreast.load.pool import Pool
    from abreast.load.tally import Exchange

_STREAM_WINDOW = 1 << 20
_CONNECTION_WINDOW = 1 << 24
_RESENDS = 3
"""How often a request that servers say they did not take goes out again before it counts as refused."""

_CONFIG = H2Configuration(
    client_side=True,
    header_encoding=None,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
)


class _PatientStates(H2ConnectionStateMachine):
    """A GOAWAY ends new streams, not those under way (RFC 9113 §6.8); h2 closes on the first one."""

    _transitions = {  # noqa: RUF012 - h2's own table, with one line changed
        **H2ConnectionStateMachine._transitions,  # noqa: SLF001 - there is no public way to it
        (ConnectionState.CLIENT_OPEN, ConnectionInputs.RECV_GOAWAY): (None, ConnectionState.CLIENT_OPEN),
    }


class Phrasing:
    """A plan's requests as header lists, all but the user's and the request's own made beforehand."""

    def __init__(self, plan: Plan) -> None:
        """Write the constant part of each kind of request."""
        kind, _, name = plan.user_by.partition(":")
        self._user_name = name.encode() if kind == "header" else b"cookie"
        self._user_value = b"u%d" if kind == "header" else name.encode() + b"=u%d"
        self._anonymous = not plan.user_by
        self._id_name = plan.id_header.encode()
        self._seed = plan.seed
        self.bodies = [request.body.encode() for request in plan.requests]
        self._heads = [
            [
                (b":method", request.method.encode()),
                (b":scheme", b"http"),
                (b":authority", plan.authority.encode()),
                (b":path", request.path.encode()),
                *((name.encode(), value.encode()) for name, value in request.headers),
                *([(b"content-length", b"%d" % len(request.body.encode()))] if request.body else []),
            ]
            for request in plan.requests
        ]

    def headers(self, exchange: Exchange) -> list[tuple[bytes, bytes]]:
        """All header fields of one request."""
        fields = list(self._heads[exchange.kind])
        if not self._anonymous:
            fields.append((self._user_name, self._user_value % exchange.user))
        if self._id_name:
            fields.append((self._id_name, b"%d-%d" % (self._seed, exchange.number)))
        return fields


class _Stream:
    __slots__ = ("body", "exchange", "status", "version")

    def __init__(self, exchange: Exchange, body: bytes) -> None:
        self.exchange = exchange
        self.body = body
        self.status = 0
        self.version = ""


class H2cConnection(asyncio.Protocol):
    """One connection and its streams."""

    def __init__(self, pool: Pool, phrasing: Phrasing, watch: bytes, streams: int) -> None:
        """Wait for the connection; at most ``streams`` requests at once, or what the server allows."""
        self._pool = pool
        self._phrasing = phrasing
        self._watch = watch
        self._limit = streams
        self._allowed = streams
        self._streams: dict[int, _Stream] = {}
        self._h2 = H2Connection(_CONFIG)
        self._h2.state_machine = _PatientStates()
        self.gone = False
        self.listed = False

    @property
    def has_room(self) -> bool:
        """Whether another stream may be opened."""
        return len(self._streams) < self._allowed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the preface, with windows that no answer here will fill."""
        self._transport = cast("asyncio.Transport", transport)
        self._h2.local_settings[SettingCodes.INITIAL_WINDOW_SIZE] = _STREAM_WINDOW
        self._h2.local_settings[SettingCodes.ENABLE_PUSH] = 0
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW)
        self._flush()

    def send(self, exchange: Exchange) -> bool:
        """Open a stream; false when the connection was closing."""
        if self._transport.is_closing():
            self.close()
            return False
        stream_id = self._h2.get_next_available_stream_id()
        body = self._phrasing.bodies[exchange.kind]
        exchange.sent_s = time.monotonic()
        exchange.holder = self
        self._h2.send_headers(stream_id, self._phrasing.headers(exchange), end_stream=not body)
        self._streams[stream_id] = _Stream(exchange, body)
        if body:
            self._send_body(stream_id)
        self._flush()
        return True

    def close(self) -> None:
        """Close at once; requests still on it are lost without a word (the caller counts them)."""
        self._streams.clear()
        self.gone = True
        self._transport.abort()
        self._pool.retired(self)

    def abandon(self, exchange: Exchange) -> None:
        """Reset the stream of a request whose time has run out."""
        for stream_id, stream in self._streams.items():
            if stream.exchange is exchange:
                self._h2.reset_stream(stream_id, ErrorCodes.CANCEL)
                self._flush()
                self._end(stream_id)
                return

    def data_received(self, data: bytes) -> None:
        """Take frames in, settle what they end."""
        try:
            events = self._h2.receive_data(data)
        except ProtocolError:
            self._flush()
            self._fail_all(Failure.PROTOCOL)
            self.close()
            return
        for event in events:
            self._take(event)
        if not self.gone or self._streams:
            self._flush()
        elif not self._transport.is_closing():
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count what was on it, and leave the pool."""
        self.gone = True
        self._fail_all(Failure.CLOSED if exc is None else Failure.RESET)
        self._pool.retired(self)

    def _take(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                self._head(event.stream_id, event.headers)
            case DataReceived():
                if event.flow_controlled_length:
                    self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case StreamEnded():
                self._ended(event.stream_id)
            case StreamReset():
                self._reset(event.stream_id, event.error_code)
            case ConnectionTerminated():
                self._going_away(event)
            case RemoteSettingsChanged():
                self._allowed = min(self._limit, self._h2.remote_settings.max_concurrent_streams)
            case WindowUpdated():
                for stream_id in [number for number, stream in self._streams.items() if stream.body]:
                    self._send_body(stream_id)
            case _:
                pass  # pings and acknowledged settings are h2's own affair

    def _head(self, stream_id: int, headers: list[tuple[bytes, bytes]]) -> None:
        if stream := self._streams.get(stream_id):
            for name, value in headers:
                if name == b":status":
                    stream.status = int(value)
                elif name == self._watch:
                    stream.version = value.decode("latin-1")

    def _ended(self, stream_id: int) -> None:
        if stream := self._streams.get(stream_id):
            if not stream.exchange.settled:
                self._pool.sink.answered(stream.exchange, stream.status, stream.version)
            self._end(stream_id)

    def _reset(self, stream_id: int, code: int | None) -> None:
        if stream := self._streams.get(stream_id):
            if code == ErrorCodes.REFUSED_STREAM:
                self._again(stream.exchange)
            elif not stream.exchange.settled:
                self._pool.sink.lost(stream.exchange, Failure.RESET)
            self._end(stream_id)

    def _going_away(self, event: ConnectionTerminated) -> None:
        """Open no more streams; those above the last one named were not taken (RFC 9113 §6.8)."""
        self.gone = True
        last = event.last_stream_id or 0
        for stream_id in [number for number in self._streams if number > last]:
            self._again(self._streams.pop(stream_id).exchange)

    def _again(self, exchange: Exchange) -> None:
        if exchange.settled:
            return
        exchange.resent += 1
        if exchange.resent > _RESENDS:
            self._pool.sink.lost(exchange, Failure.REFUSED)
            return
        self._pool.sink.resent(exchange)
        # Not at once: this connection may still stand in the pool's line.
        asyncio.get_running_loop().call_soon(self._pool.submit, exchange)

    def _end(self, stream_id: int) -> None:
        self._streams.pop(stream_id, None)
        if not self.gone:
            self._pool.freed(self)

    def _fail_all(self, failure: Failure) -> None:
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            if not stream.exchange.settled:
                self._pool.sink.lost(stream.exchange, failure)

    def _send_body(self, stream_id: int) -> None:
        stream = self._streams[stream_id]
        while stream.body:
            room = min(self._h2.local_flow_control_window(stream_id), self._h2.max_outbound_frame_size)
            if room <= 0:
                return
            part, stream.body = stream.body[:room], stream.body[room:]
            self._h2.send_data(stream_id, part, end_stream=not stream.body)

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._transport.write(data)
