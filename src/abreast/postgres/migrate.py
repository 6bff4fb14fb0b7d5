"""Carry out plans: adopt, expand, contract, undo. Each may be killed at any statement and given again."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import psycopg
from psycopg import errors

from abreast.model.errors import DatabaseError, RefusedError
from abreast.postgres import records
from abreast.postgres.backfill import Backfill, Pace
from abreast.postgres.belonging import refuse_others_role, refuse_strangers, refuse_unusable
from abreast.postgres.catalog import read_catalog
from abreast.postgres.connection import Connection, sql
from abreast.postgres.indexes import Indexes
from abreast.postgres.patience import Patience
from abreast.postgres.probe import canonical_types, probed
from abreast.postgres.rehearsal import rehearse
from abreast.postgres.roles import refuse_bystanders
from abreast.schema.names import ident
from abreast.schema.operations import Operation
from abreast.schema.plan import Plan, Step
from abreast.schema.planning import adoption_steps, arrival_step, make_plan
from abreast.schema.reshape import reshape, written_types
from abreast.schema.shape import unchanged
from abreast.schema.views import Version, drop_views

_OLD: Final = """
SELECT 'process ' || pid || ' of ' || coalesce(usename, 'nobody'),
       extract(epoch FROM clock_timestamp() - xact_start)::int AS age FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
   AND xact_start < clock_timestamp() - make_interval(secs => %(oldest_s)s)
 UNION ALL SELECT 'the prepared transaction ' || gid, extract(epoch FROM clock_timestamp() - prepared)::int
  FROM pg_prepared_xacts
 WHERE database = current_database() AND prepared < clock_timestamp() - make_interval(secs => %(oldest_s)s)
 ORDER BY age DESC"""
_SESSIONS: Final = """
SELECT pid, coalesce(application_name, ''), to_char(backend_start, 'HH24:MI:SS') FROM pg_stat_activity
 WHERE datname = current_database() AND usename = %s AND pid <> pg_backend_pid() ORDER BY backend_start"""
_UNHURRIED: Final = """
SELECT set_config(name, '0', false) FROM pg_settings
 WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout',
                'idle_session_timeout', 'lock_timeout')"""
"""A database may have defaults for its applications that would cut a backfill short. The second is 17's."""
_SOONEST_MS: Final = 10


