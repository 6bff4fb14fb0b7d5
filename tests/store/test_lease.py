"""Who decides: one at a time, and nobody's late write counts. On SQLite here; tests/fleet has it on PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from abreast.model.errors import LeaseLostError, StoreError
from abreast.ports import Lease
from abreast.store.lease import LEASE_S, MARGIN_S, RENEW_S, boot_time
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.contracts.test_store import a_rollout
from tests.store.lease_world import Running, World, any_order, in_a_loop, make_clock


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = await open_store(tmp_path / "abreast.db")
    await make_clock(opened)
    yield opened
    await opened.close()


@pytest.fixture
def world(store: SqlStore) -> World:
    return World(store, "shop")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    yield from in_a_loop(open_store(tmp_path / "abreast.db"), lambda opened: opened)


test_never_two_decide_and_no_late_write_counts = any_order(jumps=False, examples=80)
test_no_late_write_counts_even_where_the_databases_clock_jumps = any_order(jumps=True, examples=80)


async def test_the_first_to_ask_has_it_until_it_gives_it_up(world: World) -> None:
    first, second = (each.lease for each in world.servers)
    port: Lease = first
    assert await first.keep()
    assert port.held
    assert not await second.keep()
    await first.give_up()
    assert not first.held
    assert await second.keep()
    assert (first.token, second.token) == (1, 2)


async def test_a_holder_that_renews_keeps_it_and_its_token(world: World) -> None:
    first, second = (each.lease for each in world.servers)
    await first.keep()
    for _ in range(5):
        await world.pass_(RENEW_S)
        assert await first.keep()
        assert not await second.keep()
    assert first.token == 1


async def test_a_holder_stops_before_another_can_begin(world: World) -> None:
    first, second = (each.lease for each in world.servers)
    await first.keep()
    await world.pass_(LEASE_S - MARGIN_S - 0.01)
    assert world.deciding == [0]
    await world.pass_(0.02)
    assert world.deciding == []
    assert not await second.keep()
    await world.pass_(MARGIN_S)
    assert await second.keep()


async def test_who_has_it_is_told_with_what_is_left(world: World) -> None:
    first, second = (each.lease for each in world.servers)
    assert await second.holder() is None
    await first.keep()
    await world.pass_(1.0)
    holder = await second.holder()
    assert holder is not None
    assert (holder.identity, holder.token) == ("s0#1", 1)
    assert holder.left_s == pytest.approx(LEASE_S - 1.0)
    await world.pass_(60.0)
    holder = await second.holder()
    assert holder is not None
    assert holder.left_s == 0.0


async def test_a_write_that_stood_still_while_another_began_is_refused_and_tells_its_server(world: World) -> None:
    first, second = (each.lease for each in world.servers)
    await first.keep()
    mine = world.store.fenced(first.fence())
    saved = await mine.save(a_rollout(), [])
    await world.jump(LEASE_S + 1)  # its own clock has not moved: it still believes to decide
    assert await second.keep()
    assert world.deciding == [0, 1]
    with pytest.raises(LeaseLostError, match=r"another server decides by now \(token 2, this one had 1\)"):
        await mine.save(saved, [])
    assert world.deciding == [1]
    assert await world.store.load("shop") == saved
    assert (await world.store.fenced(second.fence()).save(saved, [])).revision == 2


async def test_a_database_that_lost_its_last_moments_and_gives_a_token_twice_lets_one_write(world: World) -> None:
    first, second = (each.lease for each in world.servers)
    await first.keep()
    mine = world.store.fenced(first.fence())
    await world.store.transact(lambda connection: connection.execute(text("DELETE FROM leases")), write=True)
    assert await second.keep()
    assert (first.token, second.token) == (1, 1)
    with pytest.raises(LeaseLostError):
        await mine.save(a_rollout(), [])
    await world.store.fenced(second.fence()).save(a_rollout(), [])


async def test_the_same_server_that_takes_it_again_has_another_token(world: World) -> None:
    first = world.servers[0].lease
    await first.keep()
    before = world.store.fenced(first.fence())
    await world.pass_(LEASE_S)
    assert await first.keep()
    assert first.token == 2
    with pytest.raises(LeaseLostError):
        await before.save(a_rollout(), [])


async def test_without_the_database_it_ends_by_itself(world: World) -> None:
    first = world.servers[0].lease
    await first.keep()
    await world.store.transact(lambda connection: connection.execute(text("DROP TABLE world_clock")), write=True)
    world.now += RENEW_S
    with pytest.raises(StoreError):
        await first.keep()
    assert world.deciding == [0]
    world.now += LEASE_S
    assert world.deciding == []


def test_the_clock_goes_on_while_the_machine_is_suspended() -> None:
    assert boot_time() <= boot_time()
    assert RENEW_S * 2 < LEASE_S - MARGIN_S, "one renewal may fail without the lease being lost"
