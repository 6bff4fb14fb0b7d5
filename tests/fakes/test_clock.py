import asyncio

from tests.fakes.clock import FakeClock


async def test_sleepers_wake_in_order_each_at_the_time_it_asked_for() -> None:
    clock = FakeClock(100.0)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float, again: float = 0.0) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.now()))
        if again:
            await clock.sleep(again)
            woken.append((f"{name} again", clock.now()))

    tasks = [
        asyncio.create_task(sleeper("late", 5.0)),
        asyncio.create_task(sleeper("early", 1.0, again=2.0)),
        asyncio.create_task(sleeper("never", 60.0)),
    ]
    await clock.settle()
    assert clock.sleepers == 3
    await clock.advance(10.0)
    assert woken == [("early", 101.0), ("early again", 103.0), ("late", 105.0)]
    assert clock.now() == 110.0
    assert clock.sleepers == 1
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert clock.sleepers == 0


async def test_a_sleep_of_nothing_returns_while_time_stands_still() -> None:
    clock = FakeClock()
    await clock.sleep(0)
    await clock.sleep(-1)
    assert clock.now() == FakeClock().now()
