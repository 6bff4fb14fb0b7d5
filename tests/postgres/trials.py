"""A schema that two versions write, from expand to its end: what tests of migrations share."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from abreast.model.errors import Fault, MigrationError
from abreast.postgres.backfill import Pace
from abreast.postgres.connection import Connection, connected, sql
from abreast.postgres.migrate import Migrator
from abreast.postgres.patience import Patience
from abreast.schema.migration import read_migration
from abreast.schema.names import ident
from abreast.schema.operations import Operation
from abreast.schema.plan import Plan
from abreast.schema.views import Version

OLD, NEW, NEXT = "v1", "v2", "v3"

_DESCRIBED = {
    "tables": """SELECT c.relname, c.relkind::text, c.relreplident::text, obj_description(c.oid, 'pg_class'),
        c.relrowsecurity, c.relforcerowsecurity FROM pg_class c
        WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('r', 'p', 'S', 'v') ORDER BY 1""",
    "columns": """SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text, a.attcollation::regcollation::text,
        col_description(c.oid, a.attnum), pg_get_serial_sequence(c.oid::regclass::text, a.attname)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1, 2""",
    "constraints": """SELECT conrelid::regclass::text,
        CASE contype WHEN 'n' THEN '' ELSE conname END, contype::text, pg_get_constraintdef(oid), convalidated
        FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace AND conrelid <> 0 ORDER BY 1, 2""",
    "indexes": """SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = %(name)s ORDER BY 1, 2""",
    "triggers": """SELECT tgrelid::regclass::text, tgname FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
        WHERE c.relnamespace = %(schema)s::regnamespace AND NOT tgisinternal ORDER BY 1, 2""",
}


@dataclass
class Trial:
    """A database with a schema in use; ``old`` writes as v1 and ``new`` as v2 once it is expanded."""

    url: str
    connection: Connection
    schema: str = "shop"
    old_name: str = OLD
    new_name: str = NEW
    sessions: dict[str, Connection] = field(default_factory=dict)

    @property
    def old(self) -> Version:
        """The version that runs."""
        return Version(self.old_name, f"app {self.old_name}", self.schema)

    @property
    def new(self) -> Version:
        """The version that is to come."""
        return Version(self.new_name, f"app {self.new_name}", self.schema)

    @property
    def migrator(self) -> Migrator:
        """One that gives up soon, so that no test hangs."""
        return Migrator(self.connection, Patience(longest_s=5.0), Pace(sleep=_at_once))

    def plan(self, text: str) -> Plan:
        """The plan of a migration's text."""
        return self.migrator.plan(self.schema, operations(text), self.old, self.new)

    def expand(self, text: str) -> Plan:
        """Plan and expand."""
        plan = self.plan(text)
        self.migrator.expand(plan, self.new)
        return plan

    def contract(self) -> None:
        """The old version is not needed any more."""
        self.leave()
        self.migrator.contract(self.schema, self.old, 0.0)

    def undo(self) -> None:
        """The new version was not good."""
        self.leave()
        self.migrator.undo(self.schema, self.new, 0.0)

    def next(self) -> "Trial":
        """The same schema, where v2 runs and v3 is to come."""
        return Trial(self.url, self.connection, self.schema, NEW, NEXT)

    def as_version(self, name: str, *statements: str) -> list[tuple[Any, ...]]:
        """The rows of the last statement that has any, written and read as that version."""
        if name not in self.sessions:
            self.sessions[name] = psycopg.connect(self.url, user=f"app {name}", autocommit=True)
        rows: list[tuple[Any, ...]] = []
        for statement in statements:
            cursor = self.sessions[name].execute(sql(statement))
            if cursor.description:
                rows = cursor.fetchall()
        return rows

    def leave(self) -> None:
        """Both versions disconnect; the server has seen it."""
        pids = [session.info.backend_pid for session in self.sessions.values()]
        while self.sessions:
            self.sessions.popitem()[1].close()
        until = time.monotonic() + 10
        query = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
        while (self.connection.execute(query, [pids]).fetchone() or (0,))[0]:
            assert time.monotonic() < until, "sessions do not end"
            time.sleep(0.005)

    def described(self, schema: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
        """What is in the schema, in the server's words, without its name."""
        name = schema or self.schema
        found = {}
        with self.connection.transaction():
            self.connection.execute(sql(f"SET LOCAL search_path = {ident(name)}"))
            for kind, query in _DESCRIBED.items():
                rows = self.connection.execute(sql(query), {"schema": ident(name), "name": name}).fetchall()
                found[kind] = sorted(tuple(_without(value, name) for value in row) for row in rows)
        return found


@contextmanager
def trial(url: str, setup: str, schema: str = "shop") -> Iterator[Trial]:
    """A database whose schema is made by this SQL, which runs with the schema on the search path."""
    with connected(url) as connection:
        made = Trial(url, connection, schema)
        prepare(made, schema, setup)
        try:
            yield made
        finally:
            made.leave()


def prepare(made: Trial, schema: str, setup: str) -> None:
    """Make a schema by SQL."""
    made.connection.execute(sql(f"CREATE SCHEMA IF NOT EXISTS {ident(schema)}"))
    made.connection.execute(sql(f"SET search_path = {ident(schema)}, public"))
    made.connection.execute(sql(setup))
    made.connection.execute("SET search_path = pg_catalog")


def operations(text: str) -> tuple[Operation, ...]:
    """Those of a migration's text: with or without its first line."""
    whole = text if "operations:" in text else f"operations:\n{text}"
    return read_migration("m.yaml", whole).operations


def refused(made: Trial, text: str) -> tuple[Fault, ...]:
    """The faults of a migration that cannot be planned; nothing has changed by asking."""
    before = made.described()
    with pytest.raises(MigrationError) as raised:
        made.plan(text)
    assert made.described() == before
    return raised.value.faults


def _at_once(seconds: float) -> None:
    """No rest: nobody is disturbed."""


def _without(value: object, schema: str) -> str:
    if not isinstance(value, str):
        return str(value)
    return value.replace(f"{ident(schema)}.", "").replace(f"{schema}.", "")
