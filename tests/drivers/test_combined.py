"""Two drivers as one."""

import pytest

from abreast.drivers.combined import Drivers
from abreast.model.errors import DriverError
from abreast.model.service import Endpoint, Version
from abreast.model.workload import Workload
from tests.fakes.clock import FakeClock
from tests.fakes.driver import FakeDriver

PROCESS = Version("v1", run=("serve",))
EXTERNAL = Version("v1", endpoints=(Endpoint("127.0.0.1", 9001),))


class Pair:
    """Both drivers, and what stands before them."""

    def __init__(self) -> None:
        clock = FakeClock()
        self.process, self.external = FakeDriver(clock), FakeDriver(clock)
        self.both = Drivers(self.process, self.external)

    def where(self) -> tuple[list[str], list[str]]:
        return (
            [instance.id for instance in self.process.instances() if not self.process.stopping(instance)],
            [instance.id for instance in self.external.instances() if not self.external.stopping(instance)],
        )


async def test_each_version_goes_where_it_can_run() -> None:
    pair = Pair()
    await pair.both.run(PROCESS)
    await pair.both.run(Version("v2", endpoints=EXTERNAL.endpoints))
    assert pair.where() == (["v1-1"], ["v2@127.0.0.1:9001"])
    assert [instance.version for instance in pair.both.instances()] == ["v1", "v2"]


async def test_a_version_that_changes_its_kind_moves() -> None:
    pair = Pair()
    await pair.both.run(PROCESS)
    await pair.both.run(EXTERNAL)
    assert pair.where() == ([], ["v1@127.0.0.1:9001"])
    await pair.both.run(PROCESS)
    # The first one is still stopping.
    assert pair.where() == (["v1-2"], [])


async def test_a_move_that_is_hopeless_stops_nothing() -> None:
    pair = Pair()
    await pair.both.run(EXTERNAL)
    pair.process.hopeless.add("v1")
    with pytest.raises(DriverError):
        await pair.both.run(PROCESS)
    assert pair.where() == ([], ["v1@127.0.0.1:9001"])


async def test_stop_and_close_reach_both() -> None:
    pair = Pair()
    await pair.both.run(PROCESS)
    await pair.both.run(Version("v2", endpoints=EXTERNAL.endpoints))
    await pair.both.stop("v2")
    assert pair.where() == (["v1-1"], [])
    await pair.both.close(stop=True)
    assert pair.both.instances() == []


async def test_a_deployment_goes_to_the_cluster_and_moves_like_any_other() -> None:
    pair, kubernetes = Pair(), FakeDriver(FakeClock())
    drivers = Drivers(pair.process, pair.external, kubernetes=kubernetes)
    await drivers.run(PROCESS)
    await drivers.run(Version("v1", workload=Workload(deployment="shop")))
    assert pair.where() == ([], [])
    assert [each.id for each in kubernetes.instances()] == ["v1-1"]
    await drivers.stop("v1")
    assert all(map(kubernetes.stopping, kubernetes.instances()))
    await drivers.close(stop=True)
    assert drivers.instances() == []
