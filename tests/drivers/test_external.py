"""Versions that run elsewhere."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from abreast.drivers.external import ExternalDriver
from abreast.drivers.probe import Answer
from abreast.drivers.timing import Timing
from abreast.model.service import Endpoint, InstanceState, Probe, Version
from tests.drivers.stage import HURRIED, Stage, only, ready
from tests.fakes.clock import FakeClock
from tests.process.programs import until

HERE, THERE = Endpoint("127.0.0.1", 9001), Endpoint("127.0.0.1", 9002)
VERSION = Version("v1", endpoints=(HERE, THERE), ready=Probe("tcp", interval_s=1.0))


class World:
    """Endpoints that are well or not as the test says."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.well = {HERE: True, THERE: True}
        self.hang = False
        self.events: list[tuple[str, str]] = []
        self.changes = 0
        self.driver = ExternalDriver(
            self.clock,
            self._changed,
            lambda instance, reason: self.events.append((instance.id, f"{instance.state}: {reason}")),
            timing=Timing(first_answer_s=0.01),
            ask=self.ask,
        )

    def _changed(self) -> None:
        self.changes += 1

    async def ask(self, endpoint: Endpoint, probe: Probe, version: Version) -> Answer:
        if self.hang:
            await asyncio.Event().wait()
        well = self.well[endpoint]
        return Answer(well, "succeeded" if well else "refused")

    def states(self) -> dict[str, str]:
        return {instance.id: instance.state.value for instance in self.driver.instances()}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.driver.close(stop=True)


async def test_each_endpoint_is_an_instance_known_at_once(world: World) -> None:
    world.well[THERE] = False
    await world.driver.run(VERSION)
    assert world.states() == {"v1@127.0.0.1:9001": "ready", "v1@127.0.0.1:9002": "starting"}
    down = world.driver.instances()[1]
    assert (down.detail, down.endpoint, down.pid) == ("refused", THERE, None)


async def test_it_follows_their_health(world: World) -> None:
    await world.driver.run(VERSION)
    await world.clock.settle()
    world.well[HERE] = False
    await world.clock.advance(3.0)
    assert world.states()["v1@127.0.0.1:9001"] == "unready"
    assert world.driver.instances()[0].detail == "refused, 3 times in a row"
    world.well[HERE] = True
    await world.clock.advance(1.0)
    assert world.states()["v1@127.0.0.1:9001"] == "ready"
    assert world.events[-1] == ("v1@127.0.0.1:9001", "ready: succeeded")


async def test_one_that_is_down_for_long_is_never_given_up(world: World) -> None:
    world.well[HERE] = False
    await world.driver.run(VERSION)
    await world.clock.settle()
    await world.clock.advance(500.0)
    assert world.states()["v1@127.0.0.1:9001"] == "starting"
    world.well[HERE] = True
    await world.clock.advance(1.0)
    assert world.states()["v1@127.0.0.1:9001"] == "ready"


async def test_one_that_hangs_does_not_hold_up_the_caller(world: World) -> None:
    world.hang = True
    await asyncio.wait_for(world.driver.run(VERSION), 5)
    assert world.states() == {"v1@127.0.0.1:9001": "starting", "v1@127.0.0.1:9002": "starting"}
    assert "no answer within" in world.driver.instances()[0].detail


async def test_other_endpoints_come_and_go_and_the_rest_stays(world: World) -> None:
    await world.driver.run(VERSION)
    before = world.driver.instances()[1]
    new = Endpoint("127.0.0.1", 9003)
    world.well[new] = True
    await world.driver.run(replace(VERSION, endpoints=(THERE, new)))
    assert set(world.states()) == {"v1@127.0.0.1:9002", "v1@127.0.0.1:9003"}
    assert world.driver.instances()[0] == before
    assert ("v1@127.0.0.1:9001", "ready: not watched any more") in world.events


async def test_another_probe_takes_effect(world: World) -> None:
    await world.driver.run(VERSION)
    await world.clock.settle()
    await world.driver.run(replace(VERSION, ready=Probe("tcp", interval_s=10.0)))
    world.well[HERE] = False
    await world.clock.advance(15.0)
    assert world.states()["v1@127.0.0.1:9001"] == "ready"
    await world.clock.advance(10.0)
    assert world.states()["v1@127.0.0.1:9001"] == "unready"


async def test_stop_only_forgets(world: World) -> None:
    await world.driver.run(VERSION)
    changes = world.changes
    await world.driver.stop("v1")
    await world.driver.stop("unknown")
    assert world.states() == {}
    assert world.changes == changes + 2
    assert world.clock.sleepers == 0


async def test_a_real_endpoint_is_asked(stage: Stage) -> None:
    driver = ExternalDriver(stage.clock, stage.changed, stage.heard, timing=HURRIED)
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = Endpoint("127.0.0.1", server.getsockname()[1])
        await driver.run(Version("v1", endpoints=(endpoint,), ready=Probe(interval_s=0.02)))
        assert len(ready(driver)) == 1
    await until(lambda: only(driver).state is InstanceState.UNREADY)
    assert "connection refused" in only(driver).detail
    await driver.close(stop=True)