@dataclass
class Migrator:
    """Everything that changes a schema. ``connection`` commits each statement by itself.

    ``oldest_s``: expand does not begin while a transaction older than this is open. ``turn_s``: how long to wait for
    another abreast here; the server may take a moment to see that one was killed.
    """

    connection: Connection
    patience: Patience = field(default_factory=Patience)
    pace: Pace = field(default_factory=Pace)
    oldest_s: float = 60.0
    turn_s: float = 5.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def plan(
        self, schema: str, operations: Sequence[Operation], old: Version, new: Version, files: tuple[str, ...] = ()
    ) -> Plan:
        """What would be done. MigrationError with every fault; nothing is changed."""
        return planned(self.connection, schema, operations, old, new, files)

    def adopt(self, version: Version) -> None:
        """Give the version that runs its views and its role, so that it no longer sees the tables themselves.

        RefusedError while two versions run: what each sees then is the plan's. A fence stays.
        """
        with self._turn():
            migration = records.under_way(self.connection, version.schema)
            if migration:
                raise RefusedError(
                    f"the migration to {migration.plan.new_version} is {migration.phase} in {version.schema}: what "
                    "its versions see is settled by its plan",
                    "end it first: abreast data contract, or abreast data undo; then adopt the version that is left",
                )
            refuse_strangers(self.connection, version)
            shape = unchanged(read_catalog(self.connection, version.schema, (version.views,)))
            for step in adoption_steps(shape, version):
                with _told(step.name):
                    self.patience.run(self.connection, step.name, partial(self._statements, version.schema, step))

    def expand(self, plan: Plan, new: Version) -> records.Migration:
        """Begin the plan, or go on with the one that was begun. RefusedError if that is another."""
        with self._turn():
            refuse_strangers(self.connection, new)
            migration = records.under_way(self.connection, plan.schema)
            if migration is None:
                self._no_old_transaction()
                migration = records.begin(self.connection, plan)
            elif migration.plan.new_version != plan.new_version:
                raise RefusedError(
                    f"the migration to {migration.plan.new_version} is {migration.phase} in {plan.schema}",
                    "end it first: abreast data contract, or abreast data undo",
                )
            elif migration.phase not in ("expanding", "expanded"):
                raise RefusedError(
                    f"the migration to {plan.new_version} is {migration.phase}",
                    f"end that first: abreast data {'contract' if migration.phase == 'contracting' else 'undo'}",
                )
            if migration.phase == "expanding":
                self._carry_out(migration, migration.plan.expand, new)
                migration = records.turn_to(self.connection, migration, "expanded")
            return migration

    def contract(self, schema: str, old: Version, unused_for_s: float) -> records.Migration:
        """Leave the new version's side alone. RefusedError while the old version is connected."""
        with self._turn():
            migration = self._ready(schema, ("expanded", "contracting"), "contract")
            refuse_others_role(self.connection, old)
            refuse_bystanders(self.connection, (table.relation for table in migration.plan.tables))
            self.quiet(old, unused_for_s)
            begun = migration.step if migration.phase == "contracting" else 0
            rehearse(self.connection, migration.plan, begun, self.patience, self.clock)
            if migration.phase != "contracting":
                migration = records.turn_to(self.connection, migration, "contracting")
            self._carry_out(migration, migration.plan.contract, None)
            return records.turn_to(self.connection, migration, "contracted")

    def undo(self, schema: str, new: Version, unused_for_s: float) -> records.Migration:
        """Leave the old version's side alone. RefusedError while the new version is connected."""
        with self._turn():
            migration = self._ready(schema, ("expanding", "expanded", "undoing"), "undo")
            refuse_others_role(self.connection, new)
            self.quiet(new, unused_for_s)
            if migration.phase != "undoing":
                migration = records.turn_to(self.connection, migration, "undoing")
            self._carry_out(migration, migration.plan.undo, None)
            return records.turn_to(self.connection, migration, "undone")

    def quiet(self, version: Version, for_s: float) -> None:
        """Nobody is connected as the version's role, and nobody comes for so long; RefusedError otherwise."""
        until = self.clock() + for_s
        while True:
            rows = self.connection.execute(sql(_SESSIONS), [version.role]).fetchall()
            if rows:
                raise RefusedError(
                    f"{version.name} is connected as {version.role}: {len(rows)} session{'s' * (len(rows) > 1)}, "
                    f"the first (process {rows[0][0]}, {rows[0][1] or 'without a name'}) since {rows[0][2]} UTC",
                    f"stop {version.name} first; nothing was changed",
                )
            if self.clock() >= until:
                return
            self.patience.tell(f"seeing that {version.name} stays away", 1 - (until - self.clock()) / max(for_s, 1e-9))
            self.sleep(min(0.5, max(0.0, until - self.clock())))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """No other abreast migrates this database meanwhile. RefusedError if one does."""
        self.connection.execute(_UNHURRIED)
        with suppress(errors.InvalidParameterValue):  # only servers on some systems can look
            self.connection.execute("SET client_connection_check_interval = '1s'")
        records.prepare(self.connection)
        until = self.clock() + self.turn_s
        while not records.take_turn(self.connection):
            if self.clock() >= until:
                raise RefusedError("another abreast migrates this database", "wait until it has ended, then try again")
            self.sleep(0.1)
        try:
            yield
        finally:
            if not self.connection.closed:
                records.give_turn(self.connection)

    def _ready(self, schema: str, phases: tuple[records.Phase, ...], verb: str) -> records.Migration:
        migration = records.under_way(self.connection, schema)
        if migration is None:
            last = records.latest(self.connection, schema)
            what = f"the last, to {last.plan.new_version}, is {last.phase}" if last else "there has been none"
            raise RefusedError(f"no migration of {schema} is under way: {what}", "begin one: abreast data expand")
        if migration.phase not in phases:
            other = {"expanding": "expand", "contracting": "contract", "undoing": "undo"}.get(migration.phase, "status")
            raise RefusedError(
                f"the migration to {migration.plan.new_version} is {migration.phase}: no {verb} now",
                f"end that first: abreast data {other}",
            )
        return migration

    def _no_old_transaction(self) -> None:
        rows = self.connection.execute(sql(_OLD), {"oldest_s": self.oldest_s}).fetchall()
        if rows:
            listed = "; ".join(f"{who}, {age} s" for who, age in rows)
            raise RefusedError(
                f"transactions older than {self.oldest_s:g} s are open: {listed}",
                "end them first, for they hold up every change of a table: "
                "SELECT pg_terminate_backend(PROCESS), or ROLLBACK PREPARED 'NAME'",
            )

    def _carry_out(self, migration: records.Migration, steps: tuple[Step, ...], new: Version | None) -> None:
        for number, step in enumerate(steps):
            if number < migration.step:
                continue
            self.patience.tell(step.name, number / len(steps))
            with _told(step.name, migration.phase):
                self._take(migration, step, number, new if number == len(steps) - 1 else None)
            migration = replace(migration, checkpoint=None)

    def _take(self, migration: records.Migration, step: Step, number: int, arriving: Version | None) -> None:
        """One step, and the note that it is done."""
        indexes = Indexes(self.connection, self.patience, migration.plan.schema)
        if step.kind in ("backfill", "index", "parts", "drop index"):
            match step.kind:
                case "backfill":
                    self._backfill(migration, step)
                case "index":
                    indexes.build(step)
                case "parts":
                    indexes.build_parts(step)
                case _:
                    made = (one for one in migration.plan.expand if step.index and one.index == step.index)
                    indexes.drop(step, next(made, None))
            records.done(self.connection, migration, number + 1)
            return
        plan = migration.plan
        if arriving and plan.opaque and step.kind == "views":
            # SQL of the migration's own has made what only the catalog can tell.
            shape = unchanged(read_catalog(self.connection, plan.schema, (arriving.views,)))
            step = arrival_step(shape, arriving)
            names = [table.new_name for table in shape.tables if table.new_name]
            plan = _taking_away(plan, drop_views(names, arriving))

        def work() -> None:
            self._statements(plan.schema, step)
            if step.kind == "name parts" and step.index:
                indexes.name_parts(step.index)
            if plan is not migration.plan:
                records.replan(self.connection, migration, plan)
            records.done(self.connection, migration, number + 1)

        self.patience.run(self.connection, step.name, work)

    def _statements(self, schema: str, step: Step) -> None:
        """In one transaction. All its waiting for locks takes no longer than one lock time-out.

        For others wait all that time for what it holds already.
        """
        self.connection.execute(sql(f"SET LOCAL search_path = {ident(schema)}, public"))
        allowed_ms = left_ms = self.patience.lock_timeout_ms
        began = self.clock()
        for statement in step.statements:
            self.connection.execute(sql(statement))
            spare_ms = max(_SOONEST_MS, allowed_ms - int((self.clock() - began) * 1000))
            if spare_ms < left_ms - _SOONEST_MS:
                left_ms = spare_ms
                self.connection.execute(sql(f"SET LOCAL lock_timeout = {left_ms:d}"))
        self.connection.execute("SET LOCAL search_path = pg_catalog")

    def _backfill(self, migration: records.Migration, step: Step) -> None:
        table = next(one for one in migration.plan.tables if one.relation == step.table)
        Backfill(self.connection, migration, table, self.patience, self.pace).run()


