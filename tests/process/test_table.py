"""The process table, and who belongs to whom."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from abreast.process.identity import VARIABLE, Identity
from abreast.process.table import Row, boot_id, family, read_row, read_table, send
from tests.process.programs import PYTHON, WAIT, until

OURS = Identity("home", "instance", "v1-1", "b1")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    # It says when it runs: in the midst of its start the kernel shows no environment yet.
    with subprocess.Popen(
        [*PYTHON, f"print(flush=True); {WAIT}"],
        env={VARIABLE: OURS.token},
        start_new_session=True,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def a_row(pid: int, *, parent: int = 1, session: int = 0, token: str = "", dead: bool = False) -> Row:
    return Row(pid, parent, session or pid, session or pid, start_ticks=pid * 10, dead=dead, token=token)


def pids(rows: list[Row], leader: int | None = None) -> list[int]:
    return [row.pid for row in family(rows, OURS, leader)]


def test_a_row_says_what_the_kernel_knows(child: subprocess.Popen[bytes]) -> None:
    row = read_row(child.pid)
    assert row is not None
    assert (row.parent, row.group, row.session) == (os.getpid(), child.pid, child.pid)
    assert row.token == OURS.token
    assert not row.dead


def test_a_command_with_spaces_and_parentheses_does_not_shift_the_fields() -> None:
    rename = "open('/proc/self/comm', 'w').write(') R 1 (x'); print(flush=True); import time; time.sleep(60)"
    with subprocess.Popen([*PYTHON, rename], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        row = read_row(process.pid)
        process.kill()
    assert row is not None
    assert row.parent == os.getpid()


async def test_a_zombie_counts_as_dead(child: subprocess.Popen[bytes]) -> None:
    child.kill()

    def is_dead() -> bool:
        row = read_row(child.pid)
        return row is not None and row.dead

    await until(is_dead, "the killed child is a zombie")


def test_nobody_has_a_pid_beyond_the_limit() -> None:
    assert read_row(2**22 + 1) is None


def test_the_table_holds_this_process_and_the_child(child: subprocess.Popen[bytes]) -> None:
    table = {row.pid: row for row in read_table()}
    assert os.getpid() in table
    assert table[child.pid].token == OURS.token


def test_the_boot_has_a_name_that_stays() -> None:
    assert boot_id() == boot_id() != ""


def test_the_family_is_found_by_token_in_any_session() -> None:
    assert pids([a_row(10, token=OURS.token), a_row(11, token=OURS.token), a_row(12)]) == [10, 11]


def test_the_family_is_found_by_session_while_the_leader_is_held() -> None:
    rows = [a_row(10), a_row(11, session=10), a_row(12, session=12)]
    assert pids(rows, leader=10) == [10, 11]
    assert pids(rows) == []


def test_descendants_without_a_token_belong_to_the_family() -> None:
    rows = [a_row(10, token=OURS.token), a_row(20, parent=10), a_row(30, parent=20), a_row(40, parent=2)]
    assert pids(rows) == [10, 20, 30]


def test_what_another_abreast_started_below_ours_is_not_ours() -> None:
    inner = "other/instance/v9-1/b2"
    rows = [a_row(10, token=OURS.token), a_row(20, parent=10, token=inner), a_row(30, parent=20)]
    assert pids(rows) == [10]


def test_an_earlier_start_of_the_same_instance_is_not_this_one() -> None:
    earlier = replace(OURS, birth="b0")
    assert pids([a_row(10, token=OURS.token), a_row(11, token=earlier.token)]) == [10]


def test_the_dead_are_not_counted() -> None:
    assert pids([a_row(10, token=OURS.token), a_row(11, session=10, dead=True)], leader=10) == [10]


def test_a_signal_reaches_the_process(child: subprocess.Popen[bytes]) -> None:
    row = read_row(child.pid)
    assert row is not None
    assert send(row, signal.SIGTERM)
    assert child.wait(timeout=10) == -signal.SIGTERM


def test_a_signal_never_reaches_who_inherited_the_pid(child: subprocess.Popen[bytes]) -> None:
    row = read_row(child.pid)
    assert row is not None
    earlier = replace(row, start_ticks=row.start_ticks - 1)
    assert not send(earlier, signal.SIGKILL)
    assert child.poll() is None


def test_a_signal_to_nobody_says_so() -> None:
    with subprocess.Popen([*PYTHON, ""]) as gone:
        gone.wait()
    assert not send(a_row(gone.pid), signal.SIGTERM)
