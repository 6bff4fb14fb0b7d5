"""What every driver keeps: the same suite over the fake, processes, external endpoints, and both together."""

import asyncio
import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from abreast.drivers.combined import Drivers
from abreast.drivers.external import ExternalDriver
from abreast.drivers.registry.driver import RegistryDriver
from abreast.model.errors import DriverError
from abreast.model.registry import DnsName, Place, Registry
from abreast.model.service import Endpoint, Instance, InstanceState, Probe, Version
from abreast.ports import Driver
from tests.drivers.registry.sources import FakeSource
from tests.drivers.stage import HURRIED, Stage
from tests.fakes.clock import FakeClock
from tests.fakes.driver import FakeDriver
from tests.process.programs import until


class World(ABC):
    """A driver, versions that it can run, and a hand on their health."""

    driver: Driver

    @abstractmethod
    def version(self, name: str = "v1", instances: int = 1, mark: str = "") -> Version:
        """A version of so many instances; another mark makes another command."""

    @abstractmethod
    def hurt(self, *, well: bool) -> None:
        """Make every instance fail its probes, or be well again."""

    async def until(self, condition: Callable[[], object]) -> None:
        """Let time pass until the condition holds."""
        await until(condition)

    def ready(self, name: str = "v1") -> list[Instance]:
        return [each for each in self.driver.instances() if each.version == name and each.ready]


class FakeWorld(World):
    def __init__(self, _folder: Path) -> None:
        self.clock = FakeClock()
        self.fake = FakeDriver(self.clock)
        self.driver = self.fake

    def version(self, name: str = "v1", instances: int = 1, mark: str = "") -> Version:
        return Version(name, run=("serve", mark), instances=instances)

    def hurt(self, *, well: bool) -> None:
        self.fake.sick = set() if well else {"v1"}

    async def until(self, condition: Callable[[], object]) -> None:
        for _ in range(1000):
            if condition():
                return
            await self.clock.advance(0.1)
        pytest.fail("not within 100 s of the fake clock")


class ProcessWorld(World):
    def __init__(self, folder: Path) -> None:
        self.stage = Stage(folder)
        self.process = self.stage.driver()
        self.driver = self.process

    def version(self, name: str = "v1", instances: int = 1, mark: str = "") -> Version:
        return self.stage.server(name, instances, mark)

    def hurt(self, *, well: bool) -> None:
        self.stage.health("ready", 200 if well else 503)


class ExternalWorld(World):
    """Its servers run as threads of the test."""

    def __init__(self, folder: Path) -> None:
        stage = Stage(folder)
        self.driver = ExternalDriver(stage.clock, stage.changed, stage.heard, timing=HURRIED)
        self._sockets: dict[str, list[socket.socket]] = {}
        self._status = 200

    def version(self, name: str = "v1", instances: int = 1, mark: str = "") -> Version:
        servers = self._sockets.setdefault(name, [])
        while len(servers) < instances:
            servers.append(socket.create_server(("127.0.0.1", 0)))
            threading.Thread(target=self._serve, args=(servers[-1],), daemon=True).start()
        endpoints = tuple(Endpoint("127.0.0.1", server.getsockname()[1]) for server in servers[:instances])
        return Version(name, endpoints=endpoints, ready=Probe("http", "/", interval_s=0.02))

    def hurt(self, *, well: bool) -> None:
        self._status = 200 if well else 503

    def close(self) -> None:
        """End its servers."""
        for servers in self._sockets.values():
            for server in servers:
                server.shutdown(socket.SHUT_RDWR)
                server.close()

    def _serve(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the server was closed
            while True:
                connection, _ = server.accept()
                with connection, contextlib.suppress(ConnectionError):
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % self._status)


class RegistryWorld(ExternalWorld):
    """Its servers are found in a registry; as many as the last version asked for had."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        stage = Stage(folder)
        self._sources: dict[str, FakeSource] = {}
        self.driver = RegistryDriver(
            self.driver,
            stage.clock,
            stage.changed,
            lambda _: None,
            file=folder / "registry.json",
            random=Random(1),
            source_of=lambda place, *_: self._source(place),
        )

    def version(self, name: str = "v1", instances: int = 1, mark: str = "") -> Version:
        version = super().version(name, instances, mark)
        place = DnsName(name, 80)
        self._source(place).say(*version.endpoints)
        return replace(version, endpoints=(), registry=Registry(place))

    def _source(self, place: Place) -> FakeSource:
        return self._sources.setdefault(str(place), FakeSource())


class CombinedWorld(ProcessWorld):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        external = ExternalDriver(self.stage.clock, self.stage.changed, self.stage.heard, timing=HURRIED)
        self.driver = Drivers(self.process, external)


async def opened(kind: type[World], folder: Path) -> AsyncIterator[World]:
    made = kind(folder)  # type: ignore[call-arg]  # every world is made of a folder
    if isinstance(made, ProcessWorld):
        await made.process.start()
    yield made
    await made.driver.close(stop=True)
    assert list(made.driver.instances()) == []
    if isinstance(made, ExternalWorld):
        made.close()


@pytest.fixture(params=[FakeWorld, ProcessWorld, ExternalWorld, RegistryWorld, CombinedWorld])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async for made in opened(request.param, tmp_path):
        yield made


@pytest.fixture(params=[FakeWorld, ProcessWorld, CombinedWorld])
async def starter(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A world whose driver starts the instances itself."""
    async for made in opened(request.param, tmp_path):
        yield made


