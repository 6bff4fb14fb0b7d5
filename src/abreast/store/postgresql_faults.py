"""What PostgreSQL complains about, as errors that say what to do next.

The codes are PostgreSQL's: https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from abreast.model.errors import StoreCorruptError, StoreError

_NOTHING_WRITTEN: Final = "nothing of this change was written"
_SEE: Final = "see that PostgreSQL runs at {where} and is reached from here"

AWAY: Final = "the database is not reached"

_CAUSES: Final = {
    "28": ("the database refuses the user", "put the right user and password into --store, or mend pg_hba.conf"),
    "3D000": ("there is no such database", "make it (createdb), or name another in --store"),
    "42501": (
        "the role has too few rights",
        "give it the schema: CREATE SCHEMA abreast_store AUTHORIZATION its role (docs/fleet.md)",
    ),
    "42P01": ("a table is missing", "leave the schema abreast_store to abreast; restore it from a backup"),
    "25006": (
        "the database is read-only",
        "name the primary in --store, or all of them with target_session_attrs=read-write",
    ),
    "53100": ("the database's disk is full", "make room there, then try again"),
    "53300": ("the database has no connection left", "raise max_connections; each server takes three"),
    "55P03": ("another writer keeps it locked", "see who waits for whom (pg_stat_activity), then try again"),
    "57014": ("a statement took too long", "see what else keeps the database busy, then try again"),
    "25P03": ("the transaction was given up, because this process stood still in it", "try again"),
}
_OTHER: Final = ("the database refused", "try again; if it stays so, report the message above")
_ON_THE_WAY: Final = frozenset({"08", "57"})  # connection exceptions; shutting down, or starting


class AwayError(StoreError):
    """The database is not reached at all: there is no use in asking again at once."""


@dataclass(frozen=True)
class ServerFaults:
    """`abreast.store.transactions.Faults` of a server; ``name`` is its address without the password."""

    name: str

    def explained(self) -> AbstractContextManager[None]:
        """Turns whatever the store runs into into a StoreError or a StoreCorruptError."""
        return _explained(self)

    def damaged(self, what: str) -> StoreCorruptError:
        """What is stored makes no sense: only a backup helps."""
        return StoreCorruptError(
            f"{self.name}: the store is damaged: {what}",
            "restore the schema abreast_store from a backup; or move it aside (ALTER SCHEMA abreast_store RENAME TO"
            " damaged), then start the servers again: they begin with a new store",
        )

    def away(self, error: StoreError) -> bool:
        """Whether the database was not reached at all."""
        return isinstance(error, AwayError)

    def told(self, error: psycopg.Error) -> StoreError:
        """The error that a user should see for one of PostgreSQL's."""
        code = error.sqlstate or ""
        words = " ".join(str(error).split())
        if not code and isinstance(error, psycopg.OperationalError) and "password authentication" in words:
            code = "28"  # refused while connecting: libpq tells no code
        known = _CAUSES.get(code) or _CAUSES.get(code[:2])
        if known is None and isinstance(error, psycopg.OperationalError) and (not code or code[:2] in _ON_THE_WAY):
            return AwayError(f"{self.name}: {AWAY} ({words}); {_NOTHING_WRITTEN}", _SEE.format(where=self.name))
        what, remedy = known or _OTHER
        return StoreError(f"{self.name}: {what} ({words}); {_NOTHING_WRITTEN}", remedy)


@contextmanager
def _explained(faults: ServerFaults) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise faults.told(error.orig) from error
        raise
    except psycopg.Error as error:
        raise faults.told(error) from error
    except ValidationError as error:
        raise faults.damaged(f"a stored {error.title} makes no sense: {error}") from error
