"""What every driver keeps, kept by Deployments of a cluster."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.model.service import InstanceState, Version
from tests.contracts import test_driver as contract
from tests.drivers.kubernetes_stage import KubernetesStage, kubernetes_stage

_OF_PROCESSES = (
    "test_the_hopeless_is_refused_and_nothing_is_begun",  # what is hopeless here: tests/drivers/test_kubernetes.py
    "test_another_command_replaces_without_a_gap",  # by pid; below by name
    "test_who_has_not_been_well_is_starting",  # expects the instance before the cluster has made the pod; below
)

globals().update({name: test for name, test in vars(contract).items() if name.startswith("test_")})
for left_out in _OF_PROCESSES:
    del globals()[left_out]


class KubernetesWorld(contract.World):
    def __init__(self, stage: KubernetesStage) -> None:
        self.stage = stage
        self.driver = stage.driver()

    def version(self, name: str = "v1", instances: int = 1, mark: str = "") -> Version:
        return self.stage.version(name, instances, f"shop:{mark}" if mark else "")

    def hurt(self, *, well: bool) -> None:
        self.stage.pods.hurt(well=well)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[KubernetesWorld]:
    async with kubernetes_stage(tmp_path) as stage:
        made = KubernetesWorld(stage)
        yield made
        await made.driver.close(stop=True)
        assert list(made.driver.instances()) == []
        assert stage.cluster.errors == []


async def test_another_image_replaces_without_a_gap(world: KubernetesWorld) -> None:
    await world.driver.run(world.version(instances=2))
    await world.until(lambda: len(world.ready()) == 2)
    old = {each.id for each in world.driver.instances()}
    await world.driver.run(world.version(instances=2, mark="other"))
    fewest = 2

    def replaced() -> bool:
        nonlocal fewest
        fewest = min(fewest, len(world.ready()))
        return len(world.driver.instances()) == 2 and not {each.id for each in world.driver.instances()} & old

    await world.until(replaced)
    assert fewest == 2


async def test_who_has_not_been_well_yet_is_starting(world: KubernetesWorld) -> None:
    world.hurt(well=False)
    await world.driver.run(world.version())
    await world.until(lambda: [each.detail for each in world.driver.instances() if "503" in each.detail])
    assert [each.state for each in world.driver.instances()] == [InstanceState.STARTING]
    world.hurt(well=True)
    await world.until(world.ready)


async def test_what_runs_goes_on_when_the_control_plane_ends(world: KubernetesWorld) -> None:
    await world.driver.run(world.version(instances=2))
    await world.until(lambda: len(world.ready()) == 2)
    before = {each.id for each in world.ready()}
    await world.driver.close(stop=True)
    assert len(world.stage.cluster.all("pods")) == 2
    driver = world.stage.driver()
    world.driver = driver
    await driver.start([world.version(instances=2)])
    assert {each.id for each in world.ready()} == before
