"""The access log's file: private, bounded, and nothing that was written is lost."""

import stat
from pathlib import Path

import pytest

from abreast.envoy.access_file import AccessFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def older(path: Path) -> dict[str, str]:
    """What lies beside the file, by the end of its name."""
    return {each.name.removeprefix(path.name): each.read_text() for each in path.parent.iterdir() if each != path}


def test_it_is_made_for_its_owner_alone_and_kept_as_it_is(path: Path) -> None:
    file = AccessFile(path)
    file.make()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("a line\n")
    file.make()
    assert path.read_text() == "a line\n"


def test_a_directory_that_is_not_there_is_not_made(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        AccessFile(path / "deeper" / "access.log").make()


def test_below_its_limit_it_stays(path: Path) -> None:
    path.write_text("123456789")
    assert not AccessFile(path, limit_bytes=10).rotate()
    assert older(path) == {}


def test_at_its_limit_it_moves_on_and_the_oldest_goes(path: Path) -> None:
    file = AccessFile(path, limit_bytes=1, kept=3)
    for text in "abcde":
        path.write_text(text)
        assert file.rotate()
        assert path.read_text() == ""
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert older(path) == {".1": "e", ".2": "d", ".3": "c"}


def test_a_writer_that_has_it_open_loses_nothing(path: Path) -> None:
    file = AccessFile(path, limit_bytes=1)
    file.make()
    with path.open("a") as writer:
        writer.write("before\n")
        writer.flush()
        assert file.rotate()
        writer.write("after\n")
    assert older(path) == {".1": "before\nafter\n"}


def test_one_that_somebody_else_moved_is_made_anew_and_told_of(path: Path) -> None:
    file = AccessFile(path)
    assert file.rotate(), "Envoy still writes to the one that was moved"
    assert path.exists()
    assert not file.rotate()
