"""Drift: confirmed differences, kept in the database until they are repaired, accepted, or gone by themselves.

One row per table and key in ``abreast.drift``. Every function that writes is one transaction, or part of the caller's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from psycopg.types.json import Jsonb

from abreast.model.errors import RefusedError
from abreast.postgres.connection import Connection, sql
from abreast.schema.digest import Difference, Key, Kind, Row
from abreast.schema.names import OWN, Relation, ident

DRIFT: Final = Relation(OWN, "drift")

_SETUP: Final = f"""
SELECT pg_advisory_xact_lock(hashtextextended('abreast.drift', 0));
CREATE SCHEMA IF NOT EXISTS {ident(OWN)};
CREATE TABLE IF NOT EXISTS {DRIFT.sql} (
    table_schema text NOT NULL,
    table_name text NOT NULL,
    key jsonb NOT NULL,
    kind text NOT NULL,
    "left" jsonb,
    "right" jsonb,
    columns text[] NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'repaired', 'accepted')),
    "by" text,
    reason text,
    until timestamptz,
    PRIMARY KEY (table_schema, table_name, key)
)"""
# Whoever accepted a difference accepted these values: with others it is open again.
_RECORD: Final = f"""
INSERT INTO {DRIFT.sql} AS d (table_schema, table_name, key, kind, "left", "right", columns,
                              first_seen, last_seen, state)
VALUES (%(schema)s, %(table)s, %(key)s, %(kind)s, %(left)s, %(right)s, %(columns)s, %(now)s, %(now)s, 'open')
ON CONFLICT (table_schema, table_name, key) DO UPDATE SET
    kind = excluded.kind, "left" = excluded."left", "right" = excluded."right", columns = excluded.columns,
    last_seen = excluded.last_seen,
    first_seen = CASE WHEN d.state = 'repaired' THEN excluded.first_seen ELSE d.first_seen END,
    (state, "by", reason, until) = (
        SELECT d.state, d."by", d.reason, d.until
         WHERE d.state = 'accepted' AND (d.until IS NULL OR d.until > excluded.last_seen)
           AND (d."left", d."right") IS NOT DISTINCT FROM (excluded."left", excluded."right")
        UNION ALL SELECT 'open', NULL, NULL, NULL LIMIT 1)"""
_WHERE: Final = "WHERE table_schema = %(schema)s AND table_name = %(table)s"
_REPAIRED: Final = f"""
UPDATE {DRIFT.sql} SET state = 'repaired', last_seen = %(now)s, "by" = %(by)s, reason = %(reason)s, until = NULL
{_WHERE} AND state <> 'repaired'"""
_ACCEPT: Final = f"""
UPDATE {DRIFT.sql} SET state = 'accepted', "by" = %(by)s, reason = %(reason)s, until = %(until)s
{_WHERE} AND key = %(key)s AND state <> 'repaired'"""
_STATE: Final = "CASE WHEN state = 'accepted' AND until <= %(now)s THEN 'open' ELSE state END"
_LIST: Final = f"""
SELECT table_schema, table_name, key, kind, "left", "right", columns, first_seen, last_seen, {_STATE}, "by", reason,
       until FROM {DRIFT.sql}
 WHERE (%(state)s::text IS NULL OR {_STATE} = %(state)s)
   AND (%(schema)s::text IS NULL OR (table_schema = %(schema)s AND table_name = %(table)s))
 ORDER BY first_seen, table_schema, table_name, key LIMIT %(limit)s"""
_COUNTS: Final = f"SELECT {_STATE}, count(*) FROM {DRIFT.sql} GROUP BY 1"


class State(StrEnum):
    """What became of a drift. What was accepted until a time is open after it."""

    OPEN = "open"
    REPAIRED = "repaired"
    ACCEPTED = "accepted"


@dataclass(frozen=True)
class Table:
    """What a comparison is called: its table, the key's columns and the names of the values."""

    relation: Relation
    key: tuple[str, ...]
    values: tuple[str, ...]

    def named(self, key: Key) -> dict[str, str]:
        """The key with its columns' names."""
        return dict(zip(self.key, key, strict=True))

    def row(self, row: Row | None) -> dict[str, str | None] | None:
        """The row's texts with their names."""
        return None if row is None else dict(zip(self.values, row, strict=True))


