"""What every gateway keeps: the same suite over the fake, a real Envoy, and an HTTPRoute."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from abreast.app.front import RouteFront
from abreast.bench.origin import Origin
from abreast.drivers.route_gateway import RouteGateway
from abreast.model.route import RouteSettings, ServicePort
from abreast.model.traffic import Split, Traffic
from abreast.ports import Gateway
from tests.drivers.kubernetes_stage import kubernetes_stage
from tests.fakes.gateway import FakeGateway
from tests.fakes.gateway_api import GatewayController, reference, route, rule
from tests.integration.stage import Stage, backend, until
from tests.process.programs import WallClock


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
        self.ends = AsyncExitStack()
        """What it has beside the stage."""

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


class Fast(WallClock):
    """Patience that is counted in seconds is counted in hundredths."""

    def now(self) -> float:
        return super().now() * 100


class RouteWorld(World):
    """Somebody else's gateway, over an API server's protocol."""

    async def begin(self) -> None:
        self._at = await self.ends.enter_async_context(kubernetes_stage(self.stage.folder))
        self._at.cluster.write("httproutes", route(rule(reference("shop-v1"))))
        GatewayController(self._at.cluster).look()
        services = tuple((name, ServicePort(f"shop-{name}", 80)) for name in ("v1", "v2"))
        settings, clock = RouteSettings("shop", services), Fast()
        told = RouteGateway(
            settings, clock, lambda: None, self._at.said.append, environ=self._at.environ, timing=self._at.timing
        )
        front = RouteFront(told, settings, clock)
        self.ends.push_async_callback(front.close, stop=True)
        await front.start()
        self.gateway = front

    async def cut(self) -> None:
        self._at.cluster.cut = True
        self._at.cluster.end_watches()
        await until(lambda: not any(node.connected for node in self.gateway.nodes()), "cut off")


@pytest.fixture(params=[FakeWorld, EnvoyWorld, RouteWorld], ids=["fake", "envoy", "route"])
async def world(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[World]:
    stage = Stage(short_tmp, home=short_tmp.name)
    async with Origin() as origin:
        made: World = request.param(stage, origin.port)
        await made.begin()
        yield made
        await made.ends.aclose()
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
