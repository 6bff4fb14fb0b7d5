"""Rows of one side by their keys, as text, through an open connection."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from abreast.postgres.connection import Connection, sql
from abreast.schema.digest import Difference, Key, Row, Source, by_keys_sql, columns_sql, difference

KEYS_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Seen:
    """A row as it was read. ``stamp`` is another one after every write; without one, the values stand for it."""

    row: Row
    stamp: str | Row


class KeyedRows:
    """One side: its source through a connection whose settings are pinned (``connection.connected``).

    ``key_types`` and ``value_types`` are SQL without modifiers: casts to them cut nothing off.
    """

    def __init__(self, connection: Connection, source: Source) -> None:
        self.connection = connection
        self.source = source
        types = column_types(connection, columns_sql(source))
        self.key_types = types[: len(source.key)]
        self.value_types = types[len(source.key) :]
        self._sql = sql(by_keys_sql(source, self.key_types))

    def read(self, keys: Collection[Key]) -> dict[Key, Seen]:
        """The rows there are of these keys. Keys are as the server writes them: '5', not '05'."""
        wanted = list(keys)
        seen: dict[Key, Seen] = {}
        for start in range(0, len(wanted), KEYS_AT_ONCE):
            columns = [list(column) for column in zip(*wanted[start : start + KEYS_AT_ONCE], strict=True)]
            for key, values, stamp in self.connection.execute(self._sql, columns):
                row = tuple(values)
                seen[tuple(key)] = Seen(row, row if stamp is None else stamp)
        return seen


def differences(left: KeyedRows, right: KeyedRows, keys: Collection[Key]) -> tuple[Difference, ...]:
    """What differs in these keys now, named by the left side's values. It may be nothing but lag: see ``settle``."""
    return compared(left, keys, left.read(keys), right.read(keys))


def compared(
    left: KeyedRows, keys: Collection[Key], lefts: dict[Key, Seen], rights: dict[Key, Seen]
) -> tuple[Difference, ...]:
    """What differs between rows that were read, in the order of ``keys``."""
    names = left.source.names
    found = (difference(key, _row(lefts.get(key)), _row(rights.get(key)), names) for key in keys)
    return tuple(each for each in found if each)


def _row(seen: Seen | None) -> Row | None:
    return seen.row if seen else None


def column_types(connection: Connection, query: str) -> tuple[str, ...]:
    """The types of the query's columns, as SQL without modifiers. It is asked for no row, but carried out."""
    described = connection.execute(sql(query)).description or []
    rows = connection.execute(
        # Modifier -1, not NULL: "bpchar" takes any length, "character" only one.
        "SELECT format_type(oid, -1) FROM unnest(%s::oid[]) WITH ORDINALITY AS u (oid, place) ORDER BY place",
        [[column.type_code for column in described]],
    )
    return tuple(row[0] for row in rows)
