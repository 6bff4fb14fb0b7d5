"""Rows of one side by their keys, as text, through an open connection."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from abreast.postgres.connection import Connection, sql
from abreast.schema.digest import Difference, Key, Row, Source, by_keys_sql, columns_sql, difference
from abreast.schema.names import Relation, ident, literal

KEYS_AT_ONCE: Final = 500

_SCHEMAS: Final = """
SELECT coalesce(n.nspname, 'pg_catalog')
  FROM unnest(%(names)s::text[]) WITH ORDINALITY k (name, place)
  JOIN pg_attribute a ON a.attrelid = %(relation)s::regclass AND a.attname = k.name
 CROSS JOIN LATERAL (
       WITH RECURSIVE under (oid) AS (
           SELECT a.atttypid UNION ALL
           SELECT t.typbasetype FROM under JOIN pg_type t ON t.oid = under.oid WHERE t.typtype = 'd')
       SELECT t.oid FROM under JOIN pg_type t ON t.oid = under.oid WHERE t.typtype <> 'd') b
  LEFT JOIN pg_opclass c ON c.opcintype = b.oid AND c.opcdefault
        AND c.opcmethod = (SELECT oid FROM pg_am WHERE amname = 'btree')
  LEFT JOIN pg_amop m ON m.amopfamily = c.opcfamily AND m.amopstrategy = 3
        AND m.amoplefttype = c.opcintype AND m.amoprighttype = c.opcintype
  LEFT JOIN pg_operator o ON o.oid = m.amopopr LEFT JOIN pg_namespace n ON n.oid = o.oprnamespace
 ORDER BY k.place"""


@dataclass(frozen=True)
class KeyOrder:
    """The key of a table whose rows are called ``row``, with the schemas of its types' operators.

    Operators are named with their schema: an extension's are not in pg_catalog (without its own ``>`` a citext would
    be compared as text, in another order than its index has), and nobody's else are taken for the server's.
    """

    names: Sequence[str]
    types: Sequence[str]
    schemas: Sequence[str]
    row: str

    def bound(self, operator: Literal[">", "<="], key: Key) -> str:
        """SQL that is true for rows after ``key``, or up to it; in one comparison, as an index can do it, if it may."""
        columns = [f"{self.row}.{ident(name)}" for name in self.names]
        values = [f"{literal(text)}::{kind}" for text, kind in zip(key, self.types, strict=True)]
        if len(set(self.schemas)) == 1:
            return f"({', '.join(columns)}) {_operator(self.schemas[0], operator)} ({', '.join(values)})"
        *before, (column, schema, value) = zip(columns, self.schemas, values, strict=True)
        made = f"{column} {_operator(schema, operator)} {value}"
        for column, schema, value in reversed(before):
            strictly, equal = (f"{column} {_operator(schema, one)} {value}" for one in (operator[0], "="))
            made = f"({strictly} OR {equal} AND {made})"
        return f"{columns[0]} {_operator(self.schemas[0], operator[0] + '=')} {values[0]} AND {made}"  # for an index

    def equal(self, other: str) -> str:
        """SQL that is true where the row called ``other`` has the same key."""
        return " AND ".join(
            f"{self.row}.{ident(name)} {_operator(schema, '=')} {other}.{ident(name)}"
            for name, schema in zip(self.names, self.schemas, strict=True)
        )


def key_order(
    connection: Connection, relation: Relation, names: Sequence[str], types: Sequence[str], row: str
) -> KeyOrder:
    """Of the columns ``names`` of a table; ``types`` is what their values are cast to."""
    found = connection.execute(sql(_SCHEMAS), {"names": list(names), "relation": relation.sql}).fetchall()
    return KeyOrder(names, types, [str(schema) for (schema,) in found], row)


def _operator(schema: str, operator: str) -> str:
    return f"OPERATOR({ident(schema)}.{operator})"


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
