"""A clock that stands still until a test moves it."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class FakeClock:
    """`abreast.ports.Clock` in a test's hands: ``advance`` moves time and lets the sleepers of that span run."""

    time: float = 1_000_000.0
    _sleepers: list[tuple[float, asyncio.Event]] = field(default_factory=list)

    def now(self) -> float:
        """Unix seconds, as the test set them."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Wait until the test has advanced time that far; a sleep of nothing only lets others run."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = (self.time + seconds, asyncio.Event())
        self._sleepers.append(sleeper)
        try:
            await sleeper[1].wait()
        finally:
            self._sleepers.remove(sleeper)

    @property
    def sleepers(self) -> int:
        """How many wait for time to pass: a test can wait for the code under test to have come so far."""
        return len(self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Move time on, sleeper by sleeper in the order of their ends; each runs at the time it asked for."""
        end = self.time + seconds
        while due := [sleeper for sleeper in self._sleepers if sleeper[0] <= end]:
            until, wake = min(due, key=lambda sleeper: sleeper[0])
            self.time = max(self.time, until)
            wake.set()
            while any(sleeper[1] is wake for sleeper in self._sleepers):
                await asyncio.sleep(0)
            await self.settle()
        self.time = end

    async def settle(self) -> None:
        """Let every task that can run do so, a fixed number of times round the loop."""
        for _ in range(20):
            await asyncio.sleep(0)
