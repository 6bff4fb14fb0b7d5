"""One transaction after the other in a thread of its own, so that a slow database holds up only who asked."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine

from abreast.model.errors import StoreCorruptError, StoreError

T = TypeVar("T")

PAUSES_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""How long a database that was not reached is left alone, by how often that was so in a row: who asks meanwhile is
answered at once with what was wrong."""


class Faults(Protocol):
    """What a kind of database complains about, in our words."""

    @property
    def name(self) -> str:
        """What messages call the store: its file, or its server's address without the password."""

    def explained(self) -> AbstractContextManager[None]:
        """Turns whatever the store runs into into a StoreError or a StoreCorruptError."""

    def damaged(self, what: str) -> StoreCorruptError:
        """The error for what is stored and makes no sense."""

    def away(self, error: StoreError) -> bool:
        """Whether that says that the database was not reached at all."""


class Transactions:
    """An engine's transactions, one after the other; `write` ones wait for their turn among all writers.

    ``engine`` knows from the execution option ``write`` how to begin one. ``monotonic`` is in seconds.
    """

    def __init__(
        self,
        engine: Engine,
        faults: Faults,
        thread: ThreadPoolExecutor,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.faults = faults
        self._thread = thread
        self._monotonic = monotonic
        self._closed = False
        self._misses = 0
        self._away: tuple[float, StoreError] | None = None

    async def run(self, work: Callable[[Connection], T], *, write: bool = False) -> T:
        """Wait for one transaction. Cancelling the wait does not undo a begun one. Raises StoreError."""
        if self._closed:
            raise StoreError(f"{self.faults.name}: the store is closed", "start abreast again: abreast up")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work, write)

    async def close(self) -> None:
        """Finish what was asked for before, then let the database go; closing twice does nothing more."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self.engine.dispose)
            self._thread.shutdown()

    def _run(self, work: Callable[[Connection], T], write: bool) -> T:
        if self._away is not None and self._monotonic() < self._away[0]:
            raise self._away[1].with_traceback(None)
        try:
            with (
                self.faults.explained(),
                self.engine.connect().execution_options(write=write) as connection,
                connection.begin(),
            ):
                done = work(connection)
        except StoreError as error:
            if self.faults.away(error):
                pause_s = PAUSES_S[min(self._misses, len(PAUSES_S) - 1)]
                self._misses, self._away = self._misses + 1, (self._monotonic() + pause_s, error)
            raise
        self._misses, self._away = 0, None
        return done
