"""What people do with the data of two versions: one function a command, over one connection."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from abreast.model.data_settings import DataSettings
from abreast.model.errors import RefusedError, UsageError
from abreast.model.spec import Spec
from abreast.postgres import journal, records, roles
from abreast.postgres.backfill import Pace
from abreast.postgres.belonging import excluding_policies
from abreast.postgres.catalog import read_catalog
from abreast.postgres.changes import changes
from abreast.postgres.connection import Connection, connected
from abreast.postgres.consistency import TableCheck, check, mend
from abreast.postgres.hand import Hand, claim
from abreast.postgres.journal_tables import is_there
from abreast.postgres.migrate import Migrator, planned
from abreast.postgres.patience import Patience, Telling
from abreast.postgres.proposal import propose
from abreast.postgres.repair import repair
from abreast.postgres.roles import RoleState, role_state
from abreast.schema.migration import combined
from abreast.schema.names import Relation
from abreast.schema.operations import CreateTable
from abreast.schema.plan import Plan
from abreast.schema.repair import Change, Outcome, Proposal
from abreast.schema.views import Version
from abreast.spec_source import migrations_of


@dataclass(frozen=True)
class DataStatus:
    """Where the data stands. ``migration`` is the last one; None before the first."""

    migration: records.Migration | None
    roles: tuple[RoleState, ...]
    journalled: tuple[Relation, ...]


@dataclass
class Data:
    """The database of a service, as its spec names it."""

    spec: Spec
    settings: DataSettings
    connection: Connection
    tell: Telling

    def version(self, name: str) -> Version:
        """A version of the spec's. UsageError if there is none."""
        if name not in self.spec.keys.versions:
            names = ", ".join(self.spec.keys.versions)
            raise UsageError(f"no version is called {name!r}; the spec has: {names}", "name one of these")
        return Version(name, self.settings.role(self.spec.service().name, name), self.settings.schema)

    def candidate(self, named: str | None) -> str:
        """The version meant: the named one, that of the migration under way, or the only one with migrations left."""
        if named:
            return self.version(named).name
        current = records.under_way(self.connection, self.settings.schema)
        if current:
            return current.plan.new_version
        done = records.contracted(self.connection, self.settings.schema)
        left = [name for name, _ in self.settings.migrations if name not in done]
        if len(left) == 1:
            return left[0]
        raise UsageError(
            f"several versions have migrations: {', '.join(left)}" if left else "no version has migrations to expand",
            "name the version" if left else "write them under `data.migrations` of the spec",
        )

    def previous(self, named: str | None, candidate: str) -> str:
        """The version that runs beside the candidate: the named one, that of the last contract, or `stable`."""
        if named:
            return self.version(named).name
        current = records.under_way(self.connection, self.settings.schema)
        if current:
            return current.plan.old_version
        last = records.latest(self.connection, self.settings.schema)
        if last:
            return last.plan.new_version if last.phase == "contracted" else last.plan.old_version
        stable = self.spec.service().stable
        if stable == candidate:
            raise UsageError(
                f"{candidate} is the spec's stable version, so it is not known what runs beside it",
                "name the version before it: --from VERSION",
            )
        return stable

    def plan(self, named: str | None, previous: str | None) -> Plan:
        """What expand, contract and undo would do; that of the migration under way is the one that was kept."""
        candidate = self.candidate(named)
        current = records.under_way(self.connection, self.settings.schema)
        if current and current.plan.new_version == candidate:
            return current.plan
        if current:
            raise RefusedError(
                f"the migration to {current.plan.new_version} is {current.phase}: none to {candidate} beside it",
                "end it first: abreast data contract, or abreast data undo",
            )
        old, new = self.version(self.previous(previous, candidate)), self.version(candidate)
        if old == new:
            raise UsageError(f"{candidate} cannot run beside itself", "name two versions")
        migrations = migrations_of(self.spec, candidate)
        files = tuple(migration.file for migration in migrations)
        operations = combined(migrations)
        made = planned(self.connection, self.settings.schema, operations, old, new, files)
        coming = {each.name for each in operations if isinstance(each, CreateTable)}
        journal.require(self.connection, (each for each in self._tagged() if each.name not in coming))
        return made

    def adopt(self, named: str) -> Version:
        """Give a version that runs its own side."""
        version = self.version(named)
        self.migrator().adopt(version)
        return version

    def excluded(self, version: Version) -> tuple[str, ...]:
        """What is to be said of a version's role before it is used: tables whose rows it is not shown."""
        return excluding_policies(self.connection, version)

    def expand(self, named: str | None, previous: str | None) -> records.Migration:
        """Begin, or go on with, the candidate's migration; the tables that the spec names are journalled by its end."""
        plan = self.plan(named, previous)
        self.journal()
        migration = self.migrator().expand(plan, self.version(plan.new_version))
        self.journal()
        return migration

    def contract(self) -> records.Migration:
        """End the migration with the new version."""
        plan = self.under_way("contract").plan
        ended = self.migrator().contract(plan.schema, self.version(plan.old_version), self.settings.unused_for_s)
        self.journal()
        return ended

    def undo(self) -> records.Migration:
        """End the migration with the old version."""
        plan = self.under_way("undo").plan
        ended = self.migrator().undo(plan.schema, self.version(plan.new_version), self.settings.unused_for_s)
        self.journal()
        return ended

    def role(self, named: str) -> RoleState:
        """The version's role now."""
        return role_state(self.connection, self.version(named))

    def fence(self, named: str, open_s: float = roles.OPEN_S) -> float:
        """Take the version's writes away, and wait ``open_s`` for those it has open; how many seconds that took."""
        began = time.perf_counter()
        roles.fence(self.connection, self.version(named), self.patience(), open_s)
        return time.perf_counter() - began

    def unfence(self, named: str) -> None:
        """Let the version write again."""
        roles.unfence(self.connection, self.version(named), self.patience())

    def check(self, limit: int = 100) -> tuple[TableCheck, ...]:
        """Look at every row that two versions see; what contradicts is kept as drift. RefusedError between migrations.

        At most ``limit`` rows of a table are told, all are counted.
        """
        migration = self.both("check")
        return check(self.connection, migration.plan.tables, limit, self.tell)

    def mend(self, side: Literal["old", "new"]) -> int:
        """Make every contradicting row again from the side that is right; how many."""
        migration = self.both("mend")
        return mend(self.connection, migration.plan.tables, side, self.patience())

    def changes(self, named: str, since: datetime | None, tables: tuple[str, ...]) -> Iterator[Change]:
        """What the version wrote, oldest first."""
        relations = tuple(Relation(self.settings.schema, table) for table in tables)
        return changes(self.connection, self.version(named).name, since, relations)

    def propose(self, named: str, since: datetime | None) -> Proposal:
        """What can be done about what the version wrote; nothing is changed."""
        return propose(self.connection, self.version(named).name, since, self._counted("looking at"))

    def repair(self, proposal: Proposal) -> Outcome:
        """Put the clean rows back."""
        return repair(self.connection, proposal, self._counted("putting back"), self.patience())

    def journal(self) -> None:
        """Journal the tables that the spec names, make the days to come, drop those that are over."""
        wanted = tuple(table for table in self._tagged() if is_there(self.connection, table))  # or no longer
        if wanted:
            patience, kept = self.patience(), timedelta(seconds=self.settings.keep_tags_s)
            journal.enable(self.connection, wanted, patience)  # also those that have one: columns may have changed
            journal.maintain(self.connection, datetime.now(UTC), kept, patience)

    def status(self) -> DataStatus:
        """Where everything stands."""
        last = records.latest(self.connection, self.settings.schema)
        names = [last.plan.old_version, last.plan.new_version] if last else [self.spec.service().stable]
        known = [name for name in names if name in self.spec.keys.versions]
        states = tuple(role_state(self.connection, self.version(name)) for name in known)
        return DataStatus(
            last, states, journal.journalled(self.connection) if records.prepared(self.connection) else ()
        )

    def migrator(self) -> Migrator:
        """With the spec's patience and pace."""
        pace = Pace(rest=self.settings.pause, replica_lag_s=self.settings.replica_lag_s)
        return Migrator(self.connection, self.patience(), pace, self.settings.oldest_transaction_s)

    def patience(self) -> Patience:
        """How long a lock is waited for."""
        return Patience(lock_timeout_ms=round(self.settings.lock_timeout_s * 1000), tell=self.tell)

    def _counted(self, doing: str) -> Callable[[int, int], None]:
        return lambda done, total: self.tell(f"{doing} rows: {done:,} of {total:,}", done / total if total else None)

    def _tagged(self) -> tuple[Relation, ...]:
        tags = self.settings.tags
        if not tags:
            return ()
        schema = self.settings.schema
        if tags is not True:
            return tuple(Relation(schema, name) for name in tags)
        return tuple(table.relation for table in read_catalog(self.connection, schema).tables.values())

    def under_way(self, verb: str) -> records.Migration:
        """The migration that has not ended. RefusedError, which says that there is nothing to ``verb``."""
        found = records.under_way(self.connection, self.settings.schema)
        if found is None:
            last = records.latest(self.connection, self.settings.schema)
            what = f"the last, to {last.plan.new_version}, is {last.phase}" if last else "there has been none"
            raise RefusedError(
                f"nothing to {verb}: no migration of {self.settings.schema} is under way; {what}",
                "see: abreast data status",
            )
        return found

    def both(self, verb: str) -> records.Migration:
        """The migration whose two sides are there whole. RefusedError before and afterwards."""
        found = self.under_way(verb)
        if found.phase != "expanded":
            then = {"expanding": "expand", "contracting": "contract", "undoing": "undo"}[found.phase]
            raise RefusedError(
                f"nothing to {verb}: the migration to {found.plan.new_version} is {found.phase}, and one of its sides "
                "is not whole",
                f"go on with: abreast data {then}",
            )
        return found


@contextmanager
def opened(spec: Spec, tell: Telling, hand: Hand | None = None) -> Iterator[Data]:
    """The spec's database; where one of several shall have it, for as long as no newer ``hand`` claims it.

    UsageError if the spec names none, DatabaseError if it does not answer, LeaseLostError if another has it.
    """
    settings = spec.data
    if settings is None:
        raise UsageError("the spec has no `data`", "write there what docs/data.md shows: data: {url: postgresql:///…}")
    named = {"application_name": hand.session} if hand else {}
    with connected(settings.url, **named) as connection:
        if hand:
            claim(connection, hand)
        yield Data(spec, settings, connection, tell)
