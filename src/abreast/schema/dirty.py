"""The SQL of dirty keys: which rows were written lately, so that just these are compared. Pure.

One row per written row, of a trigger that fires whatever ``session_replication_role`` is. It notes only the key: what
was written is read again when it is compared.
"""

from collections.abc import Sequence
from typing import Final

from abreast.schema.digest import placeholder_safe
from abreast.schema.names import OWN, Relation, ident, literal, made_name

DIRTY: Final = Relation(OWN, "dirty")
TRIGGER: Final = "~abreast_dirty"
TRUNCATE_TRIGGER: Final = "~abreast_dirty_truncate"

SETUP: Final = (
    f"CREATE SCHEMA IF NOT EXISTS {ident(OWN)}",
    f"""CREATE TABLE IF NOT EXISTS {DIRTY.sql} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    key jsonb,
    xid xid8 NOT NULL,
    at timestamptz NOT NULL
)""",
    f"REVOKE ALL ON {DIRTY.sql} FROM PUBLIC",
)
"""A NULL key: the table was truncated, all of it is to be compared."""

REMOVE: Final = f"DELETE FROM {DIRTY.sql} WHERE id = ANY (%s) AND xid < pg_snapshot_xmin(pg_current_snapshot())"


def enable_sql(relation: Relation, key: Sequence[str]) -> tuple[str, ...]:
    """Statements that make the table note its written keys; they may be given again."""
    function = _function(relation)
    made = f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
    rows, table = ident(TRIGGER), ident(TRUNCATE_TRIGGER)
    on = f"ON {relation.sql} FOR EACH"
    return (
        f"{made} {literal(_body(relation, key)).strip()}",
        f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC",
        f"CREATE OR REPLACE TRIGGER {rows} AFTER INSERT OR UPDATE OR DELETE {on} ROW EXECUTE FUNCTION {function}()",
        f"CREATE OR REPLACE TRIGGER {table} AFTER TRUNCATE {on} STATEMENT EXECUTE FUNCTION {function}()",
        f"ALTER TABLE {relation.sql} ENABLE ALWAYS TRIGGER {rows}, ENABLE ALWAYS TRIGGER {table}",
    )


def disable_sql(relation: Relation) -> tuple[str, ...]:
    """Statements that end it and forget what was noted; they may be given again."""
    noted = f"table_schema = {literal(relation.schema)} AND table_name = {literal(relation.name)}"
    return (
        f"DROP TRIGGER IF EXISTS {ident(TRIGGER)} ON {relation.sql}",
        f"DROP TRIGGER IF EXISTS {ident(TRUNCATE_TRIGGER)} ON {relation.sql}",
        f"DROP FUNCTION IF EXISTS {_function(relation)}()",
        f"DELETE FROM {DIRTY.sql} WHERE {noted}",
    )


def read_sql(key: Sequence[str], types: Sequence[str]) -> str:
    """(id, key or NULL for all) of the oldest notes; parameters: schema, table, how many.

    Only of transactions older than any that runs: whoever reads by position is not overtaken by a late commit. The
    writer's session may have written a timestamp in another zone: the key is given as the reader's writes that value.
    """
    texts = ", ".join(f"(key ->> {literal(name)})::{kind}::text" for name, kind in zip(key, types, strict=True))
    return placeholder_safe(f"SELECT id, CASE WHEN key IS NOT NULL THEN ARRAY[{texts}] END FROM {DIRTY.sql} ") + (
        "WHERE table_schema = %s AND table_name = %s AND xid < pg_snapshot_xmin(pg_current_snapshot()) "
        "ORDER BY id LIMIT %s"
    )


def _body(relation: Relation, key: Sequence[str]) -> str:
    # Every name with its schema, so that the writer's search_path finds nothing of the writer's for us to run, and the
    # function needs no setting of its own, which would cost each row more than the rest of it.
    is_op = "TG_OP OPERATOR(pg_catalog.=)"
    old, new = _key("OLD", key), _key("NEW", key)
    return f"""
BEGIN
  IF {is_op} 'TRUNCATE' THEN
    {_note(relation, "NULL")}
  ELSIF {is_op} 'INSERT' THEN
    {_note(relation, new)}
  ELSE
    {_note(relation, old)}
    IF {is_op} 'UPDATE' AND {new} OPERATOR(pg_catalog.<>) {old} THEN
      {_note(relation, new)}
    END IF;
  END IF;
  RETURN NULL;
END"""


def _note(relation: Relation, key: str) -> str:
    names = f"{literal(relation.schema)}, {literal(relation.name)}"
    now = "pg_catalog.pg_current_xact_id(), pg_catalog.clock_timestamp()"
    return f"INSERT INTO {DIRTY.sql} (table_schema, table_name, key, xid, at) VALUES ({names}, {key}, {now});"


def _key(row: str, key: Sequence[str]) -> str:
    parts = (f"{literal(name).strip()}, {row}.{ident(name)}" for name in key)
    return f"pg_catalog.jsonb_build_object({', '.join(parts)})"


def _function(relation: Relation) -> str:
    return f"{ident(OWN)}.{ident(made_name('dirty_', f'{relation.schema}.{relation.name}'))}"
