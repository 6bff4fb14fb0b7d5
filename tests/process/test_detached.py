"""Processes that are nobody's child: real ones, whose starter is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import pytest

from abreast.process.detached import _ORPHAN, spawn_detached
from abreast.process.identity import VARIABLE, Identity
from abreast.process.logs import LogFile
from abreast.process.supervised import Exit, Supervised, end_family
from abreast.process.table import read_row
from tests.process.programs import PYTHON, WAIT, alive, number_in, until

Spawn = Callable[..., Supervised]

MOURNER = r"""
import ctypes, os, pathlib, signal, sys, time
PR_SET_PDEATHSIG = 1
assert ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM) == 0
place = pathlib.Path(sys.argv[1])
(place.parent / (place.name + ".new")).write_text(str(os.getpid()))
(place.parent / (place.name + ".new")).rename(place)
while not place.with_suffix(".question").exists():
    time.sleep(0.005)
place.with_suffix(".answer").write_text("I am still here")
time.sleep(60)
"""
"""``MOURNER FILE``: asks the kernel to end it with its parent, as Envoy does, and writes its pid to FILE; it answers a
FILE.question with a FILE.answer."""

TELLER = r"""
import os, sys, time
while not os.path.exists("go"):
    time.sleep(0.005)
print(os.getcwd(), os.environ["COLOUR"], sys.argv[1:], repr(sys.stdin.read()), flush=True)
sys.exit("and an error")
"""
"""``TELLER ARGUMENT...``: waits for the file ``go`` (what ends before its starter has looked is an error), then says
where and how it runs, and fails."""

STARTER = r"""
import asyncio, pathlib, sys
from abreast.process.detached import spawn_detached
from abreast.process.identity import Identity
from abreast.process.logs import LogFile
from abreast.process.supervised import Supervised

async def start():
    folder, home = pathlib.Path(sys.argv[1]), sys.argv[2]
    program = [sys.executable, "-S", "-E", "-c", sys.argv[3]]
    kept = []
    for name, spawn in (("child", Supervised.spawn), ("orphan", spawn_detached)):
        identity, log = Identity(home, "envoy", name, "b1"), LogFile(folder / "log")
        kept.append(spawn(identity, [*program, str(folder / name)], env={}, cwd=folder, log=log))
    await asyncio.sleep(60)

