"""What every gateway keeps: the same suite over the fake and over a real Envoy."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.bench.origin import Origin
from abreast.model.traffic import Split, Traffic
from abreast.ports import Gateway
from tests.fakes.gateway import FakeGateway
from tests.integration.stage import Stage, backend, until


class World(ABC):
    """A gateway, and a hand on its connection."""

    gateway: Gateway

    @abstractmethod
    async def cut(self) -> None:
        """Let nothing be heard of its nodes any more."""

    def traffic(self, weight: int) -> Traffic:
        """Two versions."""
        return self.stage.traffic(backend("v1", self.port), backend("v2", self.port), weight=weight)

    def __init__(self, stage: Stage, port: int) -> None:
        self.stage = stage
        self.port = port

    @abstractmethod
    async def begin(self) -> None:
        """Make it ready for its first snapshot."""

    def acked(self) -> set[Split | None]:
        """What its nodes say they obey."""
        return {node.acked for node in self.gateway.nodes()}

    async def obeyed(self, traffic: Traffic) -> None:
        """Wait until every node says that it obeys this."""
        await until(lambda: self.acked() == {traffic.split}, f"{traffic.split} obeyed")


class FakeWorld(World):
    def __init__(self, stage: Stage, port: int) -> None:
        super().__init__(stage, port)
        self.fake = FakeGateway()
        self.gateway = self.fake

    async def begin(self) -> None:
        """It is."""

    async def cut(self) -> None:
        self.fake.lost.update(self.fake.names)


class EnvoyWorld(World):
    def __init__(self, stage: Stage, port: int) -> None:
        super().__init__(stage, port)
        self.gateway = stage.gateway

    async def begin(self) -> None:
        await self.stage.gateway.start()
        self.stage.gateway.launch()

    async def cut(self) -> None:
        await self.stage.gateway._ads.stop()
        await until(lambda: not any(node.connected for node in self.gateway.nodes()), "cut off")


@pytest.fixture(params=[FakeWorld, EnvoyWorld], ids=["fake", "envoy"])
async def world(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[World]:
    stage = Stage(short_tmp, home=short_tmp.name)
    async with Origin() as origin:
        made: World = request.param(stage, origin.port)
        await made.begin()
        yield made
        await stage.gateway.close(stop=True)


async def test_nothing_is_obeyed_before_anything_was_said(world: World) -> None:
    assert world.acked() == {None}


async def test_every_node_obeys_what_was_published_last(world: World) -> None:
    for weight in (0, 100, 10_000, 0):
        world.gateway.publish(world.traffic(weight))
        await world.obeyed(world.traffic(weight))
    assert all(node.connected and not node.nack for node in world.gateway.nodes())


async def test_the_last_of_several_wins(world: World) -> None:
    for weight in (100, 200, 300, 200, 400):
        world.gateway.publish(world.traffic(weight))
    await world.obeyed(world.traffic(400))


async def test_the_same_again_changes_nothing(world: World) -> None:
    world.gateway.publish(world.traffic(100))
    await world.obeyed(world.traffic(100))
    world.gateway.publish(world.traffic(100))
    assert world.acked() == {world.traffic(100).split}


async def test_what_a_node_out_of_reach_obeys_is_not_known(world: World) -> None:
    world.gateway.publish(world.traffic(100))
    await world.obeyed(world.traffic(100))
    await world.cut()
    assert [(node.acked, node.connected) for node in world.gateway.nodes()] == [(None, False)] * len(
        world.gateway.nodes()
    )
    assert world.gateway.nodes(), "but it is there"
