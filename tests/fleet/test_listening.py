"""Signals over a real PostgreSQL: heard at once, only of what is written, and again after the connection was lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from sqlalchemy import Connection

from abreast.clock import SystemClock
from abreast.model.errors import StoreError
from abreast.store.fleet import SqlFleet
from abreast.store.listening import Listener
from abreast.store.postgresql import Address, Server
from abreast.store.signals import Signal, send
from tests.contracts.test_store import a_rollout
from tests.nodes.seconds import second

DEADLINE_S = 10.0


class Ear:
    """A listener, and what it heard."""

    def __init__(self, database: str) -> None:
        self.heard: list[Signal] = []
        self.listener = Listener(Address.of(database, {}), "shop", SystemClock(), self.heard.append)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not true():
                await asyncio.sleep(0.01)

    async def hears(self, *signals: Signal) -> None:
        await self.until(lambda: len(self.heard) >= len(signals))
        assert self.heard == list(signals)
        self.heard.clear()


@asynccontextmanager
async def ears(database: str) -> AsyncIterator[Ear]:
    ear = Ear(database)
    running = asyncio.create_task(ear.listener.run())
    await ear.until(lambda: ear.listener.listening)
    await ear.hears(*Signal)
    yield ear
    running.cancel()
    await asyncio.wait({running})


@pytest.fixture
async def ear(database: str, opened: Server) -> AsyncIterator[Ear]:
    async with ears(database) as made:
        yield made


async def test_each_write_is_heard_of_once_it_is_done(ear: Ear, opened: Server) -> None:
    fleet = SqlFleet(opened.store, "shop")
    await opened.store.save(a_rollout(), [])
    await ear.hears(Signal.ROLLOUT)
    await fleet.place("1", "{}", 5.0)
    await ear.hears(Signal.ORDER)
    await fleet.finish("1", "done")
    await ear.hears(Signal.ANSWER)
    await fleet.report("a", "a#1", ())
    await ear.hears(Signal.NODES)
    await fleet.report("a", "a#1", (), [second("a", 1)], 1001.2)
    await ear.hears(Signal.SECONDS)
    await fleet.report("a", "a#1", (), [second("a", 1)], 1001.3)
    await fleet.leave("a", "a#1")
    await ear.hears(Signal.NODES)


async def test_what_is_not_written_or_of_another_service_is_not_heard_of(ear: Ear, opened: Server) -> None:
    def fail(connection: Connection) -> None:
        send(connection, "shop", Signal.ROLLOUT)
        raise StoreError("something went wrong", "try again")

    with pytest.raises(StoreError):
        await opened.store.transact(fail, write=True)
    await SqlFleet(opened.store, "till").place("1", "{}", 5.0)
    await SqlFleet(opened.store, "shop").place("2", "{}", 5.0)
    await ear.hears(Signal.ORDER)


async def test_a_lost_connection_is_made_again_and_whatever_was_missed_is_looked_for(ear: Ear, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
    await ear.hears(*Signal)
    assert ear.listener.listening
