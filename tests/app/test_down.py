"""``abreast down`` against real control planes, gateways and versions; containers: tests/docker/test_down.py."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from abreast.app.down import Outcome, run_down
from abreast.bench.target import free_port
from abreast.drivers.record import Records
from abreast.model.errors import RefusedError, StoreError, WaitTimeoutError
from abreast.process.identity import VARIABLE, home_id, known_home
from abreast.process.survey import Left, survey
from abreast.process.table import read_table
from abreast.state_dir import StateDir
from abreast.up_process import UpProcess
from tests.api.served import serving
from tests.process.programs import PYTHON, SERVER, STUBBORN, WAIT, alive, until

ACTOR = "ada"

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER


def written(folder: Path, text: str = SERVER, **version: object) -> Path:
    """A spec of a version that runs twice."""
    run = [*PYTHON, text, "{port}", str(folder)]
    versions = {
        "v1": {"run": run, "instances": 2, "ready": "GET /", "stop_timeout": "1s", **version},
        "v2": {"endpoints": ["127.0.0.1:9"]},
    }
    gateway = {"listen": f"127.0.0.1:{free_port()}", "drain": "1s", "concurrency": 1}
    file = folder / "abreast.yaml"
    file.write_text(yaml.safe_dump({"service": "shop", "gateway": gateway, "versions": versions}), "utf-8")
    return file


def runs(folder: Path) -> list[Left]:
    """What runs of that directory's."""
    return list(survey(known_home(StateDir.beside(folder).path), read_table()))


def shared_memory(envoy: Left) -> bool:
    """Whether anything is left of what Envoys of that base id share; others run on this machine, too."""
    base = envoy.identity.name.partition(".")[0]
    return any(Path("/dev/shm").glob(f"envoy_shared_memory_{base}0"))  # noqa: S108  # Envoy's own place


async def killed(file: Path) -> list[Left]:
    """Bring everything up, and kill the control plane with SIGKILL; what it leaves."""
    async with UpProcess(file) as up:
        os.kill(up.pid, signal.SIGKILL)
        await until(lambda: not alive(up.pid))
    return runs(file.parent)


async def test_where_nothing_ever_ran_nothing_is_made(short_tmp: Path) -> None:
    said: list[str] = []
    outcome = await run_down(short_tmp / "abreast.yaml", said.append, ACTOR)
    assert outcome.nothing
    assert (said, list(short_tmp.iterdir())) == ([], [])


async def test_a_running_one_is_told_to_end_in_order_and_is_waited_for(short_tmp: Path) -> None:
    file, said = written(short_tmp, DEAF, stop_timeout="2s"), list[str]()
    async with UpProcess(file) as up:
        pid = up.pid
        outcome = await run_down(file, said.append, ACTOR)
        assert not alive(pid)
        assert f"told to end by {ACTOR}" in up.last_words()
        assert "stopping: the gateway drains, then the versions end" in up.last_words()
    assert outcome.control_plane == pid
    assert [each.split()[0] for each in outcome.ended] == ["envoy", "instance", "instance"]
    assert (outcome.left, outcome.faults) == ([], [])
    assert said[0] == f"told abreast (process {pid}) to end: the gateway drains, then the versions end"
    assert said[1].startswith("running still: ")
    assert runs(short_tmp) == []
    assert StateDir.beside(short_tmp).store.exists()
    again = await run_down(file, said.append, ACTOR)
    assert again.nothing


async def test_what_a_killed_one_has_left_is_ended_and_strangers_are_not(short_tmp: Path) -> None:
    file = written(short_tmp)
    left = await killed(file)
    assert [each.identity.kind for each in left] == ["envoy", "instance", "instance"]
    foreign = {**os.environ, VARIABLE: "another/instance/v1-1/b1"}
    with subprocess.Popen([*PYTHON, WAIT], env=foreign) as stranger:
        outcome = await run_down(file, lambda _: None, ACTOR)
        assert alive(stranger.pid)
        stranger.kill()
    assert outcome == Outcome(ended=[str(each) for each in left])
    assert runs(short_tmp) == []
    assert not shared_memory(left[0])
    run = StateDir.beside(short_tmp).run
    assert [*run.glob("*.sock"), *run.glob("envoy-*"), *run.glob("instances/*")] == []


async def test_an_instance_that_hides_its_name_is_known_by_its_record(short_tmp: Path) -> None:
    bare = f"import os, sys\nif {VARIABLE!r} in os.environ: os.execve(sys.executable, sys.orig_argv, {{}})\n{SERVER}"
    file = written(short_tmp, bare)
    left = await killed(file)
    assert [each.identity.kind for each in left] == ["envoy"], "the instances do not show their names"
    records = Records(StateDir.beside(short_tmp).run / "instances").load()
    hidden = [each.mark.pid for each in records if each.mark]
    assert [alive(pid) for pid in hidden] == [True, True]
    outcome = await run_down(file, lambda _: None, ACTOR)
    assert (outcome.left, outcome.faults) == ([], [])
    assert len(outcome.ended) == 3
    assert {f"instance v1-{number} (process {pid})" for number, pid in enumerate(hidden, 1)} < set(outcome.ended)
    assert not any(map(alive, hidden))


async def test_what_an_envoy_has_left_that_ended_by_itself_is_cleared(short_tmp: Path) -> None:
    file = written(short_tmp)
    envoy = next(each for each in await killed(file) if each.identity.kind == "envoy")
    os.kill(envoy.pids[0], signal.SIGKILL)
    await until(lambda: not alive(envoy.pids[0]))
    assert shared_memory(envoy)
    await run_down(file, lambda _: None, ACTOR)
    assert not shared_memory(envoy)


