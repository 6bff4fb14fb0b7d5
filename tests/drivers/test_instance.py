"""One instance's life, with real processes."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.drivers.instance import ProcessGround, ProcessInstance
from abreast.model.service import InstanceState, Version
from abreast.process.port import PortPool
from tests.drivers.stage import LIVE, Stage
from tests.process.programs import PARENT, STUBBORN, WAIT, WallClock, alive, number_in, until

Begin = Callable[..., ProcessInstance]


@pytest.fixture
async def begin(stage: Stage) -> AsyncIterator[Begin]:
    """Begins an instance; it is stopped after the test."""
    begun: list[ProcessInstance] = []

    def instance(version: Version, **ground: object) -> ProcessInstance:
        surroundings: ProcessGround = replace(stage.ground(), **ground)  # type: ignore[arg-type]  # any field of any type
        begun.append(ProcessInstance(1, version, surroundings, lambda _: None))
        begun[-1].begin()
        return begun[-1]

    yield instance
    for each in begun:
        each.stop()
        await each.gone()


def in_state(instance: ProcessInstance, state: InstanceState) -> Callable[[], bool]:
    return lambda: instance.shown.state is state


async def test_it_becomes_ready_and_stops(stage: Stage, begin: Begin) -> None:
    instance = begin(stage.server())
    await until(lambda: instance.shown.ready)
    pid = instance.shown.pid
    assert pid is not None
    socket.create_connection(("127.0.0.1", instance.shown.endpoint.port)).close()
    instance.stop()
    assert instance.shown.state is InstanceState.STOPPING
    await instance.gone()
    assert not alive(pid)
    assert stage.states("v1-1") == ["starting", "ready", "stopping", "stopping"]
    assert stage.reasons(InstanceState.READY) == ["GET /ready answered 200"]


async def test_its_record_is_there_while_it_is(stage: Stage, begin: Begin) -> None:
    instance = begin(stage.server())
    await until(lambda: instance.shown.ready)
    (record,) = stage.ground().records.load()
    assert (record.id, record.port) == ("v1-1", instance.shown.endpoint.port)
    assert record.mark is not None
    assert record.mark.pid == instance.shown.pid
    instance.stop()
    await instance.gone()
    assert list(stage.ground().records.load()) == []


async def test_what_it_is_told_and_where_it_writes(stage: Stage, begin: Begin) -> None:
    told = "import os; print(*map(os.environ.get, ('PORT', 'ABREAST_SERVICE', 'ABREAST_VERSION', 'ABREAST_INSTANCE')))"
    instance = begin(stage.program(f"{told.removesuffix(')')}, flush=True); {WAIT}"))
    await until(instance.log.last_line)
    assert instance.log.last_line() == f"{instance.shown.endpoint.port} shop v1 v1-1"
    assert instance.log.path == stage.folder / "state" / "logs" / "v1-1.log"


async def test_an_exit_shows_code_last_line_and_log_and_is_mended(stage: Stage, begin: Begin) -> None:
    once = (
        "import pathlib, sys, time\nif not pathlib.Path('tried').exists():\n"
        " pathlib.Path('tried').touch()\n print('no database')\n sys.exit(3)\n"
    )
    version = stage.server()
    program = once + version.run[4]
    instance = begin(replace(version, run=(*version.run[:4], program, *version.run[5:])))
    await until(lambda: instance.shown.ready)
    assert stage.states("v1-1") == ["starting", "failed", "starting", "ready"]
    (reason,) = stage.reasons(InstanceState.FAILED)
    assert reason == f"exit code 3; its last line: no database; log: {instance.log.path}"
    assert instance.shown.restarts == 1


async def test_restarts_are_further_and_further_apart(stage: Stage, begin: Begin) -> None:
    waits: list[float] = []

    class Listening(WallClock):
        """Notes the waits of the back-off; those of the probes are shorter or longer."""

        async def sleep(self, seconds: float) -> None:
            if 0.025 < seconds < 1.0:
                waits.append(seconds)
            await asyncio.sleep(min(seconds, 0.01))

    instance = begin(stage.program("raise SystemExit(1)"), clock=Listening())
    await until(lambda: instance.shown.restarts >= 3)
    first, second, third = waits[:3]
    assert 0.04 <= first <= 0.06
    assert 0.08 <= second <= 0.12
    assert 0.16 <= third <= 0.2
    await until(lambda: "next start in" in instance.shown.detail)
    assert instance.shown.detail.startswith("exit code 1; it wrote nothing; log: ")


async def test_a_signal_that_ended_it_is_named(stage: Stage, begin: Begin) -> None:
    instance = begin(stage.server())
    await until(lambda: instance.shown.ready)
    assert instance.shown.pid is not None
    os.kill(instance.shown.pid, signal.SIGKILL)
    await until(lambda: "killed by SIGKILL" in "".join(stage.reasons(InstanceState.FAILED)))
    await until(lambda: instance.shown.ready)
    assert instance.shown.restarts == 1


async def test_a_command_that_went_missing_is_tried_again(stage: Stage, begin: Begin) -> None:
    instance = begin(replace(stage.server(), run=("./later", "{port}")))
    await until(in_state(instance, InstanceState.FAILED))
    assert "cannot start './later'" in instance.shown.detail
    assert instance.shown.restarts == 0
    script = stage.folder / "draft"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o755)
    script.rename(stage.folder / "later")
    await until(lambda: instance.shown.pid is not None)


async def test_a_probe_that_never_succeeds_says_so_and_it_is_started_anew(stage: Stage, begin: Begin) -> None:
    stage.health("ready", 404)
    instance = begin(replace(stage.server(), start_timeout_s=1.5))
    await until(lambda: "404" in instance.shown.detail)
    assert instance.shown.detail == "GET /ready answered 404"
    assert instance.shown.state is InstanceState.STARTING
    said = "not ready 1.5 s after its start: GET /ready answered 404"  # on a busy machine not of its first start
    await until(lambda: any(reason.startswith(said) for reason in stage.reasons(InstanceState.FAILED)))
    await until(lambda: instance.shown.restarts >= 1)


async def test_it_becomes_unready_and_ready_again_without_a_restart(stage: Stage, begin: Begin) -> None:
    instance = begin(stage.server())
    await until(lambda: instance.shown.ready)
    pid = instance.shown.pid
    stage.health("ready", 503)
    await until(in_state(instance, InstanceState.UNREADY))
    assert instance.shown.detail == "GET /ready answered 503, 3 times in a row"
    stage.health("ready", 200)
    await until(lambda: instance.shown.ready)
    assert (instance.shown.pid, instance.shown.restarts) == (pid, 0)


async def test_who_is_not_alive_is_started_anew(stage: Stage, begin: Begin) -> None:
    instance = begin(replace(stage.server(), live=LIVE))
    await until(lambda: instance.shown.ready)
    first = instance.shown.pid
    stage.health("live", 500)
    await until(in_state(instance, InstanceState.FAILED))
    stage.health("live", 200)
    await until(lambda: instance.shown.ready)
    assert "not alive, 3 times in a row: GET /live answered 500" in stage.reasons(InstanceState.FAILED)[0]
    assert instance.shown.pid != first
    assert first is not None
    assert not alive(first)


async def test_a_hung_one_is_found_and_does_not_delay_another(stage: Stage, begin: Begin) -> None:
    quick = replace(stage.server().ready, timeout_s=0.05)
    hung = begin(replace(stage.server(), ready=quick))
    other = begin(replace(stage.server(name="v2"), ready=quick))
    await until(lambda: hung.shown.ready and other.shown.ready)
    assert hung.shown.pid is not None
    os.kill(hung.shown.pid, signal.SIGSTOP)
    await until(in_state(hung, InstanceState.UNREADY))
    assert "no answer within 0.05 s" in hung.shown.detail
    assert other.shown.ready
    os.kill(hung.shown.pid, signal.SIGCONT)
    await until(lambda: hung.shown.ready)


async def test_who_ignores_sigterm_is_killed_after_its_time_out(stage: Stage, begin: Begin) -> None:
    instance = begin(replace(stage.program(STUBBORN), stop_timeout_s=0.2))
    await until(lambda: instance.log.last_line() == "deaf")
    pid = instance.shown.pid
    assert pid is not None
    instance.stop()
    assert alive(pid)
    await asyncio.wait_for(instance.gone(), 10)
    assert not alive(pid)


async def test_its_grandchildren_go_with_it(stage: Stage, begin: Begin, tmp_path: Path) -> None:
    instance = begin(replace(stage.program(PARENT, tmp_path / "pid", STUBBORN, "session"), stop_timeout_s=0.2))
    grandchild = await number_in(tmp_path / "pid")
    await until(lambda: instance.log.last_line() == "deaf")
    instance.stop()
    await instance.gone()
    assert not alive(grandchild)


async def test_a_taken_port_is_changed_for_another_at_once(stage: Stage, begin: Begin) -> None:
    class Unlucky(PortPool):
        """Its first choice is a port on which somebody has begun to listen."""

        def take(self) -> int:
            if not taken:
                taken.append(blocker.getsockname()[1])
                return taken[0]
            return super().take()

    taken: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as blocker:
        # With a back-off of a minute it is ready within the deadline only if there is none.
        slow = replace(stage.timing, backoff_first_s=60.0, backoff_most_s=60.0)
        version = replace(stage.server(), ready=replace(stage.server().ready, timeout_s=0.1))
        instance = begin(version, ports=Unlucky(stage.ground().random), timing=slow)
        await until(lambda: instance.shown.ready)
    assert instance.shown.endpoint.port != taken[0]
    assert "Address already in use" in stage.reasons(InstanceState.FAILED)[0]


async def test_losing_every_port_is_no_endless_loop(stage: Stage, begin: Begin) -> None:
    version = stage.program("raise SystemExit('[Errno 98] Address already in use')")
    slow = replace(stage.timing, backoff_first_s=60.0, backoff_most_s=60.0)
    instance = begin(version, timing=slow)
    await until(lambda: "next start in" in instance.shown.detail)
    assert instance.shown.restarts == 3


async def test_stopping_while_it_waits_for_a_restart_is_immediate(stage: Stage, begin: Begin) -> None:
    slow = replace(stage.timing, backoff_first_s=60.0, backoff_most_s=60.0)
    instance = begin(stage.program("raise SystemExit(1)"), timing=slow)
    await until(lambda: "next start in" in instance.shown.detail)
    instance.stop()
    await asyncio.wait_for(instance.gone(), 5)


async def test_leaving_gives_its_users_time_before_sigterm(stage: Stage, begin: Begin) -> None:
    instance = begin(stage.server())
    await until(lambda: instance.shown.ready)
    pid = instance.shown.pid
    assert pid is not None
    begun = time.monotonic()
    instance.stop(leave_s=0.3)
    assert instance.shown.state is InstanceState.STOPPING
    await until(lambda: not alive(pid))
    assert time.monotonic() - begun >= 0.3


async def test_who_is_not_renewable_ends_for_good(stage: Stage, begin: Begin) -> None:
    instance = begin(stage.server())
    await until(lambda: instance.shown.ready)
    instance.renewable = False
    assert instance.shown.pid is not None
    os.kill(instance.shown.pid, signal.SIGKILL)
    await asyncio.wait_for(instance.gone(), 10)
    assert "killed by SIGKILL" in stage.events[-1][2]


async def test_a_full_disk_is_said_and_waited_out(stage: Stage, begin: Begin) -> None:
    # A folder in the way of the record's draft: writing fails as it does on a full disk.
    obstacle = stage.folder / "run" / "instances" / "v1-1.new"
    obstacle.mkdir(parents=True)
    instance = begin(stage.server())
    await until(in_state(instance, InstanceState.FAILED))
    assert "cannot start" in instance.shown.detail
    assert "v1-1.new" in instance.shown.detail
    obstacle.rmdir()
    await until(lambda: instance.shown.ready)
