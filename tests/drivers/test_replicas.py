"""Several instances of a version, scaled and replaced, with real processes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from abreast.drivers.instance import ProcessInstance
from abreast.drivers.replicas import Replicas
from abreast.model.service import InstanceState
from tests.drivers.stage import LIVE, Stage
from tests.process.programs import alive, until


@pytest.fixture
async def replicas(stage: Stage) -> AsyncIterator[Replicas[ProcessInstance]]:
    made = Replicas("v1", stage.ground())
    yield made
    made.stop()
    await made.gone()


def ready(replicas: Replicas[ProcessInstance]) -> list[str]:
    return [instance.id for instance in replicas.shown() if instance.ready]


async def test_it_runs_as_many_as_are_wanted_each_on_its_port(
    stage: Stage, replicas: Replicas[ProcessInstance]
) -> None:
    replicas.want(stage.server(instances=3))
    await until(lambda: ready(replicas) == ["v1-1", "v1-2", "v1-3"])
    assert len({instance.endpoint.port for instance in replicas.shown()}) == 3


async def test_wanting_the_same_again_changes_nothing(stage: Stage, replicas: Replicas[ProcessInstance]) -> None:
    replicas.want(stage.server(instances=2))
    await until(lambda: len(ready(replicas)) == 2)
    before = replicas.shown()
    replicas.want(stage.server(instances=2))
    assert replicas.shown() == before
    assert [instance.pid for instance in replicas.shown()] == [instance.pid for instance in before]


async def test_it_scales_up_and_down(stage: Stage, replicas: Replicas[ProcessInstance]) -> None:
    replicas.want(stage.server(instances=1))
    await until(lambda: ready(replicas) == ["v1-1"])
    first = replicas.shown()[0].pid
    replicas.want(stage.server(instances=3))
    await until(lambda: len(ready(replicas)) == 3)
    replicas.want(stage.server(instances=1))
    await until(lambda: len(replicas.members) == 1)
    assert replicas.shown()[0].pid == first
    assert stage.reasons(InstanceState.STOPPING)[0] == "SIGTERM in 0.05 s"


async def test_another_command_replaces_one_by_one_and_never_fewer_are_ready(
    stage: Stage, replicas: Replicas[ProcessInstance]
) -> None:
    replicas.want(stage.server(instances=2))
    await until(lambda: len(ready(replicas)) == 2)
    old = {instance.pid for instance in replicas.shown()}
    fewest = most = 2

    def replaced() -> bool:
        nonlocal fewest, most
        fewest = min(fewest, len(ready(replicas)))
        most = max(most, sum(instance.state is not InstanceState.STOPPING for instance in replicas.shown()))
        pids = {instance.pid for instance in replicas.shown()}
        return len(ready(replicas)) == len(replicas.members) == 2 and not pids & old

    replicas.want(stage.server(instances=2, mark="other"))
    await until(replaced)
    assert (fewest, most) == (2, 3)
    assert not any(alive(pid) for pid in old if pid is not None)


async def test_a_replacement_that_never_gets_ready_leaves_the_old_ones(
    stage: Stage, replicas: Replicas[ProcessInstance]
) -> None:
    replicas.want(stage.server())
    await until(lambda: ready(replicas) == ["v1-1"])
    broken = replace(stage.program("raise SystemExit('broken')"), instances=1)
    replicas.want(broken)
    await until(lambda: any(instance.restarts >= 2 for instance in replicas.shown()))
    assert ready(replicas) == ["v1-1"]
    replicas.want(stage.server())
    await until(lambda: [instance.id for instance in replicas.shown()] == ["v1-1"])
    assert ready(replicas) == ["v1-1"]


async def test_an_outdated_one_that_dies_is_not_started_again(
    stage: Stage, replicas: Replicas[ProcessInstance]
) -> None:
    replicas.want(stage.server())
    await until(lambda: ready(replicas) == ["v1-1"])
    pid = replicas.shown()[0].pid
    assert pid is not None
    replicas.want(replace(stage.program("import time; time.sleep(60)"), start_timeout_s=60))
    os.kill(pid, signal.SIGKILL)
    await until(lambda: [instance.id for instance in replicas.shown()] == ["v1-2"])


async def test_another_probe_takes_effect_without_a_restart(stage: Stage, replicas: Replicas[ProcessInstance]) -> None:
    replicas.want(stage.server())
    await until(lambda: ready(replicas) == ["v1-1"])
    pid = replicas.shown()[0].pid
    stage.health("other", 503)
    replicas.want(replace(stage.server(), ready=replace(LIVE, path="/other")))
    await until(lambda: replicas.shown()[0].state is InstanceState.UNREADY)
    assert replicas.shown()[0].pid == pid
    assert "GET /other answered 503" in replicas.shown()[0].detail


async def test_stop_ends_all_and_want_begins_beside_them(stage: Stage, replicas: Replicas[ProcessInstance]) -> None:
    replicas.want(stage.server(instances=2))
    await until(lambda: len(ready(replicas)) == 2)
    replicas.stop()
    assert not replicas.claimed
    assert {instance.state for instance in replicas.shown()} == {InstanceState.STOPPING}
    replicas.want(stage.server())
    await until(lambda: ready(replicas) == ["v1-3"])
    await until(lambda: len(replicas.members) == 1)


async def test_it_knows_whether_it_runs_a_command(stage: Stage, replicas: Replicas[ProcessInstance]) -> None:
    assert not replicas.runs(stage.server())
    replicas.want(stage.server())
    assert replicas.runs(stage.server(instances=7))
    assert not replicas.runs(stage.server(mark="other"))


async def test_release_leaves_them_running(stage: Stage) -> None:
    replicas = Replicas("v1", stage.ground())
    replicas.want(stage.server())
    await until(lambda: ready(replicas) == ["v1-1"])
    pid = replicas.shown()[0].pid
    assert pid is not None
    await replicas.release()
    assert replicas.shown() == []
    assert alive(pid)
    os.killpg(pid, signal.SIGKILL)
    await until(lambda: not alive(pid))
    # It is still our child, whom nobody reaps any more.
    await asyncio.to_thread(os.waitpid, pid, 0)
