"""Follows one version's registry for as long as the version is wanted."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

from abreast.drivers.backoff import Backoff
from abreast.drivers.registry.found import NoAnswerError, Source
from abreast.drivers.registry.known import Known, heard, unheard
from abreast.drivers.timing import Timing
from abreast.model.registry import Registry
from abreast.ports import Clock

LEAST_S: Final = 0.1
"""Between two questions at least, whatever the registry says."""
BACKOFF: Final = Timing(backoff_first_s=0.5, backoff_most_s=15.0, steady_s=30.0)
"""After questions that are not answered."""


class Follower:
    """Asks, and asks again; ``known`` is what came of it.

    ``on_news`` hears a sentence of each change and of what is the matter, ``on_change`` that ``known`` is another one.
    """

    def __init__(
        self,
        registry: Registry,
        source: Source,
        known: Known,
        *,
        clock: Clock,
        random: Random,
        on_news: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self.registry = registry
        self.known = known
        self._source = source
        self._clock = clock
        self._backoff = Backoff(BACKOFF, random)
        self._on_news = on_news
        self._on_change = on_change
        self._asked = asyncio.Event()
        self._task = asyncio.create_task(self._follow())

    async def first(self, timeout_s: float) -> bool:
        """Wait until it has been asked once, for at most so long; whether it has."""
        asked = asyncio.ensure_future(self._asked.wait())
        await asyncio.wait({asked, self._task}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        return self._asked.is_set()

    def require_going(self) -> None:
        """Raise what stopped the asking, if anything did: nothing but a fault of abreast's can."""
        if self._task.done():
            self._task.result()

    async def close(self) -> None:
        """Ask no more."""
        self._task.cancel()
        await asyncio.wait({self._task})
        await self._source.close()

    async def _follow(self) -> None:
        well_since: float | None = None
        while True:
            try:
                answer = await self._source.ask()
            except NoAnswerError as error:
                self._turn(*unheard(self.known, str(error)))
                well_for_s = 0.0 if well_since is None else self._clock.now() - well_since
                well_since = None
                await self._clock.sleep(self._backoff.next_s(well_for_s))
                continue
            well_since = self._clock.now() if well_since is None else well_since
            self._turn(*heard(self.known, answer, self._clock.now(), self.registry.keep_s))
            await self._clock.sleep(max(answer.again_s, LEAST_S))

    def _turn(self, known: Known, news: str) -> None:
        changed, self.known = known != self.known, known
        self._asked.set()
        if news:
            self._on_news(f"{self.registry} {news}")
        if changed:
            self._on_change()
