"""All that a migration may have left in a database, as plain data to be compared."""

from typing import Any

from abreast.postgres.connection import Connection, connected
from abreast.postgres.connection import sql as text

_QUERIES = {
    "columns": """
        SELECT n.nspname, c.relname, c.relkind::text, c.reloptions::text, a.attname, format_type(atttypid, atttypmod),
               a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity::text
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE a.attnum > 0 AND NOT a.attisdropped AND n.nspname LIKE 'public%' ORDER BY 1, 2, 5""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2""",
    "indexes": """
        SELECT indexrelid::regclass::text, indisvalid AND indisready, pg_get_indexdef(indexrelid) FROM pg_index i
          JOIN pg_class c ON c.oid = indexrelid WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1""",
    "views": "SELECT schemaname, viewname, definition FROM pg_views WHERE schemaname LIKE 'public%' ORDER BY 1, 2",
    "schemas": "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1",
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, tgenabled::text, pg_get_triggerdef(oid) FROM pg_trigger
         WHERE NOT tgisinternal ORDER BY 1, 2""",
    "functions": """
        SELECT n.nspname, p.proname, p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname IN ('abreast', 'public') ORDER BY 1, 2""",
    "grants": """
        SELECT c.oid::regclass::text, array(SELECT unnest(relacl)::text ORDER BY 1) FROM pg_class c
         WHERE c.relnamespace::regnamespace::text LIKE 'public%' AND relkind IN ('r', 'v', 'S') ORDER BY 1""",
    "sequences": "SELECT schemaname, sequencename, data_type::text FROM pg_sequences ORDER BY 1, 2",
}


def fingerprint(url: str) -> dict[str, list[Any]]:
    """Everything but the records of the migration and what is cluster-wide."""
    with connected(url) as connection:
        found: dict[str, list[Any]] = {
            name: connection.execute(text(query)).fetchall() for name, query in _QUERIES.items()
        }
        tables = {row[1] for row in found["columns"] if row[0] == "public" and row[2] == "r"}
        for table in sorted(tables):
            # Which numbers of a sequence went to a transaction that was rolled back is chance.
            query = (
                f"SELECT (to_jsonb(t) - '{{rank,_abreast_rank}}'::text[])::text FROM public.\"{table}\" t ORDER BY 1"
            )
            found[f"rows of {table}"] = connection.execute(text(query)).fetchall()
        return found


def without_grants(found: dict[str, list[Any]], role: str) -> dict[str, list[Any]]:
    """The same but for what the role and the one it writes by may do."""
    kept = [(name, [grant for grant in grants if role not in grant]) for name, grants in found["grants"]]
    return {**found, "grants": kept}


def record(connection: Connection) -> tuple[str, int, Any] | None:
    """Phase, step and checkpoint of the last migration; None without any."""
    if connection.execute("SELECT to_regclass('abreast.migration')").fetchone() == (None,):
        return None
    row = connection.execute(
        "SELECT phase, step, checkpoint FROM abreast.migration ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return None if row is None else (row[0], row[1], row[2])
