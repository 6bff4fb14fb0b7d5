"""Versions whose endpoints are looked up, in front of the driver that watches them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from abreast.drivers.external import ExternalDriver
from abreast.drivers.probe import Answer
from abreast.drivers.registry.consul import Consul
from abreast.drivers.registry.containers import LabelledContainers
from abreast.drivers.registry.driver import RegistryDriver, source_of
from abreast.drivers.registry.etcd import EtcdKeys
from abreast.drivers.registry.names import Names
from abreast.drivers.registry.slices import SlicesOfService
from abreast.drivers.timing import Timing
from abreast.model.registry import (
    ConsulService,
    Containers,
    DnsName,
    EtcdPrefix,
    Place,
    Registry,
    ServiceSlices,
    SrvName,
)
from abreast.model.registry_state import RegistryState
from abreast.model.service import Endpoint, Probe, Version
from tests.drivers.registry.sources import ONE, TWO, FakeSource
from tests.fakes.clock import FakeClock
from tests.process.programs import until

VERSION = Version("v2", registry=Registry(DnsName("shop.test", 80)), ready=Probe("tcp", interval_s=1.0))
PLAIN = Version("v2", endpoints=(TWO,))


class World:
    """The driver over sources in a test's hands, by place; every endpoint is well but those in ``hanging``."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.sources: list[FakeSource] = []
        self.news: list[str] = []
        self.changes = 0
        self.hanging: set[Endpoint] = set()
        behind = ExternalDriver(
            self.clock, self._changed, lambda _, __: None, timing=Timing(first_answer_s=0.05), ask=self._ask
        )
        self.driver = RegistryDriver(
            behind,
            self.clock,
            self._changed,
            self.news.append,
            file=folder / "registry.json",
            random=Random(1),
            source_of=lambda *_: self.sources[-1],
            first_s=0.05,
        )

    def source(self) -> FakeSource:
        """The one that is asked next."""
        self.sources.append(FakeSource())
        return self.sources[-1]

    def _changed(self) -> None:
        self.changes += 1

    async def _ask(self, endpoint: Endpoint, probe: Probe, version: Version) -> Answer:
        if endpoint in self.hanging:
            await asyncio.Event().wait()
        return Answer(well=True, detail="succeeded")

    def states(self) -> dict[str, str]:
        return {instance.id: instance.state.value for instance in self.driver.instances()}

    async def turn(self, version: Version = VERSION) -> None:
        """What the controller does in each cycle, until nothing changes any more."""
        for _ in range(3):
            await self.driver.run(version)
            await self.clock.settle()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.driver.close(stop=True)
    assert all(source.closed for source in made.sources)
    assert made.clock.sleepers == 0


async def test_what_is_found_are_instances_at_once(world: World) -> None:
    world.source().say(ONE, TWO)
    await world.driver.run(VERSION)
    assert world.states() == {"v2@127.0.0.1:9001": "ready", "v2@127.0.0.1:9002": "ready"}
    assert world.driver.states() == [RegistryState("v2", "DNS name shop.test", (ONE, TWO))]
    assert world.news == ["v2: DNS name shop.test found 2 endpoints (127.0.0.1:9001, 127.0.0.1:9002)"]


async def test_a_change_is_followed_and_wakes(world: World) -> None:
    source = world.source()
    source.say(ONE)
    await world.turn()
    before = world.changes
    source.say(TWO)
    await world.clock.advance(0.2)
    assert world.changes > before
    assert world.states() == {"v2@127.0.0.1:9002": "ready"}


async def test_what_changes_while_a_change_is_told_is_told_next(world: World) -> None:
    source = world.source()
    source.say(ONE)
    await world.turn()
    world.hanging.add(TWO)
    source.say(ONE, TWO)
    await world.clock.advance(0.2)
    source.say(TWO)
    await world.clock.advance(0.2)
    await until(lambda: world.states() == {"v2@127.0.0.1:9002": "starting"})


async def test_a_new_endpoint_that_hangs_holds_up_no_turn(world: World) -> None:
    source = world.source()
    source.say(ONE)
    await world.turn()
    world.hanging.add(TWO)
    source.say(ONE, TWO)
    await world.clock.advance(0.2)
    began = asyncio.get_running_loop().time()
    await world.driver.run(VERSION)
    assert asyncio.get_running_loop().time() - began < 0.04
    await until(lambda: "v2@127.0.0.1:9002" in world.states())
    assert world.states()["v2@127.0.0.1:9001"] == "ready"


