"""Which connection takes which request, and what becomes of those that find none."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from abreast.bench.target import free_port
from abreast.load.plan import Plan
from abreast.load.pool import Pool
from abreast.load.run import make_pool
from abreast.load.tally import Exchange, Failure
from tests.load.server import OK, request_head, scripted, serving

if TYPE_CHECKING:
    from tests.load.server import Address


class Sink:
    """Notes every end, and lets a test wait for a number of them."""

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.failures: dict[int, Failure] = {}
        self.changed = asyncio.Event()

    def answered(self, exchange: Exchange, status: int, _version: str) -> None:
        exchange.settled = True
        self.statuses[exchange.number] = status
        self.changed.set()

    def lost(self, exchange: Exchange, failure: Failure) -> None:
        exchange.settled = True
        self.failures[exchange.number] = failure
        self.changed.set()

    def resent(self, _exchange: Exchange) -> None:
        raise AssertionError("HTTP/1.1 never sends again")

    async def ends(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.statuses) + len(self.failures) < count:
                self.changed.clear()
                await self.changed.wait()


def pool_to(server: Address, sink: Sink, **change: object) -> Pool:
    values: dict[str, object] = {"url": server.url, "rate_per_s": 1.0, "count": 1, "connections": 2, **change}
    return make_pool(Plan(**values), sink)  # type: ignore[arg-type]  # keyword by keyword in the tests


def exchange(number: int) -> Exchange:
    return Exchange(number, 0, 0, time.monotonic())


async def test_it_opens_as_many_as_planned_and_no_faster_than_planned() -> None:
    sink = Sink()
    async with scripted(serving(OK)) as server:
        pool = pool_to(server, sink, connections=30, opens_per_s=200.0)
        begun_s = time.monotonic()
        await pool.open()
        took_s = time.monotonic() - begun_s
        assert (pool.open_count, server.connections) == (30, 30)
        await pool.close()

    assert took_s >= 29 / 200 - 0.01


async def test_the_least_recently_used_connection_takes_the_next_request() -> None:
    took: list[int] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await request_head(reader)
            took.append(number)
            writer.write(OK)

    sink = Sink()
    async with scripted(script) as server:
        pool = pool_to(server, sink, connections=3)
        await pool.open()
        for number in range(9):
            pool.submit(exchange(number))
            await sink.ends(number + 1)
        await pool.close()

    assert took[:3] == took[3:6] == took[6:]
    assert sorted(took[:3]) == [0, 1, 2]


async def test_a_request_that_finds_none_free_waits_for_the_first_that_is() -> None:
    heads: list[bytes] = []
    go = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        while True:
            heads.append(await request_head(reader))
            await go.wait()
            writer.write(OK)

    sink = Sink()
    async with scripted(script) as server:
        pool = pool_to(server, sink)
        await pool.open()
        for number in range(5):
            pool.submit(exchange(number))
        async with asyncio.timeout(5):
            while len(heads) < 2:
                await asyncio.sleep(0.001)
        assert not sink.statuses
        go.set()
        await sink.ends(5)
        await pool.close()

    assert server.connections == 2
    assert set(sink.statuses.values()) == {200}


async def test_a_waiting_request_whose_time_ran_out_is_not_sent() -> None:
    heads: list[bytes] = []
    go = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        while True:
            heads.append(await request_head(reader))
            await go.wait()
            writer.write(OK)

    sink = Sink()
    async with scripted(script) as server:
        pool = pool_to(server, sink, connections=1)
        await pool.open()
        waiting = [exchange(number) for number in range(3)]
        for each in waiting:
            pool.submit(each)
        waiting[1].settled = True
        go.set()
        await sink.ends(2)
        await pool.close()

    assert set(sink.statuses) == {0, 2}
    assert len(heads) == 2


async def test_a_server_that_is_not_there_refuses_each_request_the_waiting_ones_too() -> None:
    sink = Sink()
    plan = Plan(url=f"http://127.0.0.1:{free_port()}", rate_per_s=1, count=1, connections=1)
    pool = make_pool(plan, sink)
    await pool.open()
    assert pool.open_count == 0

    for number in range(4):
        pool.submit(exchange(number))
    await sink.ends(4)
    await pool.close()

    assert set(sink.failures.values()) == {Failure.REFUSED}


async def test_a_server_that_came_back_is_found_by_the_next_request() -> None:
    sink = Sink()
    async with scripted(serving(OK)) as server:
        pool = pool_to(server, sink, connections=1)
        # Nothing was opened beforehand: the slot is empty, as after a refusal.
        pool.submit(exchange(0))
        await sink.ends(1)
        pool.submit(exchange(1))
        await sink.ends(2)
        assert (pool.open_count, server.connections) == (1, 1)
        await pool.close()

    assert sink.statuses == {0: 200, 1: 200}


async def test_a_closed_connections_slot_serves_who_waits() -> None:
    """Each connection dies with its request, so every waiting one needs a new connection."""

    async def script(reader: asyncio.StreamReader, _: asyncio.StreamWriter, __: int) -> None:
        await request_head(reader)

    sink = Sink()
    async with scripted(script) as server:
        pool = pool_to(server, sink, connections=2)
        await pool.open()
        for number in range(7):
            pool.submit(exchange(number))
        await sink.ends(7)
        await pool.close()

    assert set(sink.failures.values()) == {Failure.CLOSED}
    assert server.connections == 7


async def test_closing_leaves_nothing_open() -> None:
    ended: list[int] = []

    async def script(reader: asyncio.StreamReader, _: asyncio.StreamWriter, number: int) -> None:
        await reader.read()
        ended.append(number)

    sink = Sink()
    async with scripted(script) as server:
        pool = pool_to(server, sink, connections=5)
        await pool.open()
        await pool.close()
        assert pool.open_count == 0
        async with asyncio.timeout(5):
            while len(ended) < 5:
                await asyncio.sleep(0.001)