def _taking_away(plan: Plan, statements: tuple[str, ...]) -> Plan:
    """The plan whose undo begins with these too, where the new version's views are taken away."""
    first, *others = plan.undo
    *before, schema = first.statements
    views = tuple(statement for statement in statements[:-1] if statement not in before)
    return replace(plan, undo=(replace(first, statements=(*before, *views, schema)), *others))


@contextmanager
def _told(step: str, phase: records.Phase | None = None) -> Iterator[None]:
    """What the server refuses, with the step that it refuses. DatabaseError."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate is None or error.sqlstate[:2] in ("08", "57"):
            raise  # the server is gone, which is no fault of the step
        said = ": ".join(filter(None, [error.diag.message_primary or str(error), error.diag.message_detail]))
        way_back = "; or take all back: abreast data undo" if phase == "expanding" else ""
        raise DatabaseError(
            f"{step}: {said}", f"mend that and give the command again: it goes on here{way_back}"
        ) from error


def planned(
    connection: Connection,
    schema: str,
    operations: Sequence[Operation],
    old: Version,
    new: Version,
    files: tuple[str, ...] = (),
) -> Plan:
    """What a migration would do to a database. MigrationError with every fault; nothing is changed.

    RefusedError where a version's role or views are somebody else's.
    """
    for version in (old, new):
        refuse_strangers(connection, version)
    catalog = read_catalog(connection, schema, (old.views, new.views))
    types = canonical_types(connection, schema, written_types(operations))
    shape = reshape(catalog, operations, types)
    facts = probed(connection, shape)
    read = [expression for found in facts.values() for expression in found.expressions.values()]
    refuse_unusable(connection, read, (old, new))
    return make_plan(shape, facts, old, new, files)
