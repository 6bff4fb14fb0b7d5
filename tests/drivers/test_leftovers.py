"""Ending what drivers have left; with a real engine: tests/docker/test_down.py."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from abreast.drivers.docker_config import HOME, INSTANCE
from abreast.drivers.docker_engine import Engine
from abreast.drivers.leftovers import _tried, end_containers, end_instances, end_rest, recorded
from abreast.drivers.record import Records
from abreast.model.errors import DriverError
from abreast.process.identity import VARIABLE, Identity, home_id
from abreast.process.survey import Left
from tests.drivers.stage import Stage, ready
from tests.fakes.engine_api import EngineApi, engine_api, unheard
from tests.process.programs import PYTHON, STUBBORN, WAIT, WallClock, alive, until


class TestInstances:
    """Processes, which a driver let go of as if it had been killed."""

    async def test_they_end_with_their_records_each_in_its_own_time(self, stage: Stage) -> None:
        driver = stage.driver()
        await driver.start()
        await driver.run(stage.server(instances=2))
        await driver.run(replace(stage.program(STUBBORN, name="v2"), stop_timeout_s=0.1))
        await until(lambda: len(ready(driver)) == 2 and len(driver.instances()) == 3)
        log = stage.folder / "state/logs/v2-1.log"
        await until(lambda: "deaf" in log.read_text(), "it ignores SIGTERM")
        pids = [each.pid or 0 for each in driver.instances()]
        await driver.close(stop=False)
        home, records = home_id(stage.folder / "state"), Records(stage.folder / "run/instances")
        assert [str(each).split(" (")[0] for each in recorded(home, records)] == [
            "instance v1-1",
            "instance v1-2",
            "instance v2-1",
        ]
        assert await end_instances(home, records) == []
        assert not any(map(alive, pids))
        assert (records.load(), recorded(home, records)) == ([], [])

    async def test_what_no_record_knows_is_ended_by_its_token(self, stage: Stage) -> None:
        home = home_id(stage.folder / "state")
        token = Identity(home, "instance", "v9-1", "b1").token
        with subprocess.Popen([*PYTHON, WAIT], env={**os.environ, VARIABLE: token}) as stray:
            await asyncio.sleep(0)
            assert await end_instances(home, Records(stage.folder / "run/instances")) == []
            assert stray.wait(5) == -signal.SIGTERM

    async def test_anything_else_is_ended_as_well(self) -> None:
        identity = Identity("home-2", "relay", "1", "b1")
        with subprocess.Popen([*PYTHON, WAIT], env={**os.environ, VARIABLE: identity.token}) as relay:
            assert await end_rest([Left(identity, (relay.pid,))]) == []
            assert relay.wait(5) == -signal.SIGTERM

    async def test_one_that_may_not_be_ended_is_named(self) -> None:
        async def forbidden() -> None:
            raise PermissionError(1, "Operation not permitted")

        assert await _tried("instance v1-1", forbidden()) == "instance v1-1 cannot be ended: Operation not permitted"


def inspected(container: str, **labels: str) -> dict[str, Any]:
    """What an engine tells of a container that runs."""
    told = {HOME: "home-1", **labels}
    return {"Id": container, "Name": f"/{container}-name", "State": {"Running": True}, "Config": {"Labels": told}}


class TestContainers:
    """Containers of an engine whose answers the test gives."""

    @pytest.fixture
    async def api(self, short_tmp: Path) -> AsyncIterator[EngineApi]:
        async with engine_api(short_tmp) as made:
            yield made

    @pytest.fixture
    async def engine(self, api: EngineApi) -> AsyncIterator[Engine]:
        made = Engine(lambda: api.url, "home-1", WallClock(), unheard)
        yield made
        await made.close()

    async def test_all_of_them_are_ended_and_removed(self, api: EngineApi, engine: Engine) -> None:
        api.answers["GET /containers/json"] = (200, [{"Id": "c1"}, {"Id": "c2"}])
        api.answers["GET /containers/c1/json"] = (200, inspected("c1", **{INSTANCE: "v1-1"}))
        api.answers["GET /containers/c2/json"] = (200, inspected("c2"))
        for each in ("c1", "c2"):
            api.answers[f"POST /containers/{each}/stop"] = (204, {})
            api.answers[f"DELETE /containers/{each}"] = (204, {})
        ended: list[str] = []
        faults = await end_containers(engine, ended.append)
        assert ended == ["container v1-1 (c1)", "container c2-name (c2)"]
        assert {"DELETE /containers/c1", "DELETE /containers/c2"} <= set(api.asked)
        # This engine goes on listing them, as one does that cannot remove a container.
        assert faults == ["container v1-1 (c1) is still there", "container c2-name (c2) is still there"]

    async def test_none_is_well(self, api: EngineApi, engine: Engine) -> None:
        api.answers["GET /containers/json"] = (200, [])
        assert await end_containers(engine, unheard) == []

    async def test_a_refusal_is_told_with_the_container_and_the_words(self, api: EngineApi, engine: Engine) -> None:
        api.answers["GET /containers/json"] = (200, [{"Id": "c1"}])
        api.answers["GET /containers/c1/json"] = (200, inspected("c1", **{INSTANCE: "v1-1"}))
        api.answers["POST /containers/c1/stop"] = (500, {"message": "cannot kill container: it does not die"})
        (fault,) = await end_containers(engine, unheard)
        assert fault.startswith("container v1-1 (c1) cannot be ended: ")
        assert "it does not die" in fault

    async def test_an_engine_that_is_away_is_named(self, api: EngineApi, engine: Engine) -> None:
        await api.close()
        (fault,) = await end_containers(engine, unheard)
        assert fault.startswith("containers may be left, and the engine cannot tell: the container engine at unix://")

    async def test_without_any_engine_it_says_what_to_do(self) -> None:
        def none() -> str:
            raise DriverError("there is no engine", "install one")

        engine = Engine(none, "home-1", WallClock(), unheard)
        assert await end_containers(engine, unheard) == ["containers may be left: there is no engine; install one"]
        await engine.close()
