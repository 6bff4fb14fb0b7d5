"""The same driver on Podman by its compatible socket: what every driver keeps, and what Podman does in its own way."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.drivers.docker import DockerDriver
from abreast.model.service import InstanceState
from tests.contracts import test_driver as contract
from tests.docker.stage import DockerStage
from tests.docker.test_contract import DockerWorld
from tests.drivers.stage import only, ready
from tests.fakes.podman import Podman
from tests.process.programs import until

_KEPT = pytest.mark.acceptance
"""The whole contract takes a minute more: Podman's service does one thing after the other."""

globals().update(
    {
        name: _KEPT(test)
        for name, test in vars(contract).items()
        if name.startswith("test_") and name != "test_the_hopeless_is_refused_and_nothing_is_begun"
    }
)


@pytest.fixture
def podman_stage(tmp_path: Path, podman: Podman) -> DockerStage:
    return DockerStage(tmp_path, dockerd=podman)


@pytest.fixture
async def world(podman_stage: DockerStage, podman: Podman) -> AsyncIterator[DockerWorld]:
    made = DockerWorld(podman_stage)
    await made.docker.start()
    yield made
    await made.driver.close(stop=True)
    assert list(made.driver.instances()) == []
    assert podman.containers() == []


@pytest.fixture
def starter(world: DockerWorld) -> DockerWorld:
    return world


@pytest.fixture
async def podman_driver(podman_stage: DockerStage, podman: Podman) -> AsyncIterator[DockerDriver]:
    made = podman_stage.docker()
    await made.start()
    yield made
    await made.close(stop=True)
    assert podman.containers() == []


async def test_a_life_of_containers(podman_stage: DockerStage, podman: Podman) -> None:
    """Ready, killed and replaced, adopted by the next driver with its log, stopped: nothing is left."""
    stage = podman_stage
    before = stage.docker()
    await before.start()
    await before.run(stage.box())
    await until(lambda: ready(before), "ready", 30)
    assert before.engine.podman
    (name,) = podman.containers()
    podman.client("kill", name)
    await until(lambda: ready(before) and only(before).restarts == 1, "replaced", 30)
    assert "SIGKILL" in stage.reasons(InstanceState.FAILED)[0]
    served = only(before).endpoint
    await before.close(stop=False)

    after = stage.docker()
    await after.start()
    assert only(after).endpoint == served
    assert only(after).ready
    await after.close(stop=True)
    assert podman.containers() == []


async def test_an_end_is_told_with_its_last_line(podman_stage: DockerStage, podman_driver: DockerDriver) -> None:
    stage = podman_stage
    await podman_driver.run(stage.saying("print('one'); print('no database'); raise SystemExit(3)"))
    await until(lambda: [each for each in stage.reasons(InstanceState.FAILED) if "its last line" in each], "told", 30)
    (told, *_) = [each for each in stage.reasons(InstanceState.FAILED) if "its last line" in each]
    assert "exit code 3" in told
    assert "its last line: no database" in told
    assert (stage.folder / "state/logs/v1-1.log").read_text().startswith("one\nno database\n")
