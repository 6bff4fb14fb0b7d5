"""Dirty keys: the fast path of divergence detection. Read some, compare just these, remove them when that is noted.

Notes are removed only when the caller says so, in the transaction in which it writes down what came of them: a killed
reader reads them again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from abreast.postgres.connection import Connection, sql
from abreast.postgres.keyed_rows import KeyedRows
from abreast.postgres.patience import PATIENT, Patience
from abreast.schema.digest import Key
from abreast.schema.dirty import REMOVE, SETUP, disable_sql, enable_sql, read_sql
from abreast.schema.names import Relation

NOTES_AT_ONCE: Final = 5000


@dataclass(frozen=True)
class Dirty:
    """What was noted: ``keys`` as the server writes them, each once. ``everything``: the table was truncated."""

    keys: tuple[Key, ...]
    everything: bool
    notes: tuple[int, ...]

    @property
    def full(self) -> bool:
        """Whether there may be more."""
        return len(self.notes) >= NOTES_AT_ONCE


def enable(connection: Connection, relation: Relation, key: Sequence[str], patience: Patience = PATIENT) -> None:
    """Note the keys of this table's written rows from now on. DatabaseError where the lock is not to be had."""
    _all(connection, f"noting dirty keys of {relation}", (*SETUP, *enable_sql(relation, key)), patience)


def disable(connection: Connection, relation: Relation, patience: Patience = PATIENT) -> None:
    """Note them no longer, and forget those noted."""
    _all(connection, f"noting no more dirty keys of {relation}", (*SETUP, *disable_sql(relation)), patience)


def read(rows: KeyedRows, relation: Relation, key: Sequence[str]) -> Dirty:
    """The oldest notes of the table, of transactions older than any that runs.

    ``key``: the columns that were noted, in the order of the source's key, whose types they have.
    """
    query = sql(read_sql(key, rows.key_types))
    noted = rows.connection.execute(query, [relation.schema, relation.name, NOTES_AT_ONCE]).fetchall()
    keys = dict.fromkeys(tuple(texts) for _, texts in noted if texts is not None)
    everything = any(texts is None for _, texts in noted)
    return Dirty(tuple(keys), everything, tuple(number for number, _ in noted))


def remove(connection: Connection, dirty: Dirty) -> None:
    """Forget what was read. Give it in the transaction that keeps what came of it."""
    connection.execute(sql(REMOVE), [list(dirty.notes)])


def _all(connection: Connection, what: str, statements: Sequence[str], patience: Patience) -> None:
    def work() -> None:
        for statement in statements:
            connection.execute(sql(statement))

    patience.run(connection, what, work)
