"""Processes under supervision: real ones."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.process.identity import VARIABLE, Identity
from abreast.process.logs import LogFile
from abreast.process.supervised import Exit, Mark, Supervised, end_family
from abreast.process.table import boot_id, read_row
from tests.process.programs import PARENT, PYTHON, STUBBORN, WAIT, alive, number_in, until

IDENTITY = Identity("testhome", "instance", "v1-1", "b1")
Spawn = Callable[..., Supervised]


@pytest.fixture
async def spawn(tmp_path: Path) -> AsyncIterator[Spawn]:
    """Starts a program under supervision; it is ended after the test."""
    processes: list[Supervised] = []

    def started(program: str, *arguments: object, **env: str) -> Supervised:
        identity = Identity.fresh("testhome", "instance", "v1-1")
        argv = [*PYTHON, program, *map(str, arguments)]
        log = LogFile(tmp_path / "out.log")
        processes.append(Supervised.spawn(identity, argv, env={**os.environ, **env}, cwd=tmp_path, log=log))
        return processes[-1]

    yield started
    for process in processes:
        await end_family(process.identity, 0)
        await process.end(0)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def output(folder: Path) -> str:
    file = folder / "out.log"
    return file.read_text() if file.exists() else ""


async def test_it_runs_where_and_as_it_was_told(spawn: Spawn, tmp_path: Path) -> None:
    told = f"import os, sys; print(os.getcwd(), os.environ['COLOUR'], os.environ['{VARIABLE}'], repr(sys.stdin.read()))"
    process = spawn(told, COLOUR="blue")
    assert await process.exited == Exit(code=0)
    assert output(tmp_path) == f"{tmp_path} blue {process.identity.token} ''\n"


async def test_it_leads_a_session_of_its_own(spawn: Spawn) -> None:
    process = spawn(WAIT)
    assert os.getsid(process.pid) == process.pid != os.getsid(0)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV"),
        ("import os; os.kill(os.getpid(), 40)", "killed by signal 40"),
    ],
)
async def test_its_end_says_how(spawn: Spawn, program: str, words: str) -> None:
    process = spawn(program)
    assert str(await process.exited) == words


async def test_an_unknown_end_is_not_made_up() -> None:
    assert str(Exit()) == "ended"


async def test_a_missing_command_is_told_and_leaves_nothing_open(tmp_path: Path) -> None:
    before = open_files()
    with pytest.raises(FileNotFoundError):
        Supervised.spawn(IDENTITY, ["./missing"], env={}, cwd=tmp_path, log=LogFile(tmp_path / "out.log"))
    assert open_files() == before


async def test_ending_is_polite_and_leaves_no_zombie_and_nothing_open(spawn: Spawn) -> None:
    before = open_files()
    process = spawn(WAIT)
    assert await process.end(10) == Exit(signal=signal.SIGTERM)
    assert read_row(process.pid) is None
    assert open_files() == before


async def test_ending_twice_or_after_its_own_end_does_no_harm(spawn: Spawn) -> None:
    process = spawn("raise SystemExit(7)")
    await process.exited
    assert await process.end(10) == Exit(code=7)
    assert await process.end(10) == Exit(code=7)
    process.signal(signal.SIGKILL)
    process.release()


async def test_who_ignores_sigterm_is_killed_after_the_time_out(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn(STUBBORN)
    await until(lambda: output(tmp_path) == "deaf\n")
    begin = time.monotonic()
    assert await process.end(0.2) == Exit(signal=signal.SIGKILL)
    assert time.monotonic() - begin >= 0.2


async def test_who_is_stopped_gets_its_sigterm_all_the_same(spawn: Spawn) -> None:
    process = spawn(WAIT)
    process.signal(signal.SIGSTOP)
    assert await process.end(10) == Exit(signal=signal.SIGTERM)


@pytest.mark.parametrize("how", [(), ("session",), ("session", "bare")])
async def test_grandchildren_end_too(spawn: Spawn, tmp_path: Path, how: tuple[str, ...]) -> None:
    process = spawn(PARENT, tmp_path / "pid", STUBBORN, *how)
    grandchild = await number_in(tmp_path / "pid")
    await until(lambda: "deaf" in output(tmp_path))
    if how != ("session", "bare"):
        await process.end(0.1)
    else:
        # Without token and session only its parent betrays it, so the parent must outlive the look.
        os.kill(process.pid, signal.SIGSTOP)
        await end_family(process.identity, 0)
    assert not alive(grandchild)


async def test_grandchildren_end_when_the_leader_was_killed(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn(PARENT, tmp_path / "pid", WAIT)
    grandchild = await number_in(tmp_path / "pid")
    os.kill(process.pid, signal.SIGKILL)
    assert await process.exited == Exit(signal=signal.SIGKILL)
    assert alive(grandchild)
    await process.end(10)
    assert not alive(grandchild)


async def test_grandchildren_may_finish_after_the_leader(spawn: Spawn, tmp_path: Path) -> None:
    work = (
        "import signal, sys, time\n"
        "def finish(*_):\n time.sleep(0.2)\n print('finished', flush=True)\n sys.exit()\n"
        "signal.signal(signal.SIGTERM, finish)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    process = spawn(PARENT, tmp_path / "pid", work)
    await until(lambda: "ready" in output(tmp_path))
    await process.end(10)
    assert "finished" in output(tmp_path)


async def test_release_leaves_it_running_and_it_can_be_adopted(spawn: Spawn) -> None:
    process = spawn(WAIT)
    process.release()
    assert alive(process.pid)
    adopted = Supervised.adopt(process.identity, process.mark)
    assert adopted is not None
    assert await adopted.end(10) == Exit()
    assert not alive(process.pid)
    assert await process.end(10) == Exit()


async def test_an_adopted_stranger_to_us_is_watched(tmp_path: Path) -> None:
    # Started by somebody else, who is gone: its parent is not this process.
    program = (
        "import subprocess as s, sys\n"
        "print(s.Popen(sys.argv[1:], start_new_session=True, stdout=s.DEVNULL, stderr=s.DEVNULL).pid)"
    )
    started = subprocess.run([*PYTHON, program, *PYTHON, WAIT], capture_output=True, check=True)
    pid = int(started.stdout)
    row = read_row(pid)
    assert row is not None
    adopted = Supervised.adopt(IDENTITY, Mark(pid, row.start_ticks, boot_id()))
    assert adopted is not None
    os.kill(pid, signal.SIGKILL)
    assert await asyncio.wait_for(adopted.exited, 10) == Exit()
    assert await adopted.end(10) == Exit()


async def test_nobody_with_another_start_or_boot_is_adopted(spawn: Spawn) -> None:
    process = spawn(WAIT)
    before = open_files()
    mark = process.mark
    assert Supervised.adopt(process.identity, replace(mark, start_ticks=mark.start_ticks - 1)) is None
    assert Supervised.adopt(process.identity, replace(mark, boot="another")) is None
    assert open_files() == before
    await process.end(10)
    assert Supervised.adopt(process.identity, mark) is None
    assert alive(os.getpid())


async def test_end_family_touches_only_its_own(spawn: Spawn) -> None:
    ours, other = spawn(WAIT), spawn(WAIT)
    await end_family(ours.identity, 10)
    await ours.exited
    assert alive(other.pid)
