"""Who is there, and orders from one to the other: on SQLite here, with the database's clock in hand."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.model.errors import LeaseLostError
from abreast.model.traffic import Shadowing, Split
from abreast.rollout.observed import NodeState
from abreast.store.fleet import FORGET_S, SqlFleet
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.nodes.seconds import BEGIN, second
from tests.store.lease_world import CLOCK, World, make_clock

NODES = (
    NodeState("envoy-1.0", Split("v1", "v2", 2000, "salt", Shadowing(500, 10.0)), connected=True),
    NodeState("envoy-2.0", None, connected=False, nack="no such cluster"),
)
WAIT_S = 12.0


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
def fleet(store: SqlStore) -> SqlFleet:
    return SqlFleet(store, "shop", database_now=CLOCK)


async def deciding(world: World, number: int = 0) -> SqlFleet:
    """The fleet as the server sees it that decides."""
    lease = world.servers[number].lease
    await lease.keep()
    return SqlFleet(world.store.fenced(lease.fence()), "shop", database_now=CLOCK)


async def test_servers_are_told_by_name_with_what_their_envoys_obey(fleet: SqlFleet, world: World) -> None:
    await fleet.report("b", "b#1", NODES)
    await world.pass_(1.5)
    await fleet.report("a", "a#1", ())
    first, second = await fleet.replicas()
    assert (first.name, first.identity, first.silent_s, first.nodes) == ("a", "a#1", 0.0, ())
    assert (second.name, second.nodes) == ("b", NODES)
    assert second.silent_s == pytest.approx(1.5)


async def test_a_later_start_takes_the_place_of_an_earlier_one_of_its_name(fleet: SqlFleet) -> None:
    await fleet.report("a", "a#1", NODES)
    await fleet.report("a", "a#2", ())
    assert [(each.identity, each.nodes) for each in await fleet.replicas()] == [("a#2", ())]
    await fleet.leave("a", "a#1")
    assert len(await fleet.replicas()) == 1, "the earlier one's leaving says nothing of the later one"
    await fleet.leave("a", "a#2")
    assert list(await fleet.replicas()) == []


async def test_who_is_silent_for_a_day_is_forgotten_once_another_reports(fleet: SqlFleet, world: World) -> None:
    await fleet.report("a", "a#1", ())
    await world.pass_(FORGET_S + 1)
    await fleet.report("b", "b#1", ())
    assert [each.name for each in await fleet.replicas()] == ["b"]


async def test_services_do_not_meet(fleet: SqlFleet, store: SqlStore, world: World) -> None:
    till = SqlFleet(store, "till", database_now=CLOCK)
    await fleet.report("a", "a#1", ())
    await till.place("1", "{}", WAIT_S)
    assert list(await till.replicas()) == []
    assert list(await (await deciding(world)).begin(1, "lost")) == []


async def test_an_order_is_begun_once_in_the_order_they_came_and_answered_once(fleet: SqlFleet, world: World) -> None:
    for name in ("first", "second"):
        await fleet.place(name, f'"{name}"', WAIT_S)
        await world.pass_(0.1)
    holder = await deciding(world)
    assert await holder.begin(1, "lost") == [("first", '"first"'), ("second", '"second"')]
    assert list(await holder.begin(1, "lost")) == []
    assert await fleet.answer("first") is None
    await holder.finish("first", "done")
    await holder.finish("first", "done again")
    assert await fleet.answer("first") == "done"


async def test_an_order_can_be_taken_back_until_somebody_begins(fleet: SqlFleet, world: World) -> None:
    await fleet.place("early", "{}", WAIT_S)
    assert await fleet.withdraw("early")
    await fleet.place("late", "{}", WAIT_S)
    holder = await deciding(world)
    assert [id_ for id_, _ in await holder.begin(1, "lost")] == ["late"]
    assert not await fleet.withdraw("late")


async def test_nobody_begins_with_an_order_past_its_time(fleet: SqlFleet, world: World) -> None:
    await fleet.place("old", "{}", WAIT_S)
    await world.pass_(WAIT_S + 1)
    assert list(await (await deciding(world)).begin(1, "lost")) == []
    assert await fleet.withdraw("old")


async def test_what_a_lost_server_had_begun_is_not_done_twice(fleet: SqlFleet, world: World) -> None:
    await fleet.place("begun", "{}", WAIT_S)
    first = await deciding(world)
    await first.begin(1, "lost")
    await world.pass_(6.0)
    second = await deciding(world, 1)
    assert list(await second.begin(2, "lost")) == []
    assert await fleet.answer("begun") == "lost"
    await first.finish("begun", "late")
    assert await fleet.answer("begun") == "lost"


async def test_who_decides_no_longer_begins_nothing(fleet: SqlFleet, world: World) -> None:
    first = await deciding(world)
    await world.pass_(6.0)
    await deciding(world, 1)
    await fleet.place("mine", "{}", WAIT_S)
    with pytest.raises(LeaseLostError):
        await first.begin(1, "lost")
    assert await fleet.answer("mine") is None


async def test_one_look_tells_who_is_there_who_decides_and_what_was_counted(fleet: SqlFleet, world: World) -> None:
    nobody = await fleet.look(0)
    assert (list(nobody.replicas), nobody.holder, list(nobody.seconds)) == ([], None, [])
    await deciding(world)
    await fleet.report("a", "a#1", NODES, [second("a", 1, 10), second("a", 2, 5)], BEGIN + 2.5)
    look = await fleet.look(0)
    assert [each.name for each in look.replicas] == ["a"]
    assert look.holder == await world.servers[0].lease.holder()
    assert [(each.second.number, each.ended_ago_s) for each in look.seconds] == [(1, 1.5), (2, 0.5)]
    assert list((await fleet.look(look.seconds[-1].id)).seconds) == []


async def test_each_second_of_each_gateway_is_in_the_history_once_whoever_writes_it(
    fleet: SqlFleet, store: SqlStore
) -> None:
    own, apart = [second("a", 1, 10, 1), second("a", 2, 5)], [second("g1", 1, 7)]
    await fleet.report("a", "a#1", NODES, [*own, *apart], BEGIN + 2.5)
    await fleet.report("a", "a#1", NODES, own, BEGIN + 3.5)
    await fleet.report("b", "b#1", (), [*apart, second("g1", 60, 2)], BEGIN + 60)
    counted = [(minute, counts.requests, counts.errors) for minute, _, counts in await store.counts("shop", 0)]
    minute = int(BEGIN // 60)
    assert counted == [(minute, 22, 1), (minute + 1, 2, 0)]
