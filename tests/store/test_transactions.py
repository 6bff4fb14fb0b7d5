"""A database that is away is not asked again at once, and comes back by itself."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import Connection, create_engine, text

from abreast.model.errors import StoreCorruptError, StoreError
from abreast.store.transactions import PAUSES_S, Transactions


class AwayError(StoreError):
    """Not reached."""


class Road:
    """Faults of a database that is reached, or not."""

    name = "the database"

    def __init__(self) -> None:
        self.open = True
        self.tries = 0

    def explained(self) -> AbstractContextManager[None]:
        return self._explained()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        self.tries += 1
        if not self.open:
            raise AwayError("not reached", "mend the road")
        yield

    def damaged(self, what: str) -> StoreCorruptError:
        return StoreCorruptError(what, "restore it")

    def away(self, error: StoreError) -> bool:
        return isinstance(error, AwayError)


class Bench:
    """Transactions over that road, with a clock in hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.road = Road()
        thread = ThreadPoolExecutor(max_workers=1)
        self.transactions = Transactions(create_engine("sqlite://"), self.road, thread, monotonic=lambda: self.now)

    async def one(self) -> object:
        return await self.transactions.run(lambda connection: connection.execute(text("SELECT 1")).scalar())


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_one_after_the_other_in_a_thread_of_its_own(bench: Bench) -> None:
    threads: list[int] = []

    def note(connection: Connection) -> int:
        threads.append(threading.get_ident())
        return int(connection.execute(text("SELECT 7")).scalar_one())

    assert await asyncio.gather(*(bench.transactions.run(note) for _ in range(3))) == [7, 7, 7]
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


async def test_what_is_away_is_left_alone_for_longer_and_longer(bench: Bench) -> None:
    bench.road.open = False
    for pause_s in (*PAUSES_S, PAUSES_S[-1]):
        for _ in range(3):
            with pytest.raises(AwayError):
                await bench.one()
        bench.now += pause_s
    assert bench.road.tries == len(PAUSES_S) + 1


async def test_what_is_back_is_used_at_once_and_forgiven(bench: Bench) -> None:
    bench.road.open = False
    for _ in range(3):
        with pytest.raises(AwayError):
            await bench.one()
        bench.now += PAUSES_S[-1]
    bench.road.open = True
    assert await bench.one() == 1
    bench.road.open = False
    with pytest.raises(AwayError):
        await bench.one()
    bench.now += PAUSES_S[0]
    bench.road.open = True
    assert await bench.one() == 1


async def test_another_fault_is_no_reason_to_wait(bench: Bench) -> None:
    def refuse(_connection: Connection) -> None:
        raise StoreError("refused", "try again")

    with pytest.raises(StoreError, match="refused"):
        await bench.transactions.run(refuse)
    assert await bench.one() == 1


async def test_after_closing_everything_is_refused(bench: Bench) -> None:
    await bench.transactions.close()
    await bench.transactions.close()
    with pytest.raises(StoreError, match="the database: the store is closed"):
        await bench.one()
