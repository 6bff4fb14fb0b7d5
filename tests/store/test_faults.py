import errno
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from abreast.model.errors import StoreCorruptError, StoreError
from abreast.ports import VersionCounts
from abreast.store.faults import damaged, explained, from_os, from_sqlite
from abreast.store.rows import COUNTS_JSON

PATH = Path("/var/lib/shop/.abreast/abreast.db")


def sqlite_error(code: int, text: str = "SQLite's own words") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT | 2 << 8])
def test_damage_says_to_move_the_file_aside(code: int) -> None:
    error = from_sqlite(PATH, sqlite_error(code))
    assert isinstance(error, StoreCorruptError)
    assert str(PATH) in error.message
    assert "SQLite's own words" in error.message
    assert f"mv {PATH}* " in error.remedy
    assert "abreast up" in error.remedy


@pytest.mark.parametrize(
    ("code", "what", "remedy"),
    [
        (sqlite3.SQLITE_FULL, "the disk is full", "free some space on the file system of /var/lib/shop/.abreast"),
        (sqlite3.SQLITE_IOERR_WRITE, "the disk failed or is full", "df /var/lib/shop/.abreast"),
        (sqlite3.SQLITE_READONLY, "read-only", "writable"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "moved away", "restart abreast"),
        (sqlite3.SQLITE_PERM, "not permitted", "readable and writable"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened", "/var/lib/shop/.abreast"),
        (sqlite3.SQLITE_BUSY, "another process", f"fuser {PATH}"),
        (sqlite3.SQLITE_TOOBIG, "refused", "report"),
    ],
)
def test_each_cause_has_its_sentence_and_remedy(code: int, what: str, remedy: str) -> None:
    error = from_sqlite(PATH, sqlite_error(code))
    assert type(error) is StoreError
    assert error.message.startswith(f"{PATH}: ")
    assert what in error.message
    assert "SQLite's own words" in error.message
    assert "nothing of this change was written" in error.message
    assert remedy in error.remedy


def test_an_error_without_a_code_still_is_a_store_error() -> None:
    assert type(from_sqlite(PATH, sqlite3.ProgrammingError("odd"))) is StoreError


def test_the_operating_systems_refusals_quote_its_words() -> None:
    error = from_os(PATH, OSError(errno.ENOSPC, "No space left on device", str(PATH.parent)))
    assert "No space left on device" in error.message
    assert str(PATH.parent) in error.remedy


def test_explained_turns_each_kind_of_failure_into_ours() -> None:
    full = sqlite_error(sqlite3.SQLITE_FULL)
    for raised in (full, OperationalError("INSERT", {}, full), OSError(errno.EROFS, "Read-only file system")):
        with pytest.raises(StoreError), explained(PATH):
            raise raised
    with pytest.raises(StoreCorruptError, match="VersionCounts"), explained(PATH):
        COUNTS_JSON.validate_json('{"codes": "none"}')


def test_explained_lets_pass_what_is_not_the_stores() -> None:
    with pytest.raises(KeyError), explained(PATH):
        raise KeyError(PATH)
    with pytest.raises(DBAPIError), explained(PATH):
        raise DBAPIError("SELECT", {}, ValueError("another driver's"))
    with pytest.raises(StoreCorruptError), explained(PATH):
        raise damaged(PATH, "already said")
    assert COUNTS_JSON.validate_json("{}") == VersionCounts()
