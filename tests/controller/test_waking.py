"""Who rests is woken, misses nothing, and waits no longer than it said."""

import asyncio

import pytest

from abreast.controller.waking import Turns, Waking
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def waking(clock: FakeClock) -> Waking:
    return Waking(clock)


async def test_who_rests_is_woken_or_has_rested_enough(clock: FakeClock, waking: Waking) -> None:
    rest = asyncio.create_task(waking.rest(5.0, waking.happened))
    await clock.settle()
    await clock.advance(4.9)
    assert not rest.done()
    await clock.advance(0.2)
    await rest
    rest = asyncio.create_task(waking.rest(5.0, waking.happened))
    await clock.settle()
    waking.wake()
    await rest
    await clock.settle()
    assert clock.sleepers == 0, "nothing of it is left over"


async def test_what_happens_during_the_work_is_not_slept_over(waking: Waking) -> None:
    before = waking.happened
    waking.wake()
    await waking.rest(1e9, before)


async def test_all_that_rest_are_woken_each_once(clock: FakeClock, waking: Waking) -> None:
    before = waking.happened
    rests = [asyncio.create_task(waking.rest(5.0, before)) for _ in range(3)]
    await clock.settle()
    waking.wake()
    await asyncio.gather(*rests)
    again = asyncio.create_task(waking.rest(5.0, waking.happened))
    await clock.settle()
    assert not again.done()
    again.cancel()


async def test_whoever_waits_for_something_looks_after_each_turn(clock: FakeClock) -> None:
    turns, done = Turns(), [0]
    waiting = asyncio.create_task(turns.until(lambda: done[0] == 2, 60.0))
    for _ in range(2):
        await clock.settle()
        assert not waiting.done()
        done[0] += 1
        await turns.done()
    assert await waiting


async def test_what_does_not_come_true_is_not_waited_for_for_ever() -> None:
    assert not await Turns().until(lambda: False, 0.01)
