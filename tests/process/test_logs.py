"""Logs that others write and we rotate."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from abreast.process.logs import LogFile
from tests.process.programs import PYTHON


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "v1-1.log"


def written(log: LogFile, data: bytes) -> None:
    descriptor = log.open()
    os.write(descriptor, data)
    os.close(descriptor)


def test_what_is_written_is_appended(path: Path) -> None:
    log = LogFile(path)
    written(log, b"one\n")
    written(log, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
    assert log.size_bytes == 8


def test_only_the_user_may_read_it(path: Path) -> None:
    written(LogFile(path), b"secret")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_log_that_is_not_there_is_empty(path: Path) -> None:
    log = LogFile(path)
    assert (log.size_bytes, log.last_line(), log.tail()) == (0, "", "")
    assert not log.rotate()


def test_the_last_line_is_the_last_with_anything_in_it(path: Path) -> None:
    log = LogFile(path)
    written(log, b"first\n  ValueError: no such table  \n\n \n")
    assert log.last_line() == "ValueError: no such table"


def test_the_last_line_is_fit_to_be_shown(path: Path) -> None:
    log = LogFile(path)
    written(log, b"\x1b[31mred\x1b[0m \xff\x07bell " + b"x" * 1000)
    line = log.last_line()
    assert line.startswith("red \ufffdbell xxx")
    assert len(line) == 300


def test_lines_of_an_earlier_start_are_not_quoted(path: Path) -> None:
    log = LogFile(path)
    written(log, b"old trouble\n")
    since = log.size_bytes
    assert log.last_line(since) == ""
    written(log, b"new trouble\n")
    assert log.last_line(since) == "new trouble"


def test_after_a_rotation_everything_is_newer(path: Path) -> None:
    log = LogFile(path, limit_bytes=10)
    written(log, b"a long old line\n")
    since = log.size_bytes
    assert log.rotate()
    written(log, b"new\n")
    assert log.last_line(since) == "new"


def test_a_small_log_is_left_alone(path: Path) -> None:
    log = LogFile(path, limit_bytes=10)
    written(log, b"123456789")
    assert not log.rotate()
    written(log, b"0")
    assert log.rotate()


def test_older_logs_move_on_and_the_oldest_goes(path: Path) -> None:
    log = LogFile(path, limit_bytes=1, kept=2)
    for text in (b"one", b"two", b"three"):
        written(log, text)
        assert log.rotate()
    assert path.with_name("v1-1.log.1").read_bytes() == b"three"
    assert path.with_name("v1-1.log.2").read_bytes() == b"two"
    assert sorted(file.name for file in path.parent.iterdir()) == ["v1-1.log", "v1-1.log.1", "v1-1.log.2"]


def test_a_rotation_that_fails_leaves_the_log_as_it_was(path: Path) -> None:
    log = LogFile(path, limit_bytes=1)
    written(log, b"precious")
    # A directory where the copy should go: the copy cannot be made, as on a full disk.
    path.with_name("v1-1.log.0").mkdir()
    with pytest.raises(OSError, match=r"v1-1\.log\.0"):
        log.rotate()
    assert path.read_bytes() == b"precious"


async def test_rotating_under_a_writing_child_loses_nothing(path: Path) -> None:
    log = LogFile(path, limit_bytes=2000, kept=1000)
    lines = 2000
    program = f"import time\nfor n in range({lines}):\n print(n, flush=True)\n time.sleep(0.0002)"
    output = log.open()
    child = subprocess.Popen([*PYTHON, program], stdout=output, stderr=sys.stderr)
    os.close(output)
    rotations = 0
    while child.poll() is None:
        rotations += await asyncio.to_thread(log.rotate)
        await asyncio.sleep(0.01)
    older = [path.with_name(f"{path.name}.{number}") for number in range(rotations, 0, -1)]
    seen = b"".join(file.read_bytes() for file in [*older, path]).split()
    assert rotations >= 2
    assert seen == [str(number).encode() for number in range(lines)]
