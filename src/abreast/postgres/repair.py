"""Put back what a bad version wrote, as proposed: in bounded transactions, each row only if it still holds that.

A repair writes with ``session_replication_role = replica``: the table's own triggers stay still. What they wrote when
the bad version set them off is in the journal and put back by itself; letting them run again would count it twice,
and an ``updated_at`` would never be as before. Foreign keys are triggers too: they are asked about here, before each
commit, with the locks that the server's own check takes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

import psycopg
from psycopg import errors

from abreast.model.errors import RefusedError
from abreast.postgres.connection import Connection, sql
from abreast.postgres.journal import required
from abreast.postgres.journal_tables import Neighbourhood, is_there, read_neighbourhood
from abreast.postgres.patience import PATIENT, Patience
from abreast.postgres.proposal import Progress, silent
from abreast.schema.journal import JOURNAL, REPAIR_VERSION
from abreast.schema.names import Relation
from abreast.schema.repair import UNDO, Action, Outcome, Proposal, Undo, Verdict
from abreast.schema.undo_order import groups
from abreast.schema.undo_sql import (
    delete_sql,
    doubles_sql,
    insert_sql,
    keep_parents_sql,
    orphans_sql,
    parentless_sql,
    update_sql,
)

ROWS_AT_ONCE: Final = 200
"""Rows put back in one transaction, unless more need each other."""
_REFUSALS: Final = (
    psycopg.IntegrityError,
    psycopg.DataError,
    errors.RaiseException,
    errors.GeneratedAlways,
    errors.UndefinedColumn,
)
_MARKS: Final = f"SELECT request_id FROM {JOURNAL.sql} WHERE version = %s AND seq > %s AND request_id LIKE '{UNDO}%%'"


class _KeptError(Exception):
    """A row that cannot be put back after all; ``verdict`` and ``reason`` are what is reported."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason


def repair(
    connection: Connection, proposal: Proposal, progress: Progress = silent, patience: Patience = PATIENT
) -> Outcome:
    """Put the clean rows of ``proposal`` back, what others need first, otherwise newest first.

    Killed at any moment, the next call (with this proposal or a new one) does what is left; what is done is not done
    again. A row that changed since the proposal is kept and reported, and so are those that needed it. RefusedError
    when the role may not still the tables' triggers.
    """
    required(connection)
    may = connection.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')").fetchone()
    if may is None or not may[0]:
        raise RefusedError(
            "a repair must be able to set session_replication_role, which this role may not",
            "as a superuser: GRANT SET ON PARAMETER session_replication_role TO the role of `data.url`",
        )
    return _Repair(connection, patience).done(proposal, progress)


