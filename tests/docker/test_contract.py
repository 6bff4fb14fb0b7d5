"""What every driver keeps, kept by containers of a real engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.model.service import Version
from tests.contracts import test_driver as contract
from tests.docker.stage import DockerStage
from tests.fakes.docker import Dockerd

_OF_PROCESSES = "test_the_hopeless_is_refused_and_nothing_is_begun"
"""What is hopeless for a container is in test_hopeless.py."""

globals().update({name: test for name, test in vars(contract).items() if name.startswith("test_")})
del globals()[_OF_PROCESSES]


class DockerWorld(contract.World):
    def __init__(self, stage: DockerStage) -> None:
        self.stage = stage
        self.docker = stage.docker()
        self.driver = self.docker

    def version(self, name: str = "v1", instances: int = 1, mark: str = "") -> Version:
        return self.stage.box(name, instances, mark)

    def hurt(self, *, well: bool) -> None:
        self.stage.health("ready", 200 if well else 503)


@pytest.fixture
async def world(tmp_path: Path, dockerd: Dockerd) -> AsyncIterator[DockerWorld]:
    made = DockerWorld(DockerStage(tmp_path, dockerd=dockerd))
    await made.docker.start()
    yield made
    await made.driver.close(stop=True)
    assert list(made.driver.instances()) == []
    assert dockerd.containers() == []


@pytest.fixture
def starter(world: DockerWorld) -> DockerWorld:
    return world
