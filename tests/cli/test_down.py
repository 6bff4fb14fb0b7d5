"""``abreast down`` as it is typed; what it ends is told in tests/app/test_down.py."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from abreast.process.identity import VARIABLE, home_id
from abreast.state_dir import StateDir
from tests.cli.plane import Plane, Run
from tests.process.programs import PYTHON, WAIT


@pytest.fixture
def home(short_tmp: Path) -> str:
    """The id of a state directory."""
    state = StateDir.beside(short_tmp)
    state.make()
    return home_id(state.path)


def test_nothing_to_end_is_well(abreast: Run, short_tmp: Path) -> None:
    ended = abreast("down")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"nothing runs for '{short_tmp}', and nothing is left of an earlier run\n"
    assert json.loads(abreast("down", "--json").out) == {
        "control_plane": None,
        "ended": [],
        "left": [],
        "faults": [],
        "stays": [],
    }


def test_what_was_left_is_told_and_ended(abreast: Run, home: str) -> None:
    with subprocess.Popen([*PYTHON, WAIT], env={**os.environ, VARIABLE: f"{home}/relay/1/b1"}) as left:
        ended = abreast("down")
    assert ended.code == 0, ended.err
    assert ended.out == (
        f"left by an earlier run: relay 1 (process {left.pid})\n"
        f"ended: relay 1 (process {left.pid})\nall has ended; store and logs stay\n"
    )


def test_json_is_alone_on_stdout(abreast: Run, home: str) -> None:
    with subprocess.Popen([*PYTHON, WAIT], env={**os.environ, VARIABLE: f"{home}/relay/1/b1"}) as left:
        ended = abreast("down", "--json")
    assert json.loads(ended.out)["ended"] == [f"relay 1 (process {left.pid})"]
    assert ended.err.startswith("left by an earlier run")


def test_what_could_not_be_done_is_an_error_that_says_to_do_it_again(
    abreast: Run, home: str, short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert home
    mark = StateDir.beside(short_tmp).run / "docker"
    mark.touch()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{short_tmp}/nobody.sock")
    ended = abreast("down")
    assert ended.code == 11
    assert ended.err.startswith("error: containers may be left: DOCKER_HOST is")
    assert ended.err.endswith("→ mend what is named, then run abreast down again: it goes on from there\n")
    assert "all has ended" not in ended.out
    assert mark.exists()


def test_one_that_hangs_ends_it_with_the_code_of_a_time_out(abreast: Run, plane: Plane, short_tmp: Path) -> None:
    descriptor = StateDir.beside(short_tmp).lock()
    plane.answers("/end", {"pid": os.getpid()})
    ended = abreast("down", "--timeout", "300ms")
    os.close(descriptor)
    assert ended.code == 12
    assert "has not ended" in ended.err
    (asked,) = plane.asked
    assert asked.path == "/end", "it is asked once"


@pytest.mark.parametrize("words", [("--timeout", "soon"), ("--timeout", "5")])
def test_a_time_out_that_is_none(abreast: Run, words: tuple[str, ...]) -> None:
    ended = abreast("down", *words)
    assert (ended.code, "--timeout: " in ended.err) == (2, True)


def test_what_runs_elsewhere_is_not_for_it(abreast: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABREAST_URL", "https://abreast.example")
    ended = abreast("down")
    assert (ended.code, "ABREAST_URL is set" in ended.err) == (2, True)