class _Repair:
    def __init__(self, connection: Connection, patience: Patience) -> None:
        self._connection = connection
        self._patience = patience
        self._places: dict[Relation, Neighbourhood] = {}
        self._kept: dict[int, Undo] = {}
        self._restored = 0

    def done(self, proposal: Proposal, progress: Progress) -> Outcome:
        marked = self._marked(proposal)
        total, seen = len(proposal.of(Verdict.CLEAN)), 0
        for batch in _batches(groups(proposal.rows)):
            left = [group for group in batch if not {undo.id for undo in group} <= marked]
            self._put_back(left)
            progress(seen := seen + sum(map(len, batch)), total)
        return Outcome(self._restored, tuple(self._kept.values()))

    def _marked(self, proposal: Proposal) -> set[int]:
        """The rows that an earlier run, or one killed, put back."""
        first = min((undo.id for undo in proposal.rows), default=0)
        found = self._connection.execute(sql(_MARKS), [REPAIR_VERSION, first]).fetchall()
        return {int(row[0].removeprefix(UNDO)) for row in found}

    def _put_back(self, batch: list[tuple[Undo, ...]]) -> None:
        """All groups in one transaction; when one of them will not go, each in its own."""
        possible = [group for group in batch if not self._misses(group)]
        try:
            self._attempt(possible)
        except (_KeptError, *_REFUSALS):
            for group in possible:
                self._put_back_alone(group)

    def _put_back_alone(self, group: tuple[Undo, ...]) -> None:
        if self._misses(group):
            return
        try:
            self._attempt([group])
        except _KeptError as kept:
            self._keep(group, kept.verdict, kept.reason)
        except _REFUSALS as error:
            self._keep(group, Verdict.DEPENDENT, f"the server refuses it: {error.diag.message_primary or error}")

    def _misses(self, group: tuple[Undo, ...]) -> bool:
        """Whether a row that must go first was kept: then this group is, too."""
        kept = [self._kept[need] for undo in group for need in undo.needs if need in self._kept]
        if kept:
            reason = f"it can only be put back after {kept[0].relation} {kept[0].key}, which stays as it is"
            self._keep(group, Verdict.DEPENDENT, reason)
        return bool(kept)

    def _keep(self, group: tuple[Undo, ...], verdict: Verdict, reason: str) -> None:
        self._kept |= {undo.id: replace(undo, verdict=verdict, reason=reason) for undo in group}

    def _attempt(self, batch: list[tuple[Undo, ...]]) -> None:
        undos = [undo for group in batch for undo in group]
        if undos:
            for relation in {undo.relation for undo in undos}:
                self._place(relation)
            self._patience.run(self._connection, "putting rows back", partial(self._transaction, undos))
            self._restored += len(undos)

    def _transaction(self, undos: list[Undo]) -> None:
        self._connection.execute(
            "SELECT set_config('abreast.version', %s, true), set_config('session_replication_role', 'replica', true)",
            [REPAIR_VERSION],
        )
        for undo in undos:
            self._one(undo)
        for relation in {undo.relation for undo in undos}:
            self._check(self._place(relation), [undo for undo in undos if undo.relation == relation])

    def _one(self, undo: Undo) -> None:
        self._connection.execute("SELECT set_config('abreast.request_id', %s, true)", [f"{UNDO}{undo.id}"])
        made = self._connection.execute(sql(self._statement(undo)), {"bad": undo.bad, "before": undo.before}).fetchone()
        if made is None:
            raise _KeptError(Verdict.OVERWRITTEN, "it changed after the repair was proposed")
        if not made[0]:
            raise _KeptError(
                Verdict.DEPENDENT, "something of the table (a trigger enabled ALWAYS?) changes what is put back"
            )

    def _statement(self, undo: Undo) -> str:
        table = self._place(undo.relation).table
        if undo.action is Action.DELETE:
            return delete_sql(table, undo.bad_texts)
        if undo.action is Action.INSERT:
            return insert_sql(table, undo.before_texts)
        differing = undo.differing
        columns = tuple(column for column in table.columns if column.name in differing and not column.generated)
        return update_sql(table, columns, undo.before_texts, undo.bad_texts)

    def _check(self, place: Neighbourhood, undos: list[Undo]) -> None:
        """What stilled triggers would have checked: foreign keys both ways, and uniqueness that is deferrable."""
        left = _images(undo.bad for undo in undos)
        come = _images(undo.before for undo in undos)
        for reference in place.parents:
            self._connection.execute(sql(keep_parents_sql(reference, place.table)), come)
            self._none(parentless_sql(reference, place.table), come, f"the row it points to is gone ({reference.name})")
        for reference in place.children:
            self._none(orphans_sql(reference, place.table), left, f"a row of {reference.child} depends on it")
        for unique in place.uniques:
            if not unique.immediate:
                self._none(doubles_sql(unique, place.table), come, f"another row has its values ({unique.name})")

    def _none(self, query: str, images: dict[str, str], reason: str) -> None:
        if self._connection.execute(sql(query), images).fetchone() is not None:
            raise _KeptError(Verdict.DEPENDENT, reason)

    def _place(self, relation: Relation) -> Neighbourhood:
        if relation not in self._places:
            if not is_there(self._connection, relation):
                raise _KeptError(Verdict.DEPENDENT, "the table is not there any more")
            self._places[relation] = read_neighbourhood(self._connection, relation)
        return self._places[relation]


def _images(images: Iterable[str | None]) -> dict[str, str]:
    return {"images": f"[{','.join(image for image in images if image is not None)}]"}


def _batches(made: list[tuple[Undo, ...]]) -> Iterator[list[tuple[Undo, ...]]]:
    batch: list[tuple[Undo, ...]] = []
    for group in made:
        if batch and sum(map(len, batch)) + len(group) > ROWS_AT_ONCE:
            yield batch
            batch = []
        batch.append(group)
    if batch:
        yield batch
