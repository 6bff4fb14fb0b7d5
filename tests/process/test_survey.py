"""What runs of one home."""

import os
import subprocess

from abreast.process.identity import VARIABLE, Identity
from abreast.process.survey import Left, survey
from abreast.process.table import Row, read_row
from tests.process.programs import PYTHON, WAIT, until

V1 = Identity("home", "instance", "v1-1", "b1")
ENVOY = Identity("home", "envoy", "4711.0", "b2")
OTHER = Identity("another", "instance", "v1-1", "b1")


def row(pid: int, identity: Identity | None, *, dead: bool = False) -> Row:
    return Row(pid, 1, pid, pid, 1000, dead=dead, token=identity.token if identity else "")


def test_processes_of_one_start_are_one_and_all_are_sorted() -> None:
    table = [row(9, V1), row(7, V1), row(8, ENVOY)]
    assert survey("home", table) == [Left(ENVOY, (8,)), Left(V1, (7, 9))]


def test_others_the_dead_and_the_nameless_are_not_ours() -> None:
    table = [row(1, OTHER), row(2, None), row(3, V1, dead=True), Row(4, 1, 4, 4, 1, token="no token")]
    assert survey("home", table) == []


def test_it_is_told_with_its_kind_its_name_and_its_processes() -> None:
    assert str(Left(ENVOY, (8,))) == "envoy 4711.0 (process 8)"
    assert str(Left(V1, (7, 9))) == "instance v1-1 (processes 7, 9)"


async def test_a_real_one_is_found_by_its_environment() -> None:
    with subprocess.Popen([*PYTHON, WAIT], env={**os.environ, VARIABLE: V1.token}) as process:
        # While it executes its program the kernel shows an empty environment.
        await until(lambda: (found := read_row(process.pid)) is not None and found.token)
        found = read_row(process.pid)
        assert found is not None
        assert survey("home", [found]) == [Left(V1, (process.pid,))]
        process.kill()
