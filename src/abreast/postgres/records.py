"""What abreast keeps in a database of the migration that is under way there: the plan, and how far it has got.

A step's work and the note that it is done are one transaction wherever the work can be one; so a command that was
killed is taken up by the next at the very statement.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from abreast.model.errors import DatabaseError
from abreast.postgres.connection import Connection, sql
from abreast.schema.names import OWN
from abreast.schema.plan import Plan, plan_from_json, plan_to_json

Phase = Literal["expanding", "expanded", "contracting", "contracted", "undoing", "undone"]
ENDED: Final = ("contracted", "undone")

_TABLES: Final = f"""
CREATE SCHEMA IF NOT EXISTS {OWN};
CREATE TABLE IF NOT EXISTS {OWN}.migration (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schema text NOT NULL,
  plan jsonb NOT NULL,
  phase text NOT NULL,
  step integer NOT NULL DEFAULT 0,
  checkpoint jsonb,
  began timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX IF NOT EXISTS migration_under_way ON {OWN}.migration (schema)
  WHERE phase NOT IN ('contracted', 'undone');
"""
_LOCK: Final = 0x61626D67
"""One migrating abreast for each database (``abmg``); a fleet's store has other locks, for it may be there too."""
PREPARING: Final = _LOCK + 1
"""The lock of whoever makes tables of abreast's own."""
_READ: Final = f"SELECT id, plan::text, phase, step, checkpoint, began, changed FROM {OWN}.migration"


@dataclass(frozen=True)
class Migration:
    """One migration of a schema. ``step``: how many of the phase's steps are done."""

    id: int
    plan: Plan
    phase: Phase
    step: int
    checkpoint: dict[str, Any] | None
    began: datetime
    changed: datetime


def prepare(connection: Connection) -> None:
    """Make abreast's own tables where they are not there yet."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [PREPARING])
        connection.execute(sql(_TABLES))


def prepared(connection: Connection) -> bool:
    """Whether abreast has been here before."""
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{OWN}.migration"]).fetchone()
    return bool(row and row[0])


def take_turn(connection: Connection) -> bool:
    """Whether this session is now the only one that migrates here: until `give_turn`, or until it ends."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    return bool(row and row[0])


def give_turn(connection: Connection) -> None:
    """Let others migrate here."""
    connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def under_way(connection: Connection, schema: str) -> Migration | None:
    """The migration of the schema that has not ended; None before the first and after the last."""
    return _one(connection, "WHERE schema = %s AND phase NOT IN ('contracted', 'undone')", schema)


def latest(connection: Connection, schema: str) -> Migration | None:
    """The last one, ended or not."""
    return _one(connection, "WHERE schema = %s ORDER BY id DESC LIMIT 1", schema)


def contracted(connection: Connection, schema: str) -> frozenset[str]:
    """The versions whose migrations of the schema ended well: what they need is there."""
    if not prepared(connection):
        return frozenset()
    rows = connection.execute(
        f"SELECT plan ->> 'new_version' FROM {OWN}.migration WHERE schema = %s AND phase = 'contracted'", [schema]
    )
    return frozenset(row[0] for row in rows)


def begin(connection: Connection, plan: Plan) -> Migration:
    """Write down that this plan is being carried out."""
    row = connection.execute(
        f"INSERT INTO {OWN}.migration (schema, plan, phase) VALUES (%s, %s, 'expanding') RETURNING id",
        [plan.schema, plan_to_json(plan)],
    ).fetchone()
    return _numbered(connection, row[0] if row else 0)


def turn_to(connection: Connection, migration: Migration, phase: Phase) -> Migration:
    """Another phase, at its first step."""
    connection.execute(
        f"UPDATE {OWN}.migration SET phase = %s, step = 0, checkpoint = NULL, changed = clock_timestamp() "
        "WHERE id = %s",
        [phase, migration.id],
    )
    return _numbered(connection, migration.id)


def replan(connection: Connection, migration: Migration, plan: Plan) -> None:
    """The plan with what could only be known after SQL of its own has run."""
    connection.execute(f"UPDATE {OWN}.migration SET plan = %s WHERE id = %s", [plan_to_json(plan), migration.id])


def done(connection: Connection, migration: Migration, step: int) -> None:
    """So many steps of the phase are done."""
    connection.execute(
        f"UPDATE {OWN}.migration SET step = %s, checkpoint = NULL, changed = clock_timestamp() WHERE id = %s",
        [step, migration.id],
    )


def mark(connection: Connection, migration: Migration, checkpoint: dict[str, Any]) -> None:
    """How far the step under way has got."""
    connection.execute(
        f"UPDATE {OWN}.migration SET checkpoint = %s, changed = clock_timestamp() WHERE id = %s",
        [json.dumps(checkpoint), migration.id],
    )


def _numbered(connection: Connection, number: int) -> Migration:
    found = _one(connection, "WHERE id = %s", number)
    if found is None:
        raise DatabaseError(
            f"the record of migration {number} is gone from {OWN}.migration", "see who deletes there, and put it back"
        )
    return found


def _one(connection: Connection, where: str, parameter: object) -> Migration | None:
    if not prepared(connection):
        return None
    row = connection.execute(sql(f"{_READ} {where}"), [parameter]).fetchone()
    return None if row is None else Migration(row[0], plan_from_json(row[1]), *row[2:])
