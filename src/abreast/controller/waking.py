"""Waiting until something happens: for whoever looks at the world again and again, and for who waits for a look."""

import asyncio
from collections.abc import Callable

from abreast.ports import Clock


class Waking:
    """Wakes whoever rests; of as many as there are, each misses nothing that happened since it began its work."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._happened = 0
        self._woken = asyncio.Event()

    @property
    def happened(self) -> int:
        """How often it was woken: to be read before the work, and given to `rest` after it."""
        return self._happened

    def wake(self) -> None:
        """Something happened: look again now."""
        self._happened += 1
        self._woken.set()
        self._woken = asyncio.Event()

    async def rest(self, seconds: float, before: int) -> None:
        """Wait until woken, or that long; not at all if something happened since ``before``."""
        if self._happened != before:
            return
        sleep = asyncio.ensure_future(self._clock.sleep(seconds))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait({sleep, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            woken.cancel()


class Turns:
    """Tells whoever waits for something to come true that it was looked again."""

    def __init__(self) -> None:
        self._turned = asyncio.Condition()

    async def done(self) -> None:
        """A turn is over."""
        async with self._turned:
            self._turned.notify_all()

    async def until(self, true: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until that holds after some turn; whether it did in time."""
        try:
            async with asyncio.timeout(timeout_s), self._turned:
                await self._turned.wait_for(true)
        except TimeoutError:
            return False
        return True
