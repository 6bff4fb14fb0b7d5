"""Statements of both versions, and of a writer that is neither, carried out on a server and in the model alike."""

import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

import psycopg
from psycopg import sql

from abreast.postgres.backfill import Pace
from abreast.postgres.connection import Connection, connected
from abreast.postgres.connection import sql as text
from abreast.postgres.migrate import Migrator
from abreast.postgres.patience import Patience
from abreast.schema.migration import read_migration
from abreast.schema.plan import Plan
from abreast.schema.views import Version
from tests.postgres import sync_model as model
from tests.postgres.sync_model import Row, Value

OLD: Final = Version("v1", "shop_v1", "public")
NEW: Final = Version("v2", "shop_v2", "public")
NEITHER: Final = "a restore"

Kind = Literal["insert", "update", "upsert", "delete"]


@dataclass(frozen=True)
class Act:
    """One statement. ``values`` by the table's names; an update without any sets ``name`` to itself."""

    kind: Kind
    writer: str
    id: int
    values: Mapping[str, Value] = field(default_factory=dict)


class Shop:
    """A database with the table of the model, three writers, and the model beside it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stack = ExitStack()
        self.rows: dict[int, Row] = {}
        self.sessions: dict[str, psycopg.Connection[tuple[Any, ...]]] = {}
        self.filling = True

    def __enter__(self) -> Self:
        self.own: Connection = self.stack.enter_context(connected(self.url))
        self.own.execute(text(model.TABLE))
        Migrator(self.own).adopt(OLD)
        self.plan: Plan = self.migrator(Patience()).plan(
            "public", read_migration("m.yaml", model.MIGRATION).operations, OLD, NEW
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        self.stack.close()

    def migrator(self, patience: Patience) -> Migrator:
        """One that takes three rows at a time and never pauses."""
        return Migrator(self.own, patience, Pace(smallest=3, largest=3, sleep=lambda _: None), sleep=lambda _: None)

    def fresh(self, rows: Iterable[Row]) -> None:
        """As before the migration, with these rows of v1's."""
        self.leave()
        self.own.execute("DROP SCHEMA IF EXISTS public_v2 CASCADE")
        self.own.execute("DROP TABLE public.products CASCADE")
        self.own.execute("DROP FUNCTION public.trim_name()")
        self.own.execute("TRUNCATE abreast.migration")
        self.own.execute(text(model.TABLE))
        Migrator(self.own).adopt(OLD)
        self.filling = True
        self.rows = {}
        for row in rows:
            self.do(Act("insert", "v1", int(row["id"] or 0), row))

    def expand(self, between: Iterable[list[Act]]) -> None:
        """Expand; between its steps and the batches of its backfill these acts, in their order."""
        turns = iter(between)

        def turn(_: str, share: float | None) -> None:
            if share is not None:
                for act in next(turns, []):
                    self.do(act)

        self.migrator(Patience(tell=turn)).expand(self.plan, NEW)
        self.filling = False
        self.rows = {number: model.filled(row) for number, row in self.rows.items()}

    def session(self, writer: str) -> psycopg.Connection[tuple[Any, ...]]:
        """The writer's connection: it prepares what it says at once, as a pool's would after a while."""
        if writer not in self.sessions:
            user = {"v1": OLD.role, "v2": NEW.role}.get(writer, "postgres")
            self.sessions[writer] = psycopg.connect(self.url, user=user, autocommit=True, prepare_threshold=1)
        return self.sessions[writer]

    def leave(self) -> None:
        """End the writers' sessions, and wait until the server has seen it."""
        pids = [session.info.backend_pid for session in self.sessions.values()]
        while self.sessions:
            self.sessions.popitem()[1].close()
        deadline = time.monotonic() + 10
        while pids and self.own.execute("SELECT 1 FROM pg_stat_activity WHERE pid = ANY(%s)", [pids]).fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def do(self, act: Act) -> None:
        """Carry it out on the server and in the model. Both must touch the same rows."""
        before = self.rows.get(act.id)
        cursor = self.session(act.writer).execute(*_statement(act))
        if act.kind == "delete":
            assert cursor.rowcount == (before is not None)
            self.rows.pop(act.id, None)
        elif act.kind == "update":
            assert cursor.rowcount == (before is not None)
            if before is not None:
                self.rows[act.id] = model.updated(before, act.values, act.writer)
        elif before is None:
            assert cursor.rowcount == 1
            self.rows[act.id] = model.inserted({**act.values, "id": act.id}, act.writer)
        elif act.kind == "upsert":
            assert cursor.rowcount == 1
            self.rows[act.id] = model.upserted(before, {**act.values, "id": act.id}, act.writer)
        else:
            assert cursor.rowcount == 0
        if self.filling and act.id in self.rows:
            # Without the new columns, or with some that a backfill goes over anyhow.
            self.rows[act.id] = model.filled(self.rows[act.id])

    def seen(self, relation: str, columns: Mapping[str, str]) -> dict[int, Row]:
        """The rows of a table or view, by their key, under the table's names."""
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        query = sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(*relation.split(".")))
        rows = [dict(zip(columns.values(), row, strict=True)) for row in self.own.execute(query)]
        return {row["id"]: row for row in rows}

    def expected(self, columns: Mapping[str, str]) -> dict[int, Row]:
        """The same of the model."""
        return {number: {name: row[name] for name in columns.values()} for number, row in self.rows.items()}

    def divergent(self) -> int:
        """Rows whose two sides contradict each other, as the plan tells them."""
        (table,) = self.plan.tables
        row = self.own.execute(text(f"SELECT count(*) FROM public.products AS new WHERE {table.divergent}")).fetchone()
        return int(row[0]) if row else -1


def _statement(act: Act) -> tuple[sql.Composed, list[Value]]:
    relation = {"v1": ("public_v1", "products"), "v2": ("public_v2", "products")}.get(
        act.writer, ("public", "products")
    )
    known = {physical: name for name, physical in (model.V2 if act.writer == "v2" else {}).items()}
    names = {name: sql.Identifier(known.get(name, name)) for name in ("id", "name", *act.values)}
    where = sql.SQL("{} WHERE id = %s")
    table = sql.Identifier(*relation)
    if act.kind == "delete":
        return sql.SQL("DELETE FROM {} WHERE id = %s").format(table), [act.id]
    if act.kind == "update":
        sets = [sql.SQL("{} = %s").format(names[name]) for name in act.values or ()]
        sets = sets or [sql.SQL("{0} = {0}").format(names["name"])]
        changed = sql.SQL("UPDATE {} SET {}").format(table, sql.SQL(", ").join(sets))
        return where.format(changed), [*act.values.values(), act.id]
    values = {**act.values, "id": act.id}
    listed = sql.SQL(", ").join(names[name] for name in values)
    insert = sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ").format(
        table, listed, sql.SQL(", ").join([sql.Placeholder()] * len(values))
    )
    if act.kind == "insert":
        return insert + sql.SQL("DO NOTHING"), list(values.values())
    taken = [sql.SQL("{0} = excluded.{0}").format(names[name]) for name in act.values]
    return insert + sql.SQL("(id) DO UPDATE SET ") + sql.SQL(", ").join(taken), list(values.values())
