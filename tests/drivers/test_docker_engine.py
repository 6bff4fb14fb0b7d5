"""Asking an engine, and waiting for it while it is away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiodocker.exceptions import DockerError

from abreast.drivers.docker_engine import Engine, EngineAwayError, engine_name
from abreast.model.errors import DriverError
from tests.fakes.engine_api import EngineApi, engine_api, unheard
from tests.process.programs import WallClock


@pytest.fixture
async def api(short_tmp: Path) -> AsyncIterator[EngineApi]:
    async with engine_api(short_tmp) as made:
        yield made


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
async def engine(api: EngineApi, said: list[str]) -> AsyncIterator[Engine]:
    made = Engine(lambda: api.url, "home-1", WallClock(), said.append)
    yield made
    await made.close()


async def test_it_says_who_it_is(engine: Engine, api: EngineApi) -> None:
    assert await engine.hello() == f"Docker 20.10 at {api.url}"
    assert not engine.podman
    api.answers["GET /version"] = (
        200,
        {"ApiVersion": "1.41", "Version": "4.3", "Components": [{"Name": "Podman Engine"}]},
    )
    assert (await engine_name(lambda: api.url)).startswith("Podman 4.3 at")
    assert (await engine.hello()).startswith("Podman")
    assert engine.podman


async def test_what_is_gone_is_none_and_other_refusals_are_raised(engine: Engine, api: EngineApi) -> None:
    assert await engine.inspect("c1") is None
    await engine.wait("c1")
    await engine.end("c1", 1)
    api.answers["GET /containers/c1/json"] = (500, {"message": "broken"})
    with pytest.raises(DockerError, match="broken"):
        await engine.inspect("c1")


async def test_only_containers_of_our_home_are_asked_for_and_ended(engine: Engine, api: EngineApi) -> None:
    api.answers["GET /containers/json"] = (200, [{"Id": "c1"}])
    api.answers["GET /containers/c1/json"] = (200, {"Id": "c1"})
    api.answers["POST /containers/c1/stop"] = (200, {})
    await engine.clear("v1-1")
    assert api.asked[-2:] == ["POST /containers/c1/stop", "DELETE /containers/c1"]


async def test_its_absence_and_return_are_said_once(engine: Engine, api: EngineApi, said: list[str]) -> None:
    await engine.hello()
    await api.close()
    for _ in range(3):
        with pytest.raises(EngineAwayError):
            await engine.inspect("c1")
    assert len(said) == 1
    assert "does not answer" in said[0]
    waiting = asyncio.create_task(engine.back())
    await asyncio.sleep(0)
    assert not waiting.done()
    await api.open()
    await asyncio.wait_for(waiting, 10)
    assert said[1:] == [f"the container engine answers again: Docker 20.10 at {api.url}"]


async def test_one_that_never_answered_is_not_waited_for(short_tmp: Path, said: list[str]) -> None:
    engine = Engine(lambda: f"unix://{short_tmp}/nobody.sock", "home-1", WallClock(), said.append)
    with pytest.raises(EngineAwayError):
        await engine.hello()
    await engine.back()
    assert said == []
    await engine.close()
    with pytest.raises(EngineAwayError):
        await engine_name(lambda: f"unix://{short_tmp}/nobody.sock")


async def test_without_any_it_says_so() -> None:
    def none() -> str:
        raise DriverError("there is none", "install one")

    engine = Engine(none, "home-1", WallClock(), unheard)
    with pytest.raises(DriverError, match="there is none"):
        await engine.hello()
    await engine.close()