@dataclass(frozen=True)
class Drift:
    """One key that differs, or did; rows as texts by name, None where the row is missing."""

    relation: Relation
    key: Mapping[str, str]
    kind: Kind
    left: Mapping[str, str | None] | None
    right: Mapping[str, str | None] | None
    columns: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    state: State
    by: str | None
    reason: str | None
    until: datetime | None

    def difference(self, table: Table) -> Difference:
        """As it was found."""
        key = tuple(self.key[name] for name in table.key)
        return Difference(key, self.kind, _texts(self.left, table), _texts(self.right, table), self.columns)


def prepare(connection: Connection) -> None:
    """Make the table where it is not there yet."""
    with connection.transaction():
        connection.execute(sql(_SETUP))


def record(connection: Connection, table: Table, found: Iterable[Difference], now: datetime) -> None:
    """Write down confirmed differences. Known ones keep their beginning, accepted ones their values' acceptance.

    A difference that comes back after it was repaired begins anew.
    """
    rows = [
        {
            **_named(table.relation),
            "key": Jsonb(table.named(each.key)),
            "kind": each.kind.value,
            "left": _json(table.row(each.left)),
            "right": _json(table.row(each.right)),
            "columns": list(each.columns),
            "now": now,
        }
        for each in found
    ]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(sql(_RECORD), rows)


def mark_repaired(
    connection: Connection,
    table: Table,
    keys: Collection[Key],
    now: datetime,
    *,
    by: str | None = None,
    reason: str = "",
) -> int:
    """These keys no longer differ: how many of them had been drift."""
    wanted = Jsonb([table.named(key) for key in keys])
    about = {**_named(table.relation), "now": now, "by": by, "reason": reason or "no longer differs", "keys": wanted}
    with connection.transaction():
        done = connection.execute(sql(f"{_REPAIRED} AND key IN (SELECT jsonb_array_elements(%(keys)s))"), about)
    return done.rowcount


def mark_vanished(connection: Connection, table: Table, still: Collection[Key], now: datetime) -> int:
    """After a sweep of the whole table that found ``still`` and no more: all others no longer differ; how many."""
    wanted = Jsonb([table.named(key) for key in still])
    about = {**_named(table.relation), "now": now, "by": None, "reason": "no longer differs", "keys": wanted}
    with connection.transaction():
        # Not those that were first seen after the sweep had begun to look.
        done = connection.execute(
            sql(f"{_REPAIRED} AND last_seen <= %(now)s AND key NOT IN (SELECT jsonb_array_elements(%(keys)s))"), about
        )
    return done.rowcount


def accept(
    connection: Connection, table: Table, key: Key, *, by: str, reason: str, until: datetime | None = None
) -> None:
    """A person takes this difference as it is, for good or until a time. RefusedError if there is none."""
    about = {"key": Jsonb(table.named(key)), "by": by, "reason": reason, "until": until}
    with connection.transaction():
        done = connection.execute(sql(_ACCEPT), {**_named(table.relation), **about})
    if not done.rowcount:
        shown = ", ".join(f"{name} = {text}" for name, text in table.named(key).items())
        raise RefusedError(
            f"{table.relation}: no drift is open for {shown}", "see what is open with: abreast data check"
        )


def drifts(
    connection: Connection,
    now: datetime,
    *,
    state: State | None = None,
    relation: Relation | None = None,
    limit: int | None = None,
) -> tuple[Drift, ...]:
    """What was found, the longest known first."""
    about = {"now": now, "state": state, "limit": limit, "schema": None, "table": None}
    rows = connection.execute(sql(_LIST), {**about, **(_named(relation) if relation else {})})
    return tuple(
        Drift(Relation(schema, name), key, Kind(kind), left, right, tuple(columns), first, last, State(was), *rest)
        for schema, name, key, kind, left, right, columns, first, last, was, *rest in rows
    )


def counts(connection: Connection, now: datetime) -> dict[State, int]:
    """How many are in each state."""
    found = {State(state): count for state, count in connection.execute(sql(_COUNTS), {"now": now})}
    return {state: found.get(state, 0) for state in State}


def _named(relation: Relation) -> dict[str, Any]:
    return {"schema": relation.schema, "table": relation.name}


def _json(row: dict[str, str | None] | None) -> Jsonb | None:
    return None if row is None else Jsonb(row)


def _texts(row: Mapping[str, str | None] | None, table: Table) -> Row | None:
    return None if row is None else tuple(row[name] for name in table.values)


def keys_of(found: Sequence[Difference]) -> tuple[Key, ...]:
    """Just the keys."""
    return tuple(each.key for each in found)
