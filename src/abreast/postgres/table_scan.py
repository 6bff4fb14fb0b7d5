"""The sweep of one table that holds both representations: in batches by key, as slowly as the caller likes.

One statement sees both sides of a row at one moment, and the trigger that keeps them in step is part of the write. So
what is found here is no lag: it needs no settle window.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from abreast.postgres.connection import Connection, looking_in, sql
from abreast.postgres.keyed_rows import KeyOrder, column_types, key_order
from abreast.schema.digest import Difference, Key, Kind
from abreast.schema.names import Relation, ident

BATCH_ROWS: Final = 5000
STATEMENT_TIMEOUT_MS: Final = 10_000
ROW: Final = "new"
"""What a plan's SQL calls the row."""


@dataclass(frozen=True)
class Pair:
    """One value in both representations, for people to see: SQL over the row as ``new``."""

    name: str
    old: str
    new: str


def scan_table(
    connection: Connection,
    relation: Relation,
    key: Sequence[str],
    divergent: str,
    pairs: Sequence[Pair] = (),
    *,
    batch_rows: int = BATCH_ROWS,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    progress: Callable[[int], None] = lambda _rows: None,
) -> Iterator[Difference]:
    """Rows for which ``divergent`` (SQL over the row as ``new``) is true, in the order of the key.

    ``key``: the primary key's columns, or any that are unique together and not NULL. ``left`` is the old
    representation, ``right`` the new. ``progress`` takes the rows looked at so far after each batch, and may take its
    time: no transaction is open. A row that an update moves to a smaller key meanwhile is not met. A statement's
    time-out raises psycopg's QueryCanceled.
    """
    columns = ", ".join(map(ident, key))
    types = column_types(connection, f"SELECT {columns} FROM {relation.sql} LIMIT 0")
    batches = _Batches(relation, key_order(connection, relation, key, types, ROW), divergent, pairs)
    after: Key | None = None
    done = 0
    while True:
        with connection.transaction(), looking_in(connection, relation.schema):
            connection.execute(sql(f"SET LOCAL statement_timeout = {statement_timeout_ms:d}"))
            # Not one statement with the next: only the key is read here, which an index has.
            counted = connection.execute(sql(batches.end(after, batch_rows))).fetchone()
            rows, end = counted or (0, None)
            found = connection.execute(sql(batches.found(after, tuple(end)))).fetchall() if end else []
        yield from (_difference(tuple(key_), tuple(old), tuple(new), pairs) for key_, old, new in found)
        done += rows
        progress(done)
        if rows < batch_rows:
            return
        after = tuple(end)


@dataclass(frozen=True)
class _Batches:
    relation: Relation
    key: KeyOrder
    divergent: str
    pairs: Sequence[Pair]

    @property
    def _columns(self) -> str:
        return ", ".join(f"{ROW}.{ident(name)}" for name in self.key.names)

    @property
    def _texts(self) -> str:
        return _texts(f"{ROW}.{ident(name)}" for name in self.key.names)

    def end(self, after: Key | None, rows: int) -> str:
        """(rows, last key) of the next batch."""
        where = f" WHERE {self.key.bound('>', after)}" if after else ""
        batch = (
            f"SELECT {self._columns} FROM {self.relation.sql} AS {ROW}{where} ORDER BY {self._columns} LIMIT {rows:d}"
        )
        ordered = ", ".join(f"{ROW}.{ident(name)} DESC" for name in self.key.names)
        return f"SELECT count(*) OVER (), {self._texts} FROM ({batch}) AS {ROW} ORDER BY {ordered} LIMIT 1"

    def found(self, after: Key | None, end: Key) -> str:
        """(key, old, new) of the divergent rows of the batch."""
        beyond = f"{self.key.bound('>', after)} AND " if after else ""
        return (
            f"SELECT {self._texts}, {_texts(pair.old for pair in self.pairs)}, "
            f"{_texts(pair.new for pair in self.pairs)} FROM {self.relation.sql} AS {ROW} "
            f"WHERE {beyond}{self.key.bound('<=', end)} AND ({self.divergent}) ORDER BY {self._columns}"
        )


def _difference(
    key: Key, old: tuple[str | None, ...], new: tuple[str | None, ...], pairs: Sequence[Pair]
) -> Difference:
    columns = tuple(pair.name for pair, one, other in zip(pairs, old, new, strict=True) if one != other)
    return Difference(key, Kind.DIFFERS, old, new, columns)


def _texts(expressions: Iterator[str]) -> str:
    return f"ARRAY[{', '.join(f'({each})::text' for each in expressions)}]::text[]"
