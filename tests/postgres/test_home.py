"""Where a server's home is, and what may not become one. As root these meet a user who is not us."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from abreast.model.errors import DatabaseError
from abreast.postgres import home as home_module
from abreast.postgres.account import Account, server_account
from abreast.postgres.home import ready_home, write

ROOT = os.geteuid() == 0


@pytest.fixture
def account() -> Account:
    return server_account()


@pytest.fixture
def open_tmp(short_tmp: Path) -> Path:
    """A short temporary directory that the server's user reaches."""
    short_tmp.chmod(0o755)
    return short_tmp


@pytest.fixture(autouse=True)
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What stands for the machine's shared directory."""
    directory = Path(tempfile.gettempdir()) / f"ab-shared-{os.getpid()}"
    directory.mkdir()
    monkeypatch.setattr(home_module, "SHARED", directory)
    yield directory
    shutil.rmtree(directory)


def test_the_directory_itself_is_the_home_where_the_account_reaches_it(open_tmp: Path, account: Account) -> None:
    home = ready_home(open_tmp / "deep" / "pg", account)
    assert home == open_tmp / "deep" / "pg"
    for made in (home, home / "socket"):
        assert made.stat().st_uid == account.uid
        assert made.stat().st_mode & 0o777 == 0o700
    assert (open_tmp / "deep").stat().st_uid == os.geteuid()


def test_it_is_the_same_home_the_next_time_with_what_is_in_it(open_tmp: Path, account: Account) -> None:
    home = ready_home(open_tmp / "pg", account)
    (home / "log").touch()
    assert ready_home(open_tmp / "pg", account) == home
    assert (home / "log").exists()


def test_a_link_leads_to_the_home(open_tmp: Path, account: Account) -> None:
    (open_tmp / "disk").mkdir()
    (open_tmp / "pg").symlink_to(open_tmp / "disk")
    assert ready_home(open_tmp / "pg", account) == open_tmp / "disk"


@pytest.mark.parametrize("name", ["x" * 90, "a b", "a,b", "$(id)", 'say"hi"', "a'b", "back`tick"])
def test_what_a_socket_or_a_shell_cannot_take_is_moved_and_found_again(
    open_tmp: Path, shared: Path, account: Account, name: str
) -> None:
    home = ready_home(open_tmp / name, account)
    assert home.parent == shared
    assert home.stat().st_uid == account.uid
    assert ready_home(open_tmp / name, account) == home
    assert ready_home(open_tmp / f"{name}2", account) != home


def test_a_directory_that_only_root_enters_is_moved(short_tmp: Path, shared: Path, account: Account) -> None:
    home = ready_home(short_tmp / "pg", account)
    assert home.parent == (shared if ROOT else short_tmp)
    assert account.reaches(home / "socket")


def test_something_else_in_the_directory_is_left_alone(open_tmp: Path, account: Account) -> None:
    (open_tmp / "photos").mkdir()
    (open_tmp / "photos" / "cat.jpg").touch()
    before = (open_tmp / "photos").stat()
    with pytest.raises(DatabaseError, match="photos has something else in it than a PostgreSQL"):
        ready_home(open_tmp / "photos", account)
    after = (open_tmp / "photos").stat()
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
    assert list((open_tmp / "photos").iterdir()) == [open_tmp / "photos" / "cat.jpg"]


def test_another_users_home_is_refused(open_tmp: Path, account: Account) -> None:
    """Root may give it away; a plain user is told of the same by asking for somebody else's account."""
    home = ready_home(open_tmp / "pg", account)
    other = Account("other", account.uid + 1, account.gid, switched=account.switched)
    with pytest.raises(DatabaseError, match=rf"pg belongs to the user with the id {account.uid}, .* other \(id"):
        ready_home(open_tmp / "pg", other)
    assert home.stat().st_uid == account.uid


def test_in_the_shared_directory_a_link_is_not_followed(open_tmp: Path, shared: Path, account: Account) -> None:
    """Anybody may put one there."""
    home = ready_home(open_tmp / "a b", account)
    shutil.rmtree(home)
    (open_tmp / "elsewhere").mkdir()
    home.symlink_to(open_tmp / "elsewhere")
    with pytest.raises(DatabaseError, match="it is a link"):
        ready_home(open_tmp / "a b", account)
    assert not any((open_tmp / "elsewhere").iterdir())


def test_a_file_in_its_place_is_told(open_tmp: Path, account: Account) -> None:
    (open_tmp / "pg").touch()
    with pytest.raises(DatabaseError, match="cannot be the home of a PostgreSQL: File exists"):
        ready_home(open_tmp / "pg", account)


def test_a_written_file_is_the_accounts_alone_and_replaces_a_link_rather_than_follow_it(
    open_tmp: Path, account: Account
) -> None:
    (open_tmp / "victim").write_text("kept", encoding="utf-8")
    (open_tmp / "file").symlink_to(open_tmp / "victim")
    write(open_tmp / "file", "text", account)
    found = (open_tmp / "file").lstat()
    assert (found.st_uid, found.st_mode & 0o777) == (account.uid, 0o600)
    assert (open_tmp / "file").read_text(encoding="utf-8") == "text"
    assert (open_tmp / "victim").read_text(encoding="utf-8") == "kept"
