"""Events on their way to a webhook: in their order, holding up nobody, dropped when nobody takes them."""

import logging
from collections.abc import AsyncIterator

import pytest

from abreast.checks.exchange import Exchange
from abreast.checks.outbox import QUEUED, Outbox
from abreast.model.checks import Check
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase
from tests.checks.given import BEGIN, hook, under_way
from tests.checks.server import Server, eventually
from tests.fakes.clock import FakeClock

ROLLOUT = under_way(Phase.PROGRESSING)


def event(reason: str) -> Event:
    return Event(BEGIN, 3, EventKind.STEP, "abreast", reason)


@pytest.fixture
def heard() -> list[Check]:
    """What was said of the webhook."""
    return []


@pytest.fixture
async def outbox(server: Server, exchange: Exchange, clock: FakeClock, heard: list[Check]) -> AsyncIterator[Outbox]:
    """To the server."""
    made = Outbox(hook("event", server.url, timeout_s=0.5), exchange, clock, heard.append)
    yield made
    await made.close(0.0)


def messages(server: Server) -> list[str]:
    return [asked.document["metadata"]["eventMessage"] for asked in server.asked]


async def test_events_are_posted_in_their_order(server: Server, outbox: Outbox, heard: list[Check]) -> None:
    for n in range(5):
        outbox.put(ROLLOUT, event(f"event {n}"))
    await outbox.close(5.0)
    assert messages(server) == [f"event {n}" for n in range(5)]
    assert [each.passed for each in heard] == [True] * 5


async def test_who_does_not_take_them_is_logged_once_for_each_time_that_it_stops(
    server: Server, outbox: Outbox, heard: list[Check], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="abreast.checks")
    for status in (500, 404, 200, 503):
        server.status = status
        count = len(heard)
        outbox.put(ROLLOUT, event("e"))
        await eventually(lambda count=count: len(heard) > count)  # type: ignore[misc]  # a default binds the loop's
    assert [each.passed for each in heard] == [False, False, True, False]
    assert [record.getMessage() for record in caplog.records] == [
        f"webhook event does not take events: {server.url} answered 500: 'so it is'",
        f"webhook event does not take events: {server.url} answered 503: 'so it is'",
    ]


async def test_more_than_can_wait_is_dropped_and_told(server: Server, outbox: Outbox, heard: list[Check]) -> None:
    server.hangs = True
    outbox.put(ROLLOUT, event("first"))
    await eventually(lambda: server.asked)
    for _ in range(QUEUED + 7):
        outbox.put(ROLLOUT, event("e"))
    await eventually(lambda: heard)
    assert heard[0].passed is None
    assert heard[0].detail.endswith("did not answer within 0.5 s; 7 events were dropped because too many waited")


async def test_the_end_does_not_wait_for_who_hangs(
    server: Server, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    server.hangs = True
    for _ in range(3):
        outbox.put(ROLLOUT, event("e"))
    await eventually(lambda: server.asked)
    await outbox.close(0.05)
    assert "webhook event: 3 events were not posted before the end" in caplog.text
