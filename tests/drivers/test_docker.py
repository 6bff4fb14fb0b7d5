"""The driver where there is no engine; with a real one it is tried in tests/docker."""

from pathlib import Path

import pytest

from abreast.drivers.docker import DockerDriver
from abreast.drivers.docker_engine import Engine
from abreast.model.container import Container
from abreast.model.errors import DriverError
from abreast.model.service import Version
from tests.drivers.stage import Stage
from tests.fakes.engine_api import engine_api, unheard

BOX = Version("v1", container=Container("shop:2", pull="never"))


def driver(stage: Stage, url: str) -> DockerDriver:
    engine = Engine(lambda: url, "home-1", stage.clock, unheard)
    folder = stage.folder
    return DockerDriver(folder / "state", folder / "run", engine, stage.clock, stage.changed, stage.heard, "shop")


async def test_nobody_is_asked_before_a_version_needs_it(stage: Stage) -> None:
    made = driver(stage, "unix:///nowhere")
    await made.start()
    await made.stop("v1")
    assert list(made.instances()) == []
    await made.close(stop=True)


async def test_an_engine_that_does_not_answer_is_refused_with_a_remedy(stage: Stage) -> None:
    made = driver(stage, "unix:///nowhere")
    with pytest.raises(DriverError, match="does not answer") as caught:
        await made.run(BOX)
    assert "DOCKER_HOST" in caught.value.remedy
    assert list(made.instances()) == []
    await made.close(stop=True)


async def test_it_does_not_begin_beside_containers_that_nobody_can_see(stage: Stage) -> None:
    mark = stage.folder / "run" / "docker"
    mark.parent.mkdir()
    mark.touch()
    made = driver(stage, "unix:///nowhere")
    with pytest.raises(DriverError, match="may be running") as caught:
        await made.start()
    assert str(mark) in caught.value.remedy
    await made.close(stop=False)


async def test_a_missing_image_is_refused(stage: Stage, short_tmp: Path) -> None:
    async with engine_api(short_tmp) as api:
        api.answers["GET /containers/json"] = (200, [])
        made = driver(stage, api.url)
        with pytest.raises(DriverError, match="no image 'shop:2'"):
            await made.run(BOX)
        await made.close(stop=True)
