"""One registry is followed for as long as its version is wanted."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from abreast.drivers.registry.follower import BACKOFF, LEAST_S, Follower
from abreast.drivers.registry.known import Known
from abreast.model.registry import DnsName, Registry
from tests.drivers.registry.sources import ONE, TWO, FakeSource
from tests.fakes.clock import FakeClock

REGISTRY = Registry(DnsName("shop.test", 80), keep_s=60.0)


class World:
    """One follower on a clock that stands still."""

    def __init__(self) -> None:
        self.clock, self.source = FakeClock(), FakeSource()
        self.news: list[str] = []
        self.changes = 0
        self.follower = Follower(
            REGISTRY,
            self.source,
            Known(),
            clock=self.clock,
            random=Random(1),
            on_news=self.news.append,
            on_change=self._changed,
        )

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.follower.close()
    assert made.source.closed
    assert made.clock.sleepers == 0


async def test_an_answer_is_known_and_told_once(world: World) -> None:
    world.source.say(ONE)
    assert await world.follower.first(5.0)
    assert world.follower.known.endpoints == (ONE,)
    assert world.news == ["DNS name shop.test found 1 endpoint (127.0.0.1:9001)"]
    world.source.say(ONE)
    await world.clock.advance(1.0)
    assert (len(world.news), world.changes) == (1, 1)


async def test_it_asks_again_when_the_answer_says_so(world: World) -> None:
    world.source.say(ONE, again_s=30.0)
    await world.clock.settle()
    world.source.say(TWO)
    await world.clock.advance(29.9)
    assert world.source.asked == 1
    await world.clock.advance(0.2)
    assert world.follower.known.endpoints == (TWO,)


async def test_a_registry_that_answers_at_once_each_time_is_not_asked_without_a_break(world: World) -> None:
    for _ in range(50):
        world.source.say(ONE)
    await world.clock.settle()
    await world.clock.advance(1.0)
    assert 2 < world.source.asked <= 1.0 / LEAST_S + 2


async def test_without_an_answer_the_first_wait_ends(world: World) -> None:
    assert not await world.follower.first(0.01)
    assert world.follower.known == Known()


async def test_a_failure_is_a_first_answer_too(world: World) -> None:
    world.source.fail()
    assert await world.follower.first(5.0)
    assert world.news == ["DNS name shop.test does not answer: refused; no endpoint is known"]


async def test_it_waits_longer_after_each_failure_and_begins_anew_once_it_was_well(world: World) -> None:
    waits: list[float] = []
    for _ in range(10):
        world.source.fail()
    await world.clock.settle()
    while world.source.asked < 10:
        asked, began = world.source.asked, world.clock.now()
        while world.source.asked == asked:
            await world.clock.advance(0.05)
        waits.append(world.clock.now() - began)
    assert waits[0] < 2 * BACKOFF.backoff_first_s
    assert BACKOFF.backoff_most_s * 0.9 < waits[-1] <= BACKOFF.backoff_most_s + 0.1
    assert waits[-1] > waits[3] > waits[0]
    world.source.say(ONE)
    await world.clock.advance(BACKOFF.backoff_most_s)
    world.source.say(ONE)
    await world.clock.advance(BACKOFF.steady_s)
    asked = world.source.asked
    world.source.fail()
    await world.clock.settle()
    await world.clock.advance(2 * BACKOFF.backoff_first_s)
    assert world.source.asked == asked + 1
    assert [line.partition(": ")[0] for line in world.news] == [
        "DNS name shop.test does not answer",
        "DNS name shop.test answers again; found 1 endpoint (127.0.0.1:9001)",
        "DNS name shop.test does not answer",
    ]


async def test_an_empty_answer_is_believed_once_it_has_lasted(world: World) -> None:
    world.source.say(ONE)
    for _ in range(8):
        world.source.say(again_s=10.0)
    await world.clock.settle()
    await world.clock.advance(55.0)
    assert list(world.follower.known.endpoints) == [ONE]
    await world.clock.advance(15.0)
    assert list(world.follower.known.endpoints) == []
    assert len(world.news) == 3


async def test_a_fault_of_the_source_is_not_silent(world: World) -> None:
    world.follower.require_going()
    world.source.fail(ZeroDivisionError())
    await world.follower.first(5.0)
    with pytest.raises(ZeroDivisionError):
        world.follower.require_going()


async def test_closing_while_it_asks_ends_the_question() -> None:
    world = World()
    await asyncio.sleep(0)
    assert world.source.asked == 1
    await asyncio.wait_for(world.follower.close(), 5)
    assert world.source.closed
