"""Server-sent events: the status as it changes, and the audit log as it grows.

One task looks for all readers, so fifty open pages cost what one does. Each reader has a bounded queue; one that does
not keep up is dropped, and comes again with ``Last-Event-ID``
(https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter
from starlette.types import Send

from abreast.api.access import Viewer, access_of
from abreast.api.problems import ForbiddenError, TooManyError, UnauthorizedError, statuses
from abreast.model.errors import StoreError
from abreast.model.token import Role
from abreast.operations import record, status
from abreast.operations.control import Control

log: Final = logging.getLogger(__name__)

LOOK_S: Final = 0.5
STATUS_S: Final = 1.0
"""A status at most so often."""

COMMENT_S: Final = 15.0
"""Proxies close what is silent; with each comment it is also asked whether the reader may still read."""

BACKLOG: Final = 1000
"""Of the events that a reader has missed, the newest so many."""

MOST_READERS: Final = 200
QUEUE: Final = 256
GOODBYE_S: Final = 1.0
RETRY: Final = b"retry: 2000\n\n"
COMMENT: Final = b": here\n\n"

_STATUS: Final = TypeAdapter(status.Status)
_EVENT: Final = TypeAdapter(record.EventRecord)


@dataclass(frozen=True)
class Frame:
    """One message as it is sent; ``number`` is an event's id."""

    kind: Literal["status", "event", "comment"]
    text: bytes
    number: int = 0


@dataclass(eq=False)
class Reader:
    """Somebody who listens; ``dropped`` once nothing more is sent."""

    queue: asyncio.Queue[Frame] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    dropped: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, frame: Frame) -> None:
        """Queue it; who has a full queue is dropped."""
        try:
            self.queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.dropped.set()


class Stream:
    """What happens, for any number of readers; it looks only while there are some."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._readers: set[Reader] = set()
        self._task: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()
        self._newest = 0

    @property
    def readers(self) -> int:
        """How many listen."""
        return len(self._readers)

    async def join(self) -> Reader:
        """Listen from now on. Raises TooManyError, StoreError."""
        if len(self._readers) >= MOST_READERS:
            raise TooManyError(f"{MOST_READERS} streams are open", "close one, or come again later", int(COMMENT_S))
        reader = Reader()
        self._readers.add(reader)
        try:
            async with self._beginning:  # two first readers at once must not begin two looks
                if self._task is None or self._task.done():
                    self._newest = await self._newest_id()
                    self._task = asyncio.create_task(self._look(), name="stream")
        except BaseException:
            self.leave(reader)
            raise
        return reader

    def leave(self, reader: Reader) -> None:
        """Listen no more."""
        self._readers.discard(reader)

    def close(self) -> None:
        """Drop everybody, and look no more: the control plane ends."""
        self._drop_all()
        if self._task is not None:
            self._task.cancel()

    async def frames(
        self, reader: Reader, after: int | None, still: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        """What is sent: the status, the events above ``after`` (None: none), then all that happens; until not still."""
        yield RETRY
        yield self._status_frame().text
        sent = 0
        if after is not None:
            for row in await record.events(self._control, limit=BACKLOG, after=after):
                sent = row.id
                yield _event_frame(row).text
        while True:
            frame = await reader.queue.get()
            if frame.kind == "comment" and not await still():
                return
            if frame.kind != "event" or frame.number > sent:
                yield frame.text

    async def _look(self) -> None:
        """Until nobody listens any more."""
        clock, told = self._control.clock, b""
        status_at = comment_at = clock.now()
        try:
            while self._readers:
                await self._tell_events()
                now = clock.now()
                if now >= status_at + STATUS_S:
                    status_at, frame = now, self._status_frame()
                    if frame.text != told:
                        told = frame.text
                        self._tell(frame)
                if now >= comment_at + COMMENT_S:
                    comment_at = now
                    self._tell(Frame("comment", COMMENT))
                await clock.sleep(LOOK_S)
        finally:
            self._drop_all()

    def _drop_all(self) -> None:
        for reader in self._readers:
            reader.dropped.set()

    async def _tell_events(self) -> None:
        try:
            rows = await record.events(self._control, limit=BACKLOG, after=self._newest)
        except StoreError as error:
            log.warning("events cannot be read for the stream: %s", error)
            return
        for row in rows:
            self._newest = row.id
            self._tell(_event_frame(row))

    async def _newest_id(self) -> int:
        rows = await record.events(self._control, limit=1, after=0)
        return rows[-1].id if rows else 0

    def _tell(self, frame: Frame) -> None:
        for reader in tuple(self._readers):
            reader.tell(frame)

    def _status_frame(self) -> Frame:
        return Frame("status", b"event: status\ndata: " + _STATUS.dump_json(status.status(self._control)) + b"\n\n")


def _event_frame(row: record.EventRecord) -> Frame:
    return Frame("event", b"id: %d\nevent: event\ndata: %b\n\n" % (row.id, _EVENT.dump_json(row)), row.id)


class EventStream(StreamingResponse):
    """Ends with its reader, also in the midst of sending to somebody who takes nothing."""

    def __init__(self, stream: Stream, reader: Reader, frames: AsyncIterator[bytes]) -> None:
        super().__init__(frames, media_type="text/event-stream")
        self._stream, self._reader = stream, reader

    async def stream_response(self, send: Send) -> None:
        """Send until there is no more, or the reader is dropped."""
        sending = asyncio.create_task(super().stream_response(send))
        dropped = asyncio.create_task(self._reader.dropped.wait())
        try:
            await asyncio.wait({sending, dropped}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
                return
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._stream.leave(self._reader)
            for task in (sending, dropped):
                task.cancel()
            await asyncio.gather(sending, dropped, return_exceptions=True)


def routes(stream: Stream) -> APIRouter:
    """The endpoint of the stream."""
    router = APIRouter()

    @router.get(
        "/stream",
        status_code=200,
        response_class=EventStream,
        responses={
            **statuses(429),
            200: {
                "description": "Messages named `status` (as GET /status) and `event` (a row of GET /events).",
                "content": {
                    "text/event-stream": {"example": 'id: 7\nevent: event\ndata: {"id":7,"kind":"weight"}\n\n'}
                },
            },
        },
    )
    async def get_stream(
        request: Request,
        _caller: Viewer,
        last_event_id: Annotated[int | None, Header(ge=0, le=2**53, description="resume after this event")] = None,
    ) -> EventStream:
        """The status when it changes, at most once a second, and each event as it is recorded."""
        access = access_of(request)

        async def still() -> bool:
            try:
                await access.require(request, Role.VIEWER)
            except (UnauthorizedError, ForbiddenError, StoreError):
                return False
            return True

        reader = await stream.join()
        return EventStream(stream, reader, stream.frames(reader, last_event_id, still))

    return router
