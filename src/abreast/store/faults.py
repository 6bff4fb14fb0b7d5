"""What SQLite complains about, as errors that say what to do next.

The codes and their meaning are SQLite's: https://www.sqlite.org/rescode.html. An extended code has the
primary one in its low byte.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from abreast.model.errors import StoreCorruptError, StoreError

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NOTHING_WRITTEN: Final = "nothing of this change was written"

_CAUSES: Final = {
    sqlite3.SQLITE_FULL: (
        "the disk is full",
        "free some space on the file system of {directory}, then try again",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk failed or is full",
        "look at the space (df {directory}) and the health (dmesg) of the disk, then try again",
    ),
    sqlite3.SQLITE_READONLY: (
        "the file or its file system is read-only, or it was moved away",
        "make {path} and {directory} writable for the user who runs abreast, then restart abreast",
    ),
    sqlite3.SQLITE_PERM: (
        "access is not permitted",
        "make {path} readable and writable for the user who runs abreast",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the file cannot be opened",
        "make {directory} and the files in it readable and writable for the user who runs abreast",
    ),
    sqlite3.SQLITE_BUSY: (
        "another process keeps it locked",
        "end what else has it open (see: fuser {path}), then try again",
    ),
}
_OTHER: Final = ("the database refused", "try again; if it stays so, report the message above")


def damaged(path: Path, what: str) -> StoreCorruptError:
    """The file cannot be used as it is, but abreast can begin anew beside it."""
    return StoreCorruptError(
        f"{path}: the store is damaged: {what}",
        f"move it aside (mkdir {path.parent}/damaged && mv {path}* {path.parent}/damaged/),"
        " then run: abreast up (it begins with a new store and finds what runs)",
    )


def from_sqlite(path: Path, error: sqlite3.Error) -> StoreError:
    """The error that a user should see for one of SQLite's."""
    primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if primary in _DAMAGED:
        return damaged(path, str(error))
    what, remedy = _CAUSES.get(primary, _OTHER)
    return StoreError(f"{path}: {what} ({error}); {_NOTHING_WRITTEN}", remedy.format(path=path, directory=path.parent))


def from_os(path: Path, error: OSError) -> StoreError:
    """The error that a user should see when the file or its directory cannot be made."""
    return StoreError(
        f"{path}: the store cannot be opened: {error.strerror or error} ({error.filename or path})",
        f"make {path.parent} a directory that the user who runs abreast can write to, with space left",
    )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns whatever the store at ``path`` runs into into a StoreError or a StoreCorruptError."""
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise from_sqlite(path, error.orig) from error
        raise
    except sqlite3.Error as error:
        raise from_sqlite(path, error) from error
    except ValidationError as error:
        raise damaged(path, f"a stored {error.title} makes no sense: {error}") from error
    except OSError as error:
        raise from_os(path, error) from error
