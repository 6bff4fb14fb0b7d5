"""The lease's promise on PostgreSQL: tests/store/test_lease.py has the same on SQLite, and each case by itself."""

import asyncio
from collections.abc import Iterator

import pytest

from abreast.store.lease import LEASE_S, DatabaseLease
from abreast.store.postgresql import Address, Server, open_server
from tests.store.lease_world import Running, any_order, in_a_loop


@pytest.fixture
def running(database: str) -> Iterator[Running]:
    yield from in_a_loop(open_server(Address.of(database, {})), lambda server: server.store)


test_never_two_decide_and_no_late_write_counts = any_order(jumps=False, examples=25)
test_no_late_write_counts_even_where_the_databases_clock_jumps = any_order(jumps=True, examples=25)


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
