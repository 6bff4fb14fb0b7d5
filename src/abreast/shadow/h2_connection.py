"""One HTTP/2 connection without TLS (prior knowledge): many requests at a time, trailers and all."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Final, cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from abreast.compare.model import Answer, Headers, Request
from abreast.shadow.answers import (
    BROKEN,
    CLOSED,
    CLOSED_IN_BODY,
    Body,
    UnsendableError,
    failed,
    failure_words,
    text_headers,
)

_FINAL_STATUS: Final = 200
_STREAMS: Final = 100
"""Requests at a time on one connection, if the server allows no fewer."""


class StaleError(Exception):
    """The connection ended before anything of the answer came: the request may be sent anew on another."""


@dataclass(slots=True)
class _Stream:
    """One request on its way. ``unsent`` is what flow control holds back of its body."""

    done: asyncio.Future[Answer]
    unsent: bytes
    over: bool = False
    """Nothing more is to be sent or told on it."""
    status: int = 0
    headers: Headers = ()
    trailers: Headers = ()
    body: Body = field(default_factory=Body)


class H2Connection(asyncio.Protocol):
    """The connection to ``instance``; `ask` until `usable` is false."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        # As bytes: what compares decides what they mean. Requests are copies, so they are not ours to correct.
        config = h2.config.H2Configuration(client_side=True, header_encoding=None, normalize_outbound_headers=False)
        self._h2 = h2.connection.H2Connection(config)
        self._streams: dict[int, _Stream] = {}
        self._transport: asyncio.Transport | None = None
        self._greeted = False
        self._retired = False
        self.used_s = 0.0
        """When it last had something to do, by the loop's clock."""

    @property
    def usable(self) -> bool:
        """Whether another request may be put on it."""
        return not self._retired and len(self._streams) < min(_STREAMS, self._h2.remote_settings.max_concurrent_streams)

    @property
    def busy(self) -> bool:
        """Whether a request is on it."""
        return bool(self._streams)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the preface."""
        self._transport = cast("asyncio.Transport", transport)
        self._h2.initiate_connection()
        self._flush()

    async def ask(self, request: Request) -> Answer:
        """Send it and wait for its answer. Raises StaleError and UnsendableError; to give it up, cancel."""
        if self._transport is None or self._retired:
            raise StaleError(CLOSED)
        number = self._h2.get_next_available_stream_id()
        stream = _Stream(asyncio.get_running_loop().create_future(), request.body)
        self._streams[number] = stream
        try:
            try:
                self._h2.send_headers(number, _request_headers(request), end_stream=not request.body)
                self._send_body(number, stream)
            except h2.exceptions.TooManyStreamsError as error:
                stream.over = True
                raise StaleError("the server allows no more streams") from error
            except h2.exceptions.ProtocolError as error:
                stream.over = True
                message = f"HTTP/2 does not allow this request: {error}"
                raise UnsendableError(message) from error
            self._flush()
            return await stream.done
        finally:
            self._forget(number)

    def data_received(self, data: bytes) -> None:
        """Sort what came to its requests."""
        self.used_s = asyncio.get_running_loop().time()
        # A server begins with SETTINGS (RFC 9113, 3.4), which are short; h2 would wait for the end of any length.
        nonsense, self._greeted = not self._greeted and data[:1] != b"\x00", True
        if nonsense:
            self._end(BROKEN, BROKEN)
            return
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self._end(BROKEN, BROKEN)
        else:
            for event in events:
                self._handle(event)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the requests that are still on it."""
        words = failure_words(exc) if isinstance(exc, OSError) else CLOSED
        self._end(words, CLOSED_IN_BODY)

    def retire(self) -> None:
        """Put nothing more on it; it closes when its last request is done."""
        self._retire()
        self._close_if_over()

    def close(self) -> None:
        """Close now."""
        self._retire()
        if self._transport is not None:
            self._transport.abort()

    def _handle(self, event: h2.events.Event) -> None:
        """One event; those not named (settings, pings, priorities) are h2's own business."""
        match event:
            case h2.events.ConnectionTerminated():
                self._go_away(event)
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                for each, waiting in self._streams.items():
                    if not waiting.over:
                        self._send_body(each, waiting)
            case h2.events.DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        stream = self._streams.get(getattr(event, "stream_id", None) or 0)
        if stream is not None:
            self._hear(stream, event)

    def _hear(self, stream: _Stream, event: h2.events.Event) -> None:
        """What an event says to its request."""
        match event:
            case h2.events.ResponseReceived():
                headers = text_headers(_pairs(event.headers))
                status = dict(headers).get(":status", "")
                stream.status = int(status) if status.isascii() and status.isdecimal() else 0
                stream.headers = tuple(header for header in headers if not header[0].startswith(":"))
            case h2.events.DataReceived():
                stream.body.add(event.data or b"")
                if stream.body.truncated:
                    self._settle(stream)
            case h2.events.TrailersReceived():
                stream.trailers = text_headers(_pairs(event.headers))
            case h2.events.StreamEnded():
                stream.over = not stream.unsent
                self._settle(stream)
            case h2.events.StreamReset():
                self._reset(stream, event.error_code or 0)

    def _go_away(self, event: h2.events.ConnectionTerminated) -> None:
        """The server takes no more; what it has not begun may be asked elsewhere (RFC 9113, 6.8)."""
        self._retire()
        for number, stream in self._streams.items():
            if number > (event.last_stream_id or 0) and not stream.done.done():
                stream.done.set_exception(StaleError(CLOSED))

    def _reset(self, stream: _Stream, code: int) -> None:
        stream.over = True
        if stream.done.done():
            return
        if code == h2.errors.ErrorCodes.REFUSED_STREAM:
            stream.done.set_exception(StaleError("the server refused the stream"))
        elif code == h2.errors.ErrorCodes.NO_ERROR and stream.status >= _FINAL_STATUS:
            self._settle(stream)  # the whole answer is here, the server did not want the rest of the request
        else:
            known = {each.value: each.name for each in h2.errors.ErrorCodes}
            stream.done.set_result(failed(f"stream reset ({known.get(code, code)})", self._instance))

    def _settle(self, stream: _Stream) -> None:
        if not stream.done.done() and not stream.status:
            stream.done.set_result(failed(BROKEN, self._instance))
        elif not stream.done.done():
            body = stream.body
            answer = Answer(stream.status, stream.headers, bytes(body), stream.trailers, instance=self._instance)
            stream.done.set_result(replace(answer, truncated=body.truncated))

    def _end(self, words: str, words_in_body: str) -> None:
        """The connection is over."""
        self._retire()
        for stream in self._streams.values():
            if stream.done.done():
                continue
            if stream.status:
                stream.done.set_result(failed(words_in_body, self._instance))
            else:
                stream.done.set_exception(StaleError(words))
        if self._transport is not None:
            self._transport.close()

    def _send_body(self, number: int, stream: _Stream) -> None:
        """As much of the body as the windows allow."""
        while stream.unsent:
            room = min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size)
            if room <= 0:
                return
            chunk, stream.unsent = stream.unsent[:room], stream.unsent[room:]
            self._h2.send_data(number, chunk, end_stream=not stream.unsent)

    def _forget(self, number: int) -> None:
        """The request is done or given up; then the server is told if it is still at it."""
        stream = self._streams.pop(number)
        if not stream.over and not self._retired:
            self._h2.reset_stream(number, h2.errors.ErrorCodes.CANCEL)
            self._flush()
        self.used_s = asyncio.get_running_loop().time()
        self._close_if_over()

    def _retire(self) -> None:
        self._retired = True

    def _close_if_over(self) -> None:
        if self._retired and not self._streams and self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        if self._transport is not None and (data := self._h2.data_to_send()):
            self._transport.write(data)


def _request_headers(request: Request) -> list[tuple[bytes, bytes]]:
    """Pseudo headers first, then the copy's; a gRPC server demands ``te: trailers``."""
    host = next((value for name, value in request.headers if name == "host"), "")
    media_type = next((value for name, value in request.headers if name == "content-type"), "")
    headers = [(":method", request.method), (":scheme", "http"), (":authority", host), (":path", request.path)]
    headers += [header for header in request.headers if header[0] != "host"]
    if media_type.startswith("application/grpc"):
        headers.append(("te", "trailers"))
    elif request.body:
        headers.append(("content-length", str(len(request.body))))
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _pairs(headers: object) -> list[tuple[bytes, bytes]]:
    """h2's headers, which are bytes when no encoding is set."""
    return cast("list[tuple[bytes, bytes]]", headers or [])
