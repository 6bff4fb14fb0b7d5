"""Whom a server runs as. As root these show the switch; as a plain user that there is none."""

import os
import pwd
import signal
from pathlib import Path

import pytest

from abreast.model.errors import DatabaseError
from abreast.postgres.account import NAMES, Account, server_account

ROOT = os.geteuid() == 0
ME = Account("me", os.geteuid(), os.getegid(), switched=False)


def test_root_takes_an_unprivileged_user_and_anybody_else_themselves() -> None:
    account = server_account()
    assert account.switched == ROOT
    if ROOT:
        assert account.name in NAMES
        assert account.uid == pwd.getpwnam(account.name).pw_uid != 0
    else:
        assert account.uid == os.geteuid()


def test_a_command_runs_as_the_account_with_no_group_of_ours() -> None:
    account = server_account()
    told = account.run(["id", "-u", "-G"], cwd=Path("/"), timeout_s=10)
    if told.returncode:  # coreutils takes one of the two at a time
        told = account.run(["sh", "-c", "id -u; id -G"], cwd=Path("/"), timeout_s=10)
    uid, *groups = told.stdout.split()
    assert int(uid) == account.uid
    if ROOT:
        assert groups == [str(account.gid)]


def test_a_command_gets_of_our_environment_only_what_leads_nobody_astray() -> None:
    environ = {"PATH": os.environ["PATH"], "PGDATA": "/elsewhere", "PGPORT": "1", "LANG": "de_DE.UTF-8"}
    told = ME.run(["env"], cwd=Path("/"), timeout_s=10, environ=environ)
    assert set(told.stdout.split("\n")) - {""} == {f"PATH={os.environ['PATH']}", "LC_ALL=C"}


def test_what_it_makes_is_its_own_and_closed(tmp_path: Path) -> None:
    told = ME.run(["touch", "made"], cwd=tmp_path, timeout_s=10)
    assert told.returncode == 0
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


def test_errors_and_output_come_together_with_how_it_ended() -> None:
    told = ME.run(["sh", "-c", "echo said; echo cried >&2; exit 3"], cwd=Path("/"), timeout_s=10)
    assert (told.returncode, told.stdout) == (3, "said\ncried\n")
    assert ME.run(["sh", "-c", "kill -9 $$"], cwd=Path("/"), timeout_s=10).returncode == -signal.SIGKILL


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(DatabaseError, match=r"/no/initdb cannot be run as the user me: No such file"):
        ME.run(["/no/initdb"], cwd=Path("/"), timeout_s=10)


def test_a_program_that_does_not_end_is_told() -> None:
    with pytest.raises(DatabaseError, match=r"sleep did not end within 0\.05 s"):
        ME.run(["sleep", "60"], cwd=Path("/"), timeout_s=0.05)


def test_a_directory_that_is_closed_to_the_account_is_not_reached(tmp_path: Path) -> None:
    account = server_account()
    closed = tmp_path / "closed"
    (closed / "inside").mkdir(parents=True)
    closed.chmod(0o700)
    assert account.reaches(closed / "inside") != ROOT
    assert account.reaches(Path("/"))


def test_a_file_is_given_to_the_account(tmp_path: Path) -> None:
    account = server_account()
    (tmp_path / "file").touch()
    account.own(tmp_path / "file")
    assert (tmp_path / "file").stat().st_uid == account.uid
