"""Who is there, as one server knows it from the store: on SQLite, with all clocks in hand."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.app.delivery import Delivery
from abreast.app.fleet import GIVEN_UP_S, LOST_S, REPORT_S, FleetGateway, Muster, OwnGateway
from abreast.model.agent import AgentKind, AgentName, JoinToken, Presence
from abreast.model.traffic import Split
from abreast.rollout.observed import NodeState
from abreast.rollout.turn import split_of
from abreast.store.agents import SqlAgents
from abreast.store.fleet import SqlFleet
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.contracts.test_store import a_rollout
from tests.fakes.clock import FakeClock
from tests.fakes.counting import FakeCounting
from tests.fakes.gateway import FakeGateway
from tests.nodes.seconds import BEGIN, second
from tests.store.lease_world import CLOCK, World, make_clock

ROLLOUT = a_rollout()


class Two:
    """Two servers, ``a`` and ``b``, of which any may decide."""

    def __init__(self, store: SqlStore) -> None:
        self.world = World(store, "shop")
        self.clock = FakeClock()
        self.gateways = [FakeGateway((f"envoy-{number}",)) for number in range(2)]
        self.counted = [FakeCounting() for _ in range(2)]
        self.fleet = SqlFleet(store, "shop", database_now=CLOCK)
        self.musters = [
            Muster(
                Delivery(name, self.counted[number], self.clock),
                self.fleet,
                self.world.servers[number].lease,
                OwnGateway(name, self.gateways[number]),
                self.clock,
            )
            for number, name in enumerate("ab")
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
    assert not two.musters[1].has_news(ROLLOUT)
    two.gateways[1].lost.add("envoy-1")
    assert two.musters[1].has_news(ROLLOUT)
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


async def test_what_the_envoys_of_a_lost_server_do_is_not_known_until_it_is_given_up(two: Two) -> None:
    await two.touch(0, 1, 0)
    gateway = FleetGateway(two.musters[0])
    assert list(gateway.silent()) == []
    await two.pass_(LOST_S + 1)
    await two.touch(0)
    assert [node.id for node in gateway.silent()] == ["b/envoy-1"]
    await two.pass_(GIVEN_UP_S)
    await two.touch(0)
    assert list(gateway.silent()) == []


async def test_who_leaves_in_order_leaves_behind_what_it_counted(two: Two) -> None:
    await two.touch(0, 1)
    two.clock.time = BEGIN + 1.2
    two.counted[1].seconds = [second("", 1, 5)]
    await two.musters[1].leave()
    await two.touch(0)
    assert [each.name for each in two.musters[0].servers] == ["a"]
    assert two.musters[0].delivery.counts.tally(0.0)["v2"].requests == 5


async def test_who_left_in_order_has_no_envoys_any_more(two: Two) -> None:
    await two.touch(0, 1)
    await two.musters[1].leave()
    await two.touch(0)
    assert list(FleetGateway(two.musters[0]).silent()) == []


async def test_each_server_has_what_all_gateways_counted(two: Two) -> None:
    two.clock.time = BEGIN + 1.2
    two.counted[0].seconds = [second("", 1, 10)]
    two.counted[1].seconds = [second("", 1, 5, 2)]
    assert two.musters[1].has_news(ROLLOUT)
    await two.touch(1, 0, 1)
    assert not two.musters[1].has_news(ROLLOUT)
    for muster in two.musters:
        counts = muster.delivery.counts
        assert (counts.tally(0.0)["v2"].requests, counts.tally(0.0)["v2"].errors) == (15, 2)
    exposed = [muster.delivery.counts.cumulative()["v2"].requests for muster in two.musters]
    assert exposed == [10, 5]


async def test_while_the_store_fails_a_servers_own_gateway_counts_and_it_does_not_ask_again_at_once(two: Two) -> None:
    await two.touch(0)
    await two.fleet._store.close()
    two.clock.time = BEGIN + 1.2
    two.counted[0].seconds = [second("", 1, 10)]
    await two.touch(0)
    assert two.musters[0].delivery.counts.tally(0.0)["v2"].requests == 10
    assert len(two.musters[0].delivery.unwritten) == 1
    assert not two.musters[0].has_news(ROLLOUT)


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


async def test_gateways_apart_from_servers_are_nodes_until_they_are_lost(two: Two) -> None:
    agents = SqlAgents(two.fleet._store, "shop", database_now=CLOCK)
    name, token = AgentName(AgentKind.GATEWAY, "g1"), JoinToken("0" * 12, "s" * 43, "f" * 64)
    await agents.invite(token, name, 60.0, "ada", 1.0)
    presence = Presence(await agents.redeem(token, name, "key", "e", 1.0), "start", 1)
    await agents.report(presence, "b", [NodeState("g1/envoy-9", Split("v1"), connected=True)])
    await two.touch(0, 1, 0)
    muster = two.musters[0]
    assert [each.name for each in muster.servers] == ["a", "b"]
    assert [(each.name, each.server, each.lost) for each in muster.gateways] == [("g1", "b", False)]
    gateway = FleetGateway(muster)
    assert [node.id for node in gateway.nodes()] == ["a/envoy-0", "b/envoy-1", "g1/envoy-9"]
    await two.pass_(LOST_S + 1)
    await two.touch(1, 0)
    assert [node.id for node in gateway.nodes()] == ["a/envoy-0", "b/envoy-1"]
    assert [node.id for node in gateway.silent()] == ["g1/envoy-9"]
    assert muster.gateways[0].lost
