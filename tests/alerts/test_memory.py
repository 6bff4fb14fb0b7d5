"""What was told, over a restart."""

import logging
import stat
from pathlib import Path

import pytest

from abreast.alerts.memory import Memory
from abreast.alerts.register import Entry, Register
from tests.alerts.test_register import BACK, HELD


@pytest.fixture
def entries() -> list[Entry]:
    register = Register("shop")
    register.look([HELD, BACK], 1, 100.0)
    return register.told


def test_what_is_saved_is_loaded(tmp_path: Path, entries: list[Entry]) -> None:
    file = tmp_path / "alerts.json"
    Memory(file).save(entries)
    assert Memory(file).load() == entries
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    Memory(file).save([])
    assert Memory(file).load() == []
    assert [each.name for each in tmp_path.iterdir()] == ["alerts.json"]


def test_at_the_first_start_there_is_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert Memory(tmp_path / "alerts.json").load() == []
    assert caplog.records == []


@pytest.mark.parametrize("torn", [b"", b"[{", b'{"a": 1}', b'[{"cause": {"kind": "of another release"}}]', b"\xff"])
def test_what_cannot_be_read_is_nothing_and_logged(
    torn: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "alerts.json"
    file.write_bytes(torn)
    assert Memory(file).load() == []
    assert "alerts.json cannot be read, so what stands is told once more" in caplog.text


def test_a_disk_that_fails_is_logged_once_until_it_works(
    tmp_path: Path, entries: list[Entry], caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "gone"
    memory = Memory(directory / "alerts.json")
    memory.save(entries)
    memory.save(entries)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    directory.mkdir()
    memory.save(entries)
    assert memory.load() == entries
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()
    memory.save(entries)
    assert len(caplog.records) == 2
