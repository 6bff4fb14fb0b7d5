"""Server-sent events: what is sent and when, who is dropped, and who comes again."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Message

from abreast.api import stream as module
from abreast.api.problems import TooManyError
from abreast.api.stream import COMMENT, COMMENT_S, LOOK_S, QUEUE, STATUS_S, EventStream, Frame, Reader, Stream
from abreast.model.errors import StoreError
from abreast.model.event import EventKind
from abreast.model.rollout import Phase
from abreast.model.token import Role
from tests.api.served import Served, browser, serving
from tests.api.test_server import problem
from tests.operations.desk import Desk, running
from tests.rollout.play import under_way


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with running(under_way(Phase.PROGRESSING)) as made:
        yield made


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as made:
        yield made


async def always() -> bool:
    return True


async def note(desk: Desk, words: str) -> int:
    """Put something into the audit log; its id, once it is recorded."""
    desk.control.controller.note(EventKind.GATEWAY, words)
    async with asyncio.timeout(5):
        while True:
            rows = [id_ for id_, event in await desk.stage.store.events("shop") if event.reason == words]
            if rows:
                return rows[0]
            await asyncio.sleep(0)


async def drained(reader: Reader) -> list[Frame]:
    """What waits for the reader."""
    return [reader.queue.get_nowait() for _ in range(reader.queue.qsize())]


class Listener:
    """Reads a stream over HTTP, message by message."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def next(self) -> dict[str, str]:
        """The next message's fields; a comment has the name ""."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(5):
            async for line in self._lines:
                if not line:
                    return fields
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        raise EOFError

    async def event(self, words: str) -> dict[str, Any]:
        """The next event with that reason."""
        while True:
            fields = await self.next()
            if fields.get("event") == "event":
                row: dict[str, Any] = json.loads(fields["data"])
                assert int(fields["id"]) == row["id"]
                if row["reason"] == words:
                    return row


async def test_over_http_the_status_comes_first_then_each_event_with_its_id(served: Served) -> None:
    async with (
        browser(served, **served.by(Role.VIEWER)) as http,
        http.stream("GET", "/stream") as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        listener = Listener(answer)
        assert await listener.next() == {"retry": "2000"}
        first = await listener.next()
        assert first["event"] == "status"
        assert json.loads(first["data"]) == (await http.get("/status")).json()
        id_ = await note(served.desk, "something happened")
        await served.desk.stage.clock.advance(LOOK_S)
        row = await listener.event("something happened")
        assert row["id"] == id_
        assert row == (await http.get("/events", params={"after": id_ - 1, "limit": 1})).json()[0]


async def test_who_comes_again_gets_what_was_missed_once(served: Served) -> None:
    ids = [await note(served.desk, f"missed {number}") for number in range(3)]
    async with (
        browser(served, **served.by(Role.VIEWER)) as http,
        http.stream("GET", "/stream", headers={"last-event-id": str(ids[0])}) as answer,
    ):
        listener = Listener(answer)
        rows = [await listener.event(f"missed {number}") for number in (1, 2)]
        assert [row["id"] for row in rows] == ids[1:]
        await note(served.desk, "live")
        await served.desk.stage.clock.advance(LOOK_S)
        assert (await listener.event("live"))["id"] > ids[2]


async def test_a_token_that_is_revoked_hears_no_more_after_the_next_comment(served: Served) -> None:
    secret = await served.make("ada", Role.VIEWER)
    async with (
        browser(served, authorization=f"Bearer {secret}") as http,
        http.stream("GET", "/stream") as answer,
    ):
        listener = Listener(answer)
        await listener.next()
        await served.desk.stage.clock.advance(COMMENT_S)
        while "" not in await listener.next():
            pass
        await served.desk.control.tokens.revoke_token("shop", "ada", 0.0, "root")
        await served.desk.stage.clock.advance(COMMENT_S)
        with pytest.raises(EOFError):
            await listener.event("nothing is recorded any more")
    assert served.server._stream.readers == 0


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 401), ({"last-event-id": "-1"}, 400), ({"last-event-id": "x"}, 400)]
)
async def test_who_may_not_listen(served: Served, headers: dict[str, str], status: int) -> None:
    async with browser(served) as http:
        signed = {**headers, **served.by(Role.VIEWER)} if headers else {}
        answer = await http.get("/stream", headers=signed)
    assert answer.status_code == status
    assert problem(answer)["remedy"]


async def test_a_reader_that_goes_away_is_forgotten_and_nobody_looks_any_more(served: Served) -> None:
    stream = served.server._stream
    async with browser(served, **served.by(Role.VIEWER)) as http, http.stream("GET", "/stream") as answer:
        await Listener(answer).next()
        assert stream.readers == 1
    async with asyncio.timeout(5):
        while stream.readers:
            await asyncio.sleep(0.01)
    await served.desk.stage.clock.advance(LOOK_S)
    assert stream._task is not None
    assert stream._task.done()


async def test_a_status_comes_at_most_once_a_second_and_only_changed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, clock = Stream(desk.control), desk.stage.clock
    reader = await stream.join()
    await clock.advance(5 * STATUS_S)
    told = [frame for frame in await drained(reader) if frame.kind == "status"]
    assert 4 <= len(told) <= 5
    monkeypatch.setattr(stream, "_status_frame", lambda: told[-1])
    await clock.advance(5 * STATUS_S)
    assert not [frame for frame in await drained(reader) if frame.kind == "status"]
    stream.leave(reader)


async def test_silence_is_broken_every_15_seconds(desk: Desk) -> None:
    stream, clock = Stream(desk.control), desk.stage.clock
    reader = await stream.join()
    await clock.advance(2 * COMMENT_S + 1)
    assert [frame.text for frame in await drained(reader) if frame.kind == "comment"] == [COMMENT, COMMENT]
    stream.leave(reader)


async def test_one_look_serves_all_readers(desk: Desk) -> None:
    stream = Stream(desk.control)
    readers = await asyncio.gather(*(stream.join() for _ in range(50)))
    task = stream._task
    await note(desk, "told to all")
    await desk.stage.clock.advance(LOOK_S)
    frames = [[frame for frame in await drained(reader) if b"told to all" in frame.text] for reader in readers]
    assert all(len(each) == 1 for each in frames)
    assert len({id(each[0]) for each in frames}) == 1, "made once, not for each"
    assert stream._task is task
    for reader in readers:
        stream.leave(reader)


async def test_a_slow_reader_is_dropped_in_the_midst_of_sending(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GOODBYE_S", 0.05)
    stream = Stream(desk.control)
    slow, quick = await stream.join(), await stream.join()
    stuck = asyncio.Event()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            stuck.set()
            await asyncio.Event().wait()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    answer = EventStream(stream, slow, stream.frames(slow, None, always))
    serving_ = asyncio.create_task(answer({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send))
    await asyncio.wait_for(stuck.wait(), 5)
    for number in range(QUEUE + 1):
        slow.tell(Frame("event", b"x", number + 1))
    await asyncio.wait_for(serving_, 5)
    assert slow.dropped.is_set()
    assert not quick.dropped.is_set()
    assert stream.readers == 1
    stream.leave(quick)


async def test_there_are_not_more_streams_than_that(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_READERS", 2)
    stream = Stream(desk.control)
    readers = [await stream.join() for _ in range(2)]
    with pytest.raises(TooManyError, match="2 streams are open"):
        await stream.join()
    stream.leave(readers[0])
    assert await stream.join() is not None


async def test_a_store_that_cannot_be_read_ends_no_stream(desk: Desk) -> None:
    stream, clock = Stream(desk.control), desk.stage.clock
    reader = await stream.join()
    id_ = await note(desk, "written before")
    desk.stage.store.broken = StoreError("the disk failed", "look at it")
    await clock.advance(LOOK_S)
    assert not [frame for frame in await drained(reader) if frame.kind == "event"]
    with pytest.raises(StoreError):
        await Stream(desk.control).join()
    desk.stage.store.broken = None
    await clock.advance(LOOK_S)
    assert id_ in [frame.number for frame in await drained(reader) if frame.kind == "event"]
    assert not reader.dropped.is_set()
    stream.leave(reader)