async def test_an_empty_answer_leaves_the_instances(world: World) -> None:
    source = world.source()
    source.say(ONE)
    await world.turn()
    source.say()
    await world.clock.advance(0.2)
    await world.turn()
    assert world.states() == {"v2@127.0.0.1:9001": "ready"}
    (state,) = world.driver.states()
    assert (state.kept, state.endpoints) == (True, (ONE,))
    assert state.empty_since == pytest.approx(world.clock.now(), abs=1.0)


async def test_another_probe_takes_effect_without_asking_anew(world: World) -> None:
    source = world.source()
    source.say(ONE)
    await world.turn()
    asked = source.asked
    await world.turn(replace(VERSION, ready=Probe("http", "/healthz")))
    assert source.asked == asked
    places = world.driver._behind
    assert isinstance(places, ExternalDriver)
    assert [place.watch.version.ready.path for place in places._places["v2"].values()] == ["/healthz"]


async def test_another_registry_begins_with_what_the_last_one_knew(world: World) -> None:
    first = world.source()
    first.say(ONE)
    await world.turn()
    second = world.source()
    second.fail()
    other = replace(VERSION, registry=Registry(DnsName("other.test", 80)))
    await world.turn(other)
    assert first.closed
    assert world.states() == {"v2@127.0.0.1:9001": "ready"}
    second.say(TWO)
    await world.clock.advance(2.0)
    await world.turn(other)
    assert world.states() == {"v2@127.0.0.1:9002": "ready"}


async def test_a_start_while_the_registry_is_away_goes_on_with_the_last_endpoints(world: World, tmp_path: Path) -> None:
    world.source().say(ONE)
    await world.turn()
    later = World(tmp_path)
    later.source().fail()
    await later.driver.run(VERSION)
    assert later.states() == {"v2@127.0.0.1:9001": "ready"}
    assert later.news == ["v2: DNS name shop.test does not answer: refused; the last 1 endpoint (127.0.0.1:9001) stay"]
    await later.driver.close(stop=True)


async def test_a_start_while_the_registry_is_slow_does_not_wait_for_it(world: World, tmp_path: Path) -> None:
    world.source().say(ONE)
    await world.turn()
    later = World(tmp_path)
    slow = later.source()
    await later.driver.run(VERSION)
    assert later.states() == {"v2@127.0.0.1:9001": "ready"}
    assert later.news == [
        "v2: DNS name shop.test has not answered within 0.05 s; the endpoints of before are used: 127.0.0.1:9001"
    ]
    slow.say(TWO)
    await later.clock.settle()
    await later.turn()
    assert later.states() == {"v2@127.0.0.1:9002": "ready"}
    await later.driver.close(stop=True)


async def test_without_any_there_is_no_instance_and_it_is_said_why(world: World) -> None:
    world.source()
    await world.driver.run(VERSION)
    assert world.states() == {}
    assert world.news == ["v2: DNS name shop.test has not answered within 0.05 s; no endpoint is known yet"]


async def test_a_version_with_listed_endpoints_passes_through(world: World) -> None:
    await world.driver.run(PLAIN)
    assert world.states() == {"v2@127.0.0.1:9002": "ready"}
    assert world.driver.states() == []


async def test_a_version_that_changes_its_kind_is_followed_no_more(world: World) -> None:
    source = world.source()
    source.say(ONE)
    await world.turn()
    await world.driver.run(PLAIN)
    assert source.closed
    assert world.states() == {"v2@127.0.0.1:9002": "ready"}
    assert world.driver.states() == []


async def test_stop_forgets_registry_and_instances(world: World) -> None:
    source = world.source()
    source.say(ONE)
    await world.turn()
    await world.driver.stop("v2")
    await world.driver.stop("unknown")
    assert (source.closed, world.states(), world.driver.states()) == (True, {}, [])


async def test_a_fault_of_the_following_is_not_silent(world: World) -> None:
    source = world.source()
    source.say(ONE)
    await world.turn()
    source.fail(ZeroDivisionError())
    await world.clock.advance(0.2)
    with pytest.raises(ZeroDivisionError):
        await world.driver.run(VERSION)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (DnsName("a", 1), Names),
        (SrvName("a"), Names),
        (ConsulService("a"), Consul),
        (EtcdPrefix("a"), EtcdKeys),
        (Containers(("a",)), LabelledContainers),
        (ServiceSlices("a"), SlicesOfService),
    ],
)
async def test_each_place_has_its_source(place: Place, kind: type) -> None:
    source = source_of(place, FakeClock(), Random(1))
    assert isinstance(source, kind)
    await source.close()
