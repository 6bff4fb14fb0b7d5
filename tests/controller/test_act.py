"""Wishes become calls of the ports: what the gateways are told, and what the driver is asked for."""

import pytest

from abreast.controller.act import Actor
from abreast.model.service import InstanceState, Service, Version
from abreast.rollout.actions import Action, ContractData, FenceData, OpenData, RunVersion, SetSplit, StopVersion
from tests.controller.stage import SERVICE
from tests.fakes.clock import FakeClock
from tests.fakes.data import FakeData
from tests.fakes.driver import FakeDriver
from tests.fakes.gateway import FakeGateway
from tests.rollout.play import V1, at


class Hands:
    """An actor and what it has its hands on."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.driver = FakeDriver(self.clock, start_s=1.0, stop_s=0.0)
        self.gateway = FakeGateway()
        self.actor = Actor(SERVICE, self.driver, self.gateway, "secret")

    async def running(self, *names: str) -> "Hands":
        """With these versions ready."""
        await self.actor.act([RunVersion(name) for name in names])
        self.clock.time += 1.0
        assert all(each.ready for each in self.driver.instances())
        self.driver.calls.clear()
        return self

    def ports(self, name: str) -> list[int]:
        """Where the version's instances are."""
        return sorted(each.endpoint.port for each in self.driver.instances() if each.version == name)


async def test_a_gateway_is_told_everything_it_needs() -> None:
    hands = await Hands().running("v1", "v2")
    await hands.actor.act([SetSplit(at(1000))])
    traffic = hands.gateway.published[-1]
    assert (traffic.service, traffic.split, traffic.tester_secret) == ("shop", at(1000), "secret")
    assert traffic.candidate is not None
    assert traffic.stable.version == SERVICE.version("v1")
    assert [each.port for each in traffic.stable.endpoints] == hands.ports("v1")
    assert [each.port for each in traffic.candidate.endpoints] == hands.ports("v2")


async def test_only_ready_instances_are_told() -> None:
    hands = await Hands().running("v1")
    hands.driver.kill("v1-1")
    await hands.actor.act([SetSplit(V1)])
    told = hands.gateway.published[-1].stable.endpoints
    (ready,) = [each.endpoint for each in hands.driver.instances() if each.ready]
    assert told == (ready,)


async def test_without_any_ready_one_those_that_were_ready_are_told_for_they_may_yet_answer() -> None:
    hands = await Hands().running("v1", "v2")
    hands.driver.sick.add("v1")
    hands.driver.kill("v2-1")
    hands.driver.kill("v2-2")
    await hands.actor.act([SetSplit(at(1000))])
    traffic = hands.gateway.published[-1]
    assert {each.state for each in hands.driver.instances() if each.version == "v1"} == {InstanceState.UNREADY}
    assert [each.port for each in traffic.stable.endpoints] == hands.ports("v1")
    assert traffic.candidate is not None
    assert traffic.candidate.endpoints == (), "an instance that ended answers nobody"


async def test_the_same_split_is_told_again_when_the_instances_changed() -> None:
    hands = await Hands().running("v1")
    await hands.actor.act([SetSplit(V1)])
    await hands.actor.act([SetSplit(V1)])
    assert len(hands.gateway.published) == 1
    hands.driver.kill("v1-1")
    await hands.actor.act([SetSplit(V1)])
    assert len(hands.gateway.published) == 2


async def test_versions_are_run_and_stopped_after_the_traffic_is_set() -> None:
    hands = await Hands().running("v1", "v3")
    hands.gateway.on_publish = lambda split: hands.driver.calls.append(("publish", split.stable))
    await hands.actor.act([SetSplit(V1), RunVersion("v1"), StopVersion("v3")])
    assert hands.driver.calls == [("publish", "v1"), ("run", "v1"), ("stop", "v3")]
    assert not hands.ports("v3")


async def test_twice_is_as_good_as_once() -> None:
    hands = await Hands().running("v1", "v3")
    wishes: list[Action] = [SetSplit(V1), RunVersion("v1"), StopVersion("v3")]
    await hands.actor.act(wishes)
    ports = hands.ports("v1")
    await hands.actor.act(wishes)
    assert (hands.ports("v1"), hands.ports("v3"), len(hands.gateway.published)) == (ports, [], 1)


async def test_a_hopeless_version_is_remembered_until_it_can_be_run_and_stops_nothing_else() -> None:
    hands = Hands()
    hands.driver.hopeless.add("v2")
    await hands.actor.act([SetSplit(V1), RunVersion("v2"), RunVersion("v1")])
    assert hands.actor.hopeless == {"v2": "there is no command for 'v2'"}
    assert len(hands.ports("v1")) == 2
    hands.driver.hopeless.clear()
    await hands.actor.act([RunVersion("v2")])
    assert hands.actor.hopeless == {}


async def test_a_version_that_the_spec_lost_is_an_error_of_ours() -> None:
    with pytest.raises(LookupError, match="the spec has no version 'v9'"):
        await Hands().actor.act([RunVersion("v9")])


async def test_endpoints_elsewhere_are_only_routed_to() -> None:
    hands = Hands()
    endpoints = tuple(each.endpoint for each in (await Hands().running("v1")).driver.instances())
    hands.actor.service = Service("shop", (Version("v1", endpoints=endpoints),), "v1")
    await hands.actor.act([RunVersion("v1")])
    hands.clock.time += 1.0
    await hands.actor.act([SetSplit(V1)])
    assert hands.gateway.published[-1].stable.endpoints == tuple(sorted(endpoints))


async def test_what_concerns_the_database_is_wished_of_it() -> None:
    hands, data = Hands(), FakeData()
    wishes: list[Action] = [OpenData("v1", "v2", expand=True), FenceData("v2"), ContractData("v1", "v2")]
    await Actor(SERVICE, hands.driver, hands.gateway, "secret", data).act(wishes)
    assert data.wishes == ["open v2 beside v1, expanded", "fence v2", "drop v1 for v2"]
    await hands.actor.act(wishes)
    assert hands.driver.calls == [], "without a database nobody is asked"