asyncio.run(start())
"""
"""``STARTER FOLDER HOME PROGRAM``: starts PROGRAM twice, as its child and detached."""


@pytest.fixture
async def spawn(tmp_path: Path) -> AsyncIterator[Spawn]:
    """Starts a program detached; it is ended after the test."""
    started: list[Supervised] = []

    def spawned(argv: Sequence[str], env: Mapping[str, str] | None = None) -> Supervised:
        identity = Identity.fresh("testhome", "envoy", "7.0")
        log = LogFile(tmp_path / "out.log")
        started.append(spawn_detached(identity, argv, env=env or {}, cwd=tmp_path, log=log))
        return started[-1]

    yield spawned
    for process in started:
        await end_family(process.identity, 0)
        await process.end(0)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_it_survives_the_sudden_death_of_its_starter_even_if_it_asked_to_die_with_its_parent(
    tmp_path: Path,
) -> None:
    home = Identity.fresh("h", "k", "n").birth
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path), home, MOURNER])
    try:
        child = await number_in(tmp_path / "child")
        orphan = await number_in(tmp_path / "orphan")
        assert parent_of(child) == starter.pid != parent_of(orphan)
        starter.kill()
        starter.wait()
        # The same program as an ordinary child: the kernel does what it was asked for.
        await until(lambda: not alive(child), "the child died with its parent")
        # An answer is proof: a signal is delivered before a process goes on.
        (tmp_path / "orphan.question").touch()
        await until((tmp_path / "orphan.answer").exists, "the orphan answers")
        assert alive(orphan)
    finally:
        starter.kill()
        starter.wait()
        for name in ("child", "orphan"):
            await end_family(Identity(home, "envoy", name, "b1"), 0)


def parent_of(pid: int) -> int:
    """The parent of a process that runs."""
    row = read_row(pid)
    assert row is not None
    return row.parent


async def test_it_is_nobody_s_child_and_leads_a_session_of_its_own(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn([*PYTHON, MOURNER, str(tmp_path / "pid")])
    assert await number_in(tmp_path / "pid") == process.pid, "the process that was asked for, not an intermediate"
    assert parent_of(process.pid) != os.getpid()
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    assert os.getpgid(process.pid) == process.pid


async def test_it_carries_its_token(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn([*PYTHON, MOURNER, str(tmp_path / "pid")], {VARIABLE: "another/one/of/mine"})
    await number_in(tmp_path / "pid")
    row = read_row(process.pid)
    assert row is not None
    assert row.token == process.identity.token


async def test_it_runs_where_and_as_it_was_told_and_writes_to_its_log(spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "out.log").write_text("what was there before\n")
    process = spawn([*PYTHON, TELLER, "a b", "$c"], {"COLOUR": "blue"})
    (tmp_path / "go").touch()
    await process.exited
    lines = (tmp_path / "out.log").read_text().splitlines()
    assert lines == ["what was there before", f"{tmp_path} blue ['a b', '$c'] ''", "and an error"]


async def test_it_holds_nothing_of_its_starter_s_open(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn([*PYTHON, MOURNER, str(tmp_path / "pid")])
    await number_in(tmp_path / "pid")
    held = {os.path.realpath(each) for each in Path(f"/proc/{process.pid}/fd").iterdir()}
    assert held == {"/dev/null", str(tmp_path / "out.log")}, "a pipe would break with the one who reads it"


async def test_its_end_is_seen_but_not_how(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn([*PYTHON, TELLER], {"COLOUR": "red"})
    (tmp_path / "go").touch()
    assert await process.exited == Exit()


async def test_it_can_be_ended(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn([*PYTHON, MOURNER, str(tmp_path / "pid")])
    await number_in(tmp_path / "pid")
    await process.end(5.0)
    assert not alive(process.pid)


async def test_released_it_goes_on(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn([*PYTHON, MOURNER, str(tmp_path / "pid")])
    await number_in(tmp_path / "pid")
    process.release()
    (tmp_path / "pid.question").touch()
    await until((tmp_path / "pid.answer").exists, "it answers")


async def test_starting_leaves_no_file_open(spawn: Spawn) -> None:
    before = open_files()
    process = spawn([*PYTHON, WAIT])
    await process.end(5.0)
    assert open_files() == before


async def test_a_program_that_cannot_be_executed_is_named(spawn: Spawn, tmp_path: Path) -> None:
    words = ""
    try:
        # It fails in the detached process: seen at once, or as an early end.
        process = spawn(["/no/such/envoy"])
    except OSError as error:
        words = str(error)
    else:
        await process.exited
        words = LogFile(tmp_path / "out.log").last_line()
    assert "No such file or directory" in words


async def test_a_missing_folder_is_an_error(spawn: Spawn, tmp_path: Path) -> None:
    before = open_files()
    identity = Identity.fresh("testhome", "envoy", "7.0")
    with pytest.raises(FileNotFoundError, match="gone"):
        spawn_detached(identity, [*PYTHON, WAIT], env={}, cwd=tmp_path / "gone", log=LogFile(tmp_path / "out.log"))
    assert open_files() == before


async def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out.log").mkdir()
    identity = Identity.fresh("testhome", "envoy", "7.0")
    with pytest.raises(IsADirectoryError):
        spawn_detached(identity, [*PYTHON, WAIT], env={}, cwd=tmp_path, log=LogFile(tmp_path / "out.log"))


def interpreter(folder: Path, script: str) -> str:
    """A program to stand in the interpreter's place."""
    file = folder / "interpreter"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


async def test_what_fails_before_the_program_begins_names_the_program(
    spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_files()
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path, "exit 5"))
    with pytest.raises(OSError, match=r"/opt/envoy could not be started apart from this process: .* status 5"):
        spawn(["/opt/envoy"])
    assert open_files() == before


async def test_what_hangs_before_the_program_begins_is_given_up(
    spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abreast.process.detached._START_S", 0.1)
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path, "exec sleep 30"))
    with pytest.raises(OSError, match=r"/opt/envoy could not be started apart from this process: .* timed out"):
        spawn(["/opt/envoy"])


async def test_a_program_that_has_ended_already_is_an_error_with_its_last_words(
    spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tells the pid of a process that is no more.
    script = "echo 'cannot bind' >&2; sh -c 'echo $$'"
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path, script))
    with pytest.raises(OSError, match="/opt/envoy ended at once: cannot bind"):
        spawn(["/opt/envoy"])


async def test_the_program_begins_only_when_its_first_parent_is_gone(
    spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave = "    os._exit(0)\n"
    assert leave in _ORPHAN
    # A first parent that lingers for longer than the program needs to ask for its own end with it.
    monkeypatch.setattr("abreast.process.detached._ORPHAN", _ORPHAN.replace(leave, f"    time.sleep(0.4)\n{leave}"))
    spawn([*PYTHON, MOURNER, str(tmp_path / "pid")])
    await number_in(tmp_path / "pid")
    (tmp_path / "pid.question").touch()
    await until((tmp_path / "pid.answer").exists, "it answers")


async def test_signals_reach_it(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn([*PYTHON, MOURNER, str(tmp_path / "pid")])
    await number_in(tmp_path / "pid")
    process.signal(signal.SIGTERM)
    await process.exited
    assert not alive(process.pid)
