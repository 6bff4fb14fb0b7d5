"""The alarm rings once, soon after its time, and not when it is closed."""

from __future__ import annotations

import asyncio
import time

import pytest
import uvloop

from abreast.load.alarm import Alarm


def test_it_rings_once_and_never_early_on_either_loop() -> None:
    for factory in (uvloop.new_event_loop, asyncio.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            early_s = runner.run(_rings(0.02))
            assert early_s >= 0


async def _rings(after_s: float) -> float:
    rung = asyncio.Event()
    count = 0

    def ring() -> None:
        nonlocal count
        count += 1
        rung.set()

    with Alarm(asyncio.get_running_loop(), ring) as alarm:
        at_s = time.monotonic() + after_s
        alarm.set(at_s)
        await asyncio.wait_for(rung.wait(), 5)
        late_s = time.monotonic() - at_s
        assert count == 1
    return late_s


async def test_a_time_that_has_passed_rings_at_once() -> None:
    rung = asyncio.Event()

    with Alarm(asyncio.get_running_loop(), rung.set) as alarm:
        alarm.set(0.0)
        await asyncio.wait_for(rung.wait(), 5)


async def test_it_is_finer_than_a_millisecond() -> None:
    """Of fifty rings 0.3 ms ahead the best comes within 0.7 ms: a loop's own timer would need a whole one."""
    loop = asyncio.get_running_loop()
    waits_s = []
    for _ in range(50):
        rung = asyncio.Event()
        with Alarm(loop, rung.set) as alarm:
            begun_s = time.monotonic()
            alarm.set(begun_s + 0.0003)
            await rung.wait()
            waits_s.append(time.monotonic() - begun_s)
    assert 0.0003 <= min(waits_s) < 0.001


async def test_a_new_time_replaces_the_old_one() -> None:
    rings: list[float] = []
    begun_s = time.monotonic()

    with Alarm(asyncio.get_running_loop(), lambda: rings.append(time.monotonic() - begun_s)) as alarm:
        alarm.set(begun_s + 0.005)
        alarm.set(begun_s + 0.05)
        while not rings:
            await asyncio.sleep(0.001)
            assert time.monotonic() - begun_s < 5

    assert len(rings) == 1
    assert rings[0] >= 0.05


async def test_a_closed_one_is_silent_and_may_be_closed_again() -> None:
    rings: list[int] = []
    alarm = Alarm(asyncio.get_running_loop(), lambda: rings.append(1))
    alarm.set(time.monotonic() + 0.005)
    alarm.close()
    alarm.close()

    await asyncio.sleep(0.02)

    assert not rings
    with pytest.raises(OSError, match="timerfd_settime"):
        alarm.set(0.0)
