"""Images: what is sent for a build, and who waits for what."""

import asyncio
import io
import tarfile
from pathlib import Path

import pytest
from aiodocker.exceptions import DockerError

from abreast.drivers.docker_engine import Engine
from abreast.drivers.docker_image import Image, Images, packed
from abreast.model.container import Container
from abreast.model.service import Version
from tests.fakes.engine_api import engine_api, unheard
from tests.process.programs import WallClock


def names(context: Path) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(packed(context, "Dockerfile"))) as archive:
        return archive.getnames()


def test_a_context_is_sent_without_what_is_ignored(tmp_path: Path) -> None:
    for name in ("Dockerfile", "app/main.py", "app/x.pyc", "keep.md", "drop.md", "deep/er/.env"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text("# notes\nDockerfile\n**/*.pyc\n*.md\n!keep.md\ndeep/er\n")
    assert names(tmp_path) == [".dockerignore", "Dockerfile", "app", "app/main.py", "deep", "keep.md"]


async def test_an_image_that_is_there_is_asked_for_once(short_tmp: Path) -> None:
    async with engine_api(short_tmp) as api:
        engine = Engine(lambda: api.url, "home-1", WallClock(), unheard)
        images = Images(engine, "shop")
        version = Version("v1", container=Container("shop:2"))
        config = {"ExposedPorts": {"80/tcp": {}}, "Healthcheck": {"Test": ["CMD", "true"]}}
        api.answers["GET /images/shop:2/json"] = (200, {"Id": "sha256:1", "Config": config})
        found = await asyncio.gather(images.ready(version, unheard), images.ready(version, unheard))
        assert list(found) == [Image("sha256:1", ("80/tcp",), has_health=True)] * 2
        assert api.asked.count("GET /images/shop:2/json") == 1
        images.forget()
        await images.ready(version, unheard)
        assert api.asked.count("GET /images/shop:2/json") == 2
        await images.close()
        await engine.close()


async def test_a_failure_is_tried_anew_and_never_means_never(short_tmp: Path) -> None:
    async with engine_api(short_tmp) as api:
        engine = Engine(lambda: api.url, "home-1", WallClock(), unheard)
        images = Images(engine, "shop")
        version = Version("v1", container=Container("shop:2", pull="never"))
        with pytest.raises(DockerError, match="No such image: shop:2"):
            await images.ready(version, unheard)
        assert not [question for question in api.asked if question.startswith("POST")]
        api.answers["GET /images/shop:2/json"] = (200, {"Id": "sha256:1"})
        assert await images.ready(version, unheard) == Image("sha256:1")
        await images.close()
        await engine.close()
