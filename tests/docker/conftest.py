"""The engine and a driver on it, for the tests of this directory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.drivers.docker import DockerDriver
from tests.docker.stage import DockerStage
from tests.fakes.docker import Dockerd, dockerd, engine, shop_base
from tests.fakes.podman import podman, podman_engine

__all__ = ["dockerd", "engine", "podman", "podman_engine", "shop_base"]


@pytest.fixture
def stage(tmp_path: Path, dockerd: Dockerd) -> DockerStage:
    return DockerStage(tmp_path, dockerd=dockerd)


@pytest.fixture
async def driver(stage: DockerStage) -> AsyncIterator[DockerDriver]:
    """A driver that has started; whatever a test did, nothing is left of it."""
    made = stage.docker()
    await made.start()
    yield made
    await made.close(stop=True)
    assert stage.dockerd is not None
    assert stage.dockerd.containers() == []
