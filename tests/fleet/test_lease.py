"""The lease's promise on PostgreSQL: tests/store/test_lease.py has the same on SQLite, and each case by itself."""

import asyncio
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from abreast.store.lease import LEASE_S, DatabaseLease
from abreast.store.postgresql import Address, Server, open_server
from abreast.store.sql import SqlStore
from tests.store.lease_world import Step, World, live, make_clock, steps
from tests.store.test_lease import RATES

ANY_ORDER = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestAnyOrder:
    """Property: as on SQLite, over the real database."""

    @pytest.fixture
    def loop_and_store(self, database: str) -> Iterator[tuple[asyncio.Runner, SqlStore]]:
        with asyncio.Runner() as runner:
            opened = runner.run(open_server(Address.of(database, {})))
            runner.run(make_clock(opened.store))
            yield runner, opened.store
            runner.run(opened.close())

    names = itertools.count()

    @given(happening=steps(3, jumps=False), rates=RATES)
    @ANY_ORDER
    def test_never_two_decide_and_no_late_write_counts(
        self, loop_and_store: tuple[asyncio.Runner, SqlStore], happening: list[Step], rates: list[float]
    ) -> None:
        runner, store = loop_and_store
        runner.run(live(World(store, f"s{next(self.names)}", rates), happening, jumps=False))

    @given(happening=steps(3, jumps=True), rates=RATES)
    @ANY_ORDER
    def test_no_late_write_counts_even_where_the_databases_clock_jumps(
        self, loop_and_store: tuple[asyncio.Runner, SqlStore], happening: list[Step], rates: list[float]
    ) -> None:
        runner, store = loop_and_store
        runner.run(live(World(store, f"s{next(self.names)}", rates), happening, jumps=True))


async def test_the_databases_own_clock_says_until_when(opened: Server) -> None:
    lease = DatabaseLease(opened.lease, "shop", "a#1")
    assert await lease.keep()
    holder = await lease.holder()
    assert holder is not None
    assert LEASE_S - 1 < holder.left_s <= LEASE_S


async def test_of_many_that_ask_at_once_one_has_it(opened: Server) -> None:
    leases = [DatabaseLease(each, "shop", f"{n}#1") for n, each in enumerate((opened.lease, opened.store.transactions))]
    for _ in range(5):
        got = await asyncio.gather(*(each.keep() for each in leases))
        assert sum(got) == 1
        await leases[got.index(True)].give_up()
