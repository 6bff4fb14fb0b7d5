"""Keep the journal: switch it on and off per table, make the coming days' partitions, drop old ones."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final

from psycopg import errors

from abreast.model.errors import RefusedError
from abreast.postgres.connection import Connection, sql
from abreast.postgres.journal_tables import is_there, partitions_of, read_table, refusal
from abreast.postgres.patience import PATIENT, Patience
from abreast.schema.journal import (
    DEFAULT_PARTITION,
    JOURNAL,
    SETUP,
    TRIGGER,
    TRUNCATE_TRIGGER,
    day_of,
    disable_sql,
    function_body,
    function_of,
    function_sql,
    partition_of,
    partition_sql,
    triggers_sql,
    truncate_trigger_sql,
)
from abreast.schema.names import Relation

DAYS_AHEAD: Final = 3
"""Partitions are made for today and so many days more: `maintain` may be late by that much."""
_SETUP_LOCK: Final = 0x6162726561737401  # any fixed number: two that enable at once wait for each other

_JOURNALLED: Final = """
SELECT n.nspname, c.relname, fn.nspname, p.proname, p.prosrc
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace fn ON fn.oid = p.pronamespace
 WHERE t.tgname = %s AND t.tgparentid = 0 ORDER BY 1, 2"""

_BARE_PARTITIONS: Final = """
SELECT n.nspname, c.relname FROM pg_partition_tree(%s::text::regclass) l
  JOIN pg_class c ON c.oid = l.relid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = %s)"""


def enable(connection: Connection, tables: tuple[Relation, ...], patience: Patience = PATIENT) -> None:
    """Journal every write to ``tables`` from now on; again costs nothing, and takes up columns that are new.

    Each table's writers are stopped for a moment (SHARE ROW EXCLUSIVE, under a lock time-out, tried again).
    RefusedError as of `require`, and then none is.
    """
    require(connection, tables)
    patience.run(connection, "making the journal", partial(_set_up, connection))
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    _make_partitions(connection, row[0] if row else datetime.now(UTC), patience)
    present = {relation: source for relation, _, source in _found(connection)}
    for relation in tables:
        if present.get(relation) != function_body(read_table(connection, relation)):
            patience.run(connection, f"journalling {relation}", partial(_enable_one, connection, relation))


def require(connection: Connection, tables: Iterable[Relation]) -> None:
    """RefusedError that names all tables that cannot be journalled, each with its reason."""
    reasons = [(table, reason) for table in tables if (reason := refusal(connection, table))]
    if reasons:
        raise RefusedError(
            "; ".join(f"{table} cannot be journalled: {reason}" for table, reason in reasons),
            "mend these tables, or name the others alone under `data.tags`; then give the command again",
        )


def disable(connection: Connection, tables: tuple[Relation, ...], patience: Patience = PATIENT) -> None:
    """Journal ``tables`` no longer; their entries stay until they are too old. Not journalled: nothing happens."""
    functions = {relation: function for relation, function, _ in _found(connection)}
    for relation in tables:
        if relation in functions:
            steps = disable_sql(relation, partitions_of(connection, relation), functions[relation])
            patience.run(connection, f"ending the journal of {relation}", partial(_run, connection, steps))


def journalled(connection: Connection) -> tuple[Relation, ...]:
    """The tables whose writes are journalled, by name; a partitioned table stands for its partitions."""
    return tuple(relation for relation, _, _ in _found(connection))


def maintain(connection: Connection, now: datetime, retention: timedelta, patience: Patience = PATIENT) -> None:
    """Make the coming days' partitions, drop what is older than ``retention``, take up columns and partitions added.

    Partitions are of whole days: an entry stays up to a day longer. Nothing happens while there is no journal.
    """
    if not is_there(connection, JOURNAL):
        return
    _make_partitions(connection, now, patience)
    cutoff = (now - retention).astimezone(UTC)
    for day in _days(connection):
        if day < cutoff.date():
            drop = (f"DROP TABLE IF EXISTS {partition_of(day).sql}",)
            patience.run(connection, f"dropping the journal of {day}", partial(_run, connection, drop))
    connection.execute(sql(f"DELETE FROM {DEFAULT_PARTITION.sql} WHERE at < %s"), [cutoff])
    for relation, function, source in _found(connection):
        table = read_table(connection, relation)
        if table.key and source != function_body(table):
            connection.execute(sql(function_sql(table, function)))
        for bare in connection.execute(_BARE_PARTITIONS, [relation.sql, TRUNCATE_TRIGGER]).fetchall():
            steps = truncate_trigger_sql(Relation(*bare), function.sql)
            patience.run(connection, f"journalling {bare[1]}", partial(_run, connection, steps))


def required(connection: Connection) -> None:
    """RefusedError when this database has no journal to read."""
    if not is_there(connection, JOURNAL):
        raise RefusedError(
            "this database has no journal: nobody wrote down who wrote what",
            "put `tags: true` under `data` in the spec; what is written from then on is journalled",
        )


def _set_up(connection: Connection) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SETUP_LOCK])
    if is_there(connection, JOURNAL):
        return
    _run(connection, SETUP)


def _enable_one(connection: Connection, relation: Relation) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SETUP_LOCK])
    table = read_table(connection, relation)
    _run(connection, (function_sql(table), *triggers_sql(table, partitions_of(connection, relation))))
    connection.execute(sql(f"REVOKE ALL ON FUNCTION {function_of(relation).sql}() FROM PUBLIC"))


def _make_partitions(connection: Connection, now: datetime, patience: Patience) -> None:
    today = now.astimezone(UTC).date()
    for day in (today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1)):
        if not is_there(connection, partition_of(day)):
            try:
                patience.run(
                    connection,
                    f"making the journal's partition of {day}",
                    partial(_run, connection, partition_sql(day)),
                )
            except errors.DuplicateTable:
                continue  # another abreast was quicker


def _days(connection: Connection) -> list[date]:
    rows = connection.execute(
        "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid"
        " WHERE inhparent = %s::text::regclass ORDER BY 1",
        [JOURNAL.sql],
    ).fetchall()
    return [day for row in rows if (day := day_of(row[0]))]


def _found(connection: Connection) -> list[tuple[Relation, Relation, str]]:
    """Each journalled table with its trigger's function and that one's source."""
    rows = connection.execute(_JOURNALLED, [TRIGGER]).fetchall()
    return [(Relation(row[0], row[1]), Relation(row[2], row[3]), row[4]) for row in rows]


def _run(connection: Connection, steps: tuple[str, ...]) -> None:
    for step in steps:
        connection.execute(sql(step))
