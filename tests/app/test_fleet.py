"""Who is there, as one server knows it from the store: on SQLite, with all clocks in hand."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.app.fleet import LOST_S, REPORT_S, FleetGateway, Muster, OwnGateway
from abreast.model.traffic import Split
from abreast.rollout.turn import split_of
from abreast.store.fleet import SqlFleet
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.contracts.test_store import a_rollout
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeGateway
from tests.store.lease_world import CLOCK, World, make_clock

ROLLOUT = a_rollout()


class Two:
    """Two servers, ``a`` and ``b``, of which any may decide."""

    def __init__(self, store: SqlStore) -> None:
        self.world = World(store, "shop")
        self.clock = FakeClock()
        self.gateways = [FakeGateway((f"envoy-{number}",)) for number in range(2)]
        self.fleet = SqlFleet(store, "shop", database_now=CLOCK)
        self.musters = [
            Muster(name, self.fleet, self.world.servers[number].lease, OwnGateway(name, gateway), self.clock)
            for number, (name, gateway) in enumerate(zip("ab", self.gateways, strict=True))
        ]

    async def touch(self, *numbers: int) -> None:
        """These servers look, and report."""
        for number in numbers:
            await self.musters[number].touch(ROLLOUT)

    async def pass_(self, seconds: float) -> None:
        """Time goes by everywhere."""
        self.clock.time += seconds
        await self.world.pass_(seconds)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    store = await open_store(tmp_path / "abreast.db")
    await make_clock(store)
    yield Two(store)
    await store.close()


async def test_each_sees_all_and_who_decides(two: Two) -> None:
    await two.world.servers[1].lease.keep()
    await two.touch(0, 1, 0)
    for muster in two.musters:
        assert [(each.name, each.decides, each.lost) for each in muster.servers] == [
            ("a", False, False),
            ("b", True, False),
        ]
        assert muster.decides == "b"
    await two.pass_(60.0)
    assert two.musters[0].decides == "", "its lease is over by now"


async def test_who_decides_knows_what_the_others_envoys_obey(two: Two) -> None:
    await two.touch(0, 1, 0)
    gateway = FleetGateway(two.musters[0])
    assert [node.id for node in gateway.nodes()] == ["a/envoy-0", "b/envoy-1"]
    assert [node.connected for node in gateway.nodes()] == [True, True]


async def test_a_change_at_an_envoy_is_told_at_once_and_silence_is_broken_every_second(two: Two) -> None:
    await two.touch(0, 1, 0)
    assert not two.musters[1].changed(ROLLOUT)
    two.gateways[1].lost.add("envoy-1")
    assert two.musters[1].changed(ROLLOUT)
    await two.touch(1)
    assert await two.musters[0].touch(ROLLOUT), "whoever waits for it looks again"
    assert not await two.musters[0].touch(ROLLOUT)
    assert [each.nodes[0].connected for each in two.musters[0].servers] == [True, False]
    await two.pass_(REPORT_S + 0.1)
    await two.touch(1, 0)
    assert two.musters[0].servers[1].silent_s == pytest.approx(0.0)


async def test_who_is_silent_for_too_long_is_lost_and_not_waited_for(two: Two) -> None:
    await two.touch(0, 1, 0)
    await two.pass_(LOST_S - 0.5)
    await two.touch(0)
    gateway = FleetGateway(two.musters[0])
    assert len(gateway.nodes()) == 2
    await two.pass_(1.0)
    await two.touch(0)
    assert [node.id for node in gateway.nodes()] == ["a/envoy-0"]
    assert [(each.name, each.lost) for each in two.musters[0].servers] == [("a", False), ("b", True)]


async def test_a_server_that_cannot_read_knows_that_its_knowledge_grows_old(two: Two) -> None:
    await two.touch(0, 1, 0)
    await two.fleet._store.close()
    two.clock.time += LOST_S + 1
    await two.touch(0)
    assert [(each.name, each.lost) for each in two.musters[0].servers] == [("a", False), ("b", True)]


async def test_who_leaves_in_order_is_gone(two: Two) -> None:
    await two.touch(0, 1)
    await two.musters[1].leave()
    await two.touch(0)
    assert [each.name for each in two.musters[0].servers] == ["a"]


async def test_a_node_that_obeys_is_reported_with_the_split_on_record(two: Two) -> None:
    two.gateways[1]._acked["envoy-1"] = Split("v1")
    await two.touch(1)
    (replica,) = await two.fleet.replicas()
    assert replica.nodes[0].acked == split_of(ROLLOUT)