async def test_two_at_once_end_it_once(short_tmp: Path) -> None:
    file = written(short_tmp)
    left = await killed(file)
    words = [sys.executable, "-m", "abreast", "down", "--file", str(file)]
    both = [
        await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        for _ in range(2)
    ]
    said = [(await each.communicate())[0].decode() for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert runs(short_tmp) == []
    assert all(any(f"ended: {each}" in one for one in said) for each in left)


async def test_while_it_starts_it_ends_all_the_same(short_tmp: Path) -> None:
    (short_tmp / "never").write_text("503")
    file = written(short_tmp, ready="GET /never", start_timeout="60s")
    StateDir.beside(short_tmp).make()
    words = [sys.executable, "-m", "abreast", "up", "--file", str(file)]
    up = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    # As soon as it holds the directory: before it listens, or while its version does not get ready.
    await until(lambda: StateDir.beside(short_tmp).holder() == str(up.pid), "it holds the directory", 20)
    outcome = await run_down(file, lambda _: None, ACTOR)
    said = (await up.communicate())[0].decode()
    assert (up.returncode, outcome.control_plane) == (0, up.pid)
    assert said.endswith("stopped before the service was up\n")
    assert runs(short_tmp) == []


async def test_one_that_hangs_is_named_and_the_rest_goes_once_it_is_killed(short_tmp: Path) -> None:
    file = written(short_tmp)
    async with UpProcess(file) as up:
        os.kill(up.pid, signal.SIGSTOP)
        with pytest.raises(WaitTimeoutError, match=rf"\(process {up.pid}\), and has not ended; .* envoy") as caught:
            await run_down(file, lambda _: None, ACTOR, 0.2)
        assert f"kill -9 {up.pid}" in caught.value.remedy
        os.kill(up.pid, signal.SIGKILL)
        await until(lambda: not alive(up.pid))
    outcome = await run_down(file, lambda _: None, ACTOR)
    assert len(outcome.ended) == 3
    assert runs(short_tmp) == []


async def test_killed_half_way_it_goes_on_the_next_time_and_who_does_not_end_in_time_is_named(short_tmp: Path) -> None:
    file = written(short_tmp, DEAF, stop_timeout="60s", instances=1)
    await killed(file)
    words = [sys.executable, "-m", "abreast", "down", "--file", str(file)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as half:
        await until(lambda: [each.identity.kind for each in runs(short_tmp)] == ["instance"], "the gateway is gone", 20)
        half.kill()
    outcome = await run_down(file, lambda _: None, ACTOR, 0.3)
    assert [each.split()[:2] for each in outcome.left] == [["instance", "v1-1"]]
    assert outcome.faults == ["not everything has ended in time"]
    assert outcome.ended == []
    (left,) = runs(short_tmp)
    os.kill(left.pids[0], signal.SIGKILL)
    assert (await run_down(file, lambda _: None, ACTOR)).left == []


async def test_a_server_of_a_fleet_is_not_ended(short_tmp: Path) -> None:
    state = StateDir.beside(short_tmp)
    state.make()
    async with serving() as served:
        state.api.symlink_to(served.server._path)
        descriptor = state.lock()
        with pytest.raises(RefusedError, match="a server of the fleet of shop") as caught:
            await run_down(short_tmp / "abreast.yaml", lambda _: None, ACTOR)
        os.close(descriptor)
    assert f"kill {os.getpid()}" in caught.value.remedy


async def test_whatever_has_our_name_is_ended_and_deployments_stay(short_tmp: Path) -> None:
    file = short_tmp / "abreast.yaml"
    file.write_text(
        "service: shop\nversions:\n  v1: {endpoints: ['127.0.0.1:9']}\n  v2: {kubernetes: {template: pod.yaml}}\n"
    )
    state = StateDir.beside(short_tmp)
    state.make()
    home = home_id(state.path)
    ours: Mapping[str, str] = {**os.environ, VARIABLE: f"{home}/relay/1/b1"}
    with subprocess.Popen([*PYTHON, WAIT], env=ours) as relay:
        await until(lambda: runs(short_tmp))
        outcome = await run_down(file, lambda _: None, ACTOR)
        assert relay.wait(5) == -signal.SIGTERM
    assert outcome.ended == [f"relay 1 (process {relay.pid})"]
    assert outcome.stays == [
        f"Deployments of v2, if they were started: kubectl delete deployment -l abreast/home={home}"
    ]


async def test_a_copy_of_a_state_directory_ends_nothing_of_the_original(short_tmp: Path) -> None:
    original, copy = StateDir.beside(short_tmp / "a"), StateDir.beside(short_tmp / "b")
    original.make()
    copy.make()
    token = home_id(original.path)
    (copy.path / "home").write_bytes((original.path / "home").read_bytes())
    with subprocess.Popen([*PYTHON, STUBBORN], env={VARIABLE: f"{token}/instance/v1-1/b1"}) as original_s:
        outcome = await run_down(short_tmp / "b" / "abreast.yaml", lambda _: None, ACTOR)
        assert outcome.nothing
        assert alive(original_s.pid)
        original_s.kill()


async def test_a_directory_that_cannot_be_read_says_whose_it_is(short_tmp: Path) -> None:
    (StateDir.beside(short_tmp).path / "home").mkdir(parents=True)
    with pytest.raises(StoreError, match="home' cannot be read: Is a directory") as caught:
        await run_down(short_tmp / "abreast.yaml", lambda _: None, ACTOR)
    assert "as the user who ran abreast up" in caught.value.remedy