async def test_at_first_there_is_nothing(world: World) -> None:
    assert list(world.driver.instances()) == []


async def test_run_brings_up_as_many_as_are_wanted(world: World) -> None:
    version = world.version(instances=2)
    await world.driver.run(version)
    await world.until(lambda: len(world.ready()) == 2)
    assert len({each.id for each in world.ready()}) == 2
    assert len({each.endpoint for each in world.ready()}) == 2
    assert {each.version for each in world.driver.instances()} == {"v1"}


async def test_run_again_changes_nothing(world: World) -> None:
    await world.driver.run(world.version())
    await world.until(world.ready)
    before = list(world.driver.instances())
    await world.driver.run(world.version())
    await world.driver.run(world.version())
    assert list(world.driver.instances()) == before


async def test_another_number_scales_and_the_first_ones_stay(world: World) -> None:
    await world.driver.run(world.version(instances=1))
    await world.until(world.ready)
    (first,) = world.ready()
    await world.driver.run(world.version(instances=3))
    await world.until(lambda: len(world.ready()) == 3)
    await world.driver.run(world.version(instances=1))
    await world.until(lambda: len(world.driver.instances()) == 1)
    assert list(world.driver.instances()) == [first]


async def test_versions_are_independent(world: World) -> None:
    await world.driver.run(world.version("v1"))
    await world.driver.run(world.version("v2"))
    await world.until(lambda: world.ready("v1") and world.ready("v2"))
    other = world.ready("v2")
    await world.driver.stop("v1")
    await world.until(lambda: {each.version for each in world.driver.instances()} == {"v2"})
    assert world.ready("v2") == other


async def test_stop_shows_until_all_are_gone_and_never_as_ready(world: World) -> None:
    await world.driver.run(world.version(instances=2))
    await world.until(lambda: len(world.ready()) == 2)
    await world.driver.stop("v1")
    assert all(each.state is InstanceState.STOPPING for each in world.driver.instances())
    await world.until(lambda: not world.driver.instances())


async def test_stopping_what_does_not_run_does_nothing(world: World) -> None:
    await world.driver.stop("v9")
    await world.driver.run(world.version())
    await world.until(world.ready)
    await world.driver.stop("v9")
    assert len(world.ready()) == 1


async def test_stop_may_be_called_again(world: World) -> None:
    await world.driver.run(world.version())
    await world.driver.stop("v1")
    await world.driver.stop("v1")
    await world.until(lambda: not world.driver.instances())


async def test_run_after_stop_brings_it_back(world: World) -> None:
    await world.driver.run(world.version())
    await world.until(world.ready)
    await world.driver.stop("v1")
    await world.driver.run(world.version())
    await world.until(lambda: len(world.ready()) == len(world.driver.instances()) == 1)


async def test_who_fails_its_probe_is_unready_until_it_is_well(world: World) -> None:
    await world.driver.run(world.version())
    await world.until(world.ready)
    world.hurt(well=False)
    await world.until(lambda: not world.ready())
    (hurt,) = world.driver.instances()
    assert hurt.state is InstanceState.UNREADY
    assert "answered 503" in hurt.detail
    world.hurt(well=True)
    await world.until(world.ready)
    (healed,) = world.driver.instances()
    assert healed.endpoint == hurt.endpoint
    assert healed.since >= hurt.since


async def test_who_has_not_been_well_is_starting(world: World) -> None:
    world.hurt(well=False)
    await world.driver.run(world.version())
    await world.until(lambda: world.driver.instances()[0].detail)
    assert [each.state for each in world.driver.instances()] == [InstanceState.STARTING]
    world.hurt(well=True)
    await world.until(world.ready)


async def test_the_hopeless_is_refused_and_nothing_is_begun(starter: World) -> None:
    version = replace(starter.version(), run=("./missing",))
    if isinstance(starter, FakeWorld):
        starter.fake.hopeless.add("v1")
    with pytest.raises(DriverError) as caught:
        await starter.driver.run(version)
    assert caught.value.remedy
    assert list(starter.driver.instances()) == []


async def test_another_command_replaces_without_a_gap(starter: World) -> None:
    await starter.driver.run(starter.version(instances=2))
    await starter.until(lambda: len(starter.ready()) == 2)
    old = {each.pid for each in starter.driver.instances()}
    await starter.driver.run(starter.version(instances=2, mark="other"))
    fewest = 2

    def replaced() -> bool:
        nonlocal fewest
        fewest = min(fewest, len(starter.ready()))
        return len(starter.driver.instances()) == 2 and not {each.pid for each in starter.driver.instances()} & old

    await starter.until(replaced)
    assert fewest == 2


async def test_everything_is_over_when_close_returns(world: World) -> None:
    await world.driver.run(world.version(instances=2))
    await world.driver.run(world.version("v2"))
    await asyncio.wait_for(world.driver.close(stop=True), 10)
    assert list(world.driver.instances()) == []
