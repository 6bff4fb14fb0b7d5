"""The demo's image: how it is asked for, and what is said when there is none."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from abreast.demo.boxes import IMAGE, Boxes
from abreast.demo.site import example, spec_text
from abreast.demo.teller import Teller
from abreast.model.errors import DriverError, UsageError
from abreast.spec_source import load_spec
from tests.fakes.engine_api import EngineApi, engine_api


async def built(api: EngineApi, base_image: str = "", *lines: dict[str, str]) -> str:
    """What is told while the image is built from these answers of the engine."""
    out = io.StringIO()
    stream = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    api.answers["POST /build"] = (200, stream)
    await Boxes(base_image, lambda: api.url).build(example("shop"), Teller(Console(file=out, width=200)))
    return out.getvalue()


async def test_the_engine_is_greeted_by_name(short_tmp: Path) -> None:
    async with engine_api(short_tmp) as api:
        assert await Boxes(find=lambda: api.url).greet() == f"Docker 20.10 at {api.url}"


async def test_without_an_engine_it_says_so_at_once(short_tmp: Path) -> None:
    with pytest.raises(DriverError, match="does not answer") as caught:
        await Boxes(find=lambda: f"unix://{short_tmp}/gone.sock").greet()

    assert "DOCKER_HOST" in caught.value.remedy


async def test_each_step_of_the_build_is_told(short_tmp: Path) -> None:
    async with engine_api(short_tmp) as api:
        api.answers[f"GET /images/{IMAGE}/json"] = (200, {"Id": "sha256:1"})
        shown = await built(api, "mine:1", {"stream": "Step 1/2 : FROM mine:1\n"}, {"stream": " ---> 123\n"})

    assert "docker build --tag abreast/demo-shop:latest --build-arg BASE=mine:1 " in shown
    assert "Step 1/2 : FROM mine:1" in shown
    assert "123" not in shown


@pytest.mark.parametrize(("base", "remedy"), [("", "--base-image IMAGE"), ("mine:1", "name a base image")])
async def test_a_build_that_fails_asks_for_a_base_image(short_tmp: Path, base: str, remedy: str) -> None:
    async with engine_api(short_tmp) as api:
        with pytest.raises(UsageError, match="no such host") as caught:
            await built(api, base, {"error": "dial tcp: lookup registry-1.docker.io: no such host"})

    assert remedy in caught.value.remedy
    assert "uvicorn" in caught.value.remedy


def test_the_spec_is_the_examples_with_containers(tmp_path: Path) -> None:
    file = tmp_path / "abreast.yaml"
    file.write_text(spec_text(example("shop"), 9999, Boxes().keys), "utf-8")

    versions = load_spec(file).service().versions

    assert [version.name for version in versions] == ["v1", "v2", "v3", "v4"]
    for version in versions:
        assert version.run == ()
        assert version.container is not None
        assert (version.container.image, version.container.pull) == (IMAGE, "never")
        assert dict(version.env) == {"SHOP_VERSION": version.name}
        assert (version.instances, version.ready.path) == (2, "/healthz")


def test_the_image_runs_what_the_spec_runs() -> None:
    """The Dockerfile's command and the spec's are the same, but for the address."""
    text = (example("shop") / "Dockerfile").read_text("utf-8").replace("\\\n", "")
    command = json.loads(text.rpartition("CMD ")[2])
    (first, *_) = load_spec(example("shop") / "abreast.yaml").service().versions

    assert "ARG BASE=python:3.12-slim" in text
    assert (
        [
            word
            for word in command[1:]
            if word not in {"0.0.0.0", "8080"}  # noqa: S104  # a word of the Dockerfile
        ]
        == [word for word in first.run[1:] if word not in {"127.0.0.1", "{port}"}]
    )
