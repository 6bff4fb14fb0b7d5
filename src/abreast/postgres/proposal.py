"""Propose a repair: which of a bad version's rows can be put back, and why the others cannot. Reads only."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import psycopg

from abreast.postgres.changes import COLUMNS, read_changes
from abreast.postgres.connection import Connection, sql
from abreast.postgres.journal import journalled, required
from abreast.postgres.journal_tables import Neighbourhood, is_there, read_neighbourhood, read_table
from abreast.schema.chains import Chains
from abreast.schema.journal import JOURNAL, REPAIR_VERSION, JournalTable
from abreast.schema.names import OWN, Relation
from abreast.schema.repair import UNDO, Action, Proposal, Undo, Verdict, decided
from abreast.schema.undo_sql import Reference, Unique, children_sql, held_sql, occupants_sql, parents_sql

Progress = Callable[[int, int], None]
"""Told how much is done, of how much."""
ROWS_AT_ONCE: Final = 500
ADDED: Final = f"_{OWN}_"
"""How the columns begin that a migration adds while two versions run."""

_TOUCHED: Final = f"""
WITH own AS MATERIALIZED (
    SELECT seq, table_schema, table_name, key, moved_to FROM {JOURNAL.sql}
     WHERE coalesce(version, '') = %(version)s AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)),
touched AS (
    SELECT table_schema, table_name, key FROM own WHERE key IS NOT NULL
    UNION SELECT table_schema, table_name, moved_to FROM own WHERE moved_to IS NOT NULL)
SELECT {COLUMNS}
  FROM {JOURNAL.sql} j LEFT JOIN touched k
    ON k.table_schema = j.table_schema AND k.table_name = j.table_name AND k.key = j.key
 WHERE j.seq >= (SELECT min(seq) FROM own)
   AND (k.key IS NOT NULL OR j.op = 't' OR j.version = '{REPAIR_VERSION}' AND j.request_id LIKE '{UNDO}%%')
 ORDER BY j.seq"""


def silent(done: int, total: int) -> None:
    """Tell nobody."""
    del done, total


def propose(
    connection: Connection, version: str, since: datetime | None = None, progress: Progress = silent
) -> Proposal:
    """What ``version`` wrote since ``since``, row by row, with what can be done about it.

    One REPEATABLE READ transaction: journal and tables are seen as of one moment, so that (unlike a reader who goes on
    from where it stopped) it takes every entry that is committed. RefusedError when there is no journal.
    """
    required(connection)
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        chains = Chains(version)
        for change in read_changes(connection, _TOUCHED, {"version": version, "since": since}):
            chains.add(change)
        neighbours = _Neighbours(connection, chains.undos(), progress)
        rows = neighbours.asked()
        first = connection.execute(sql(f"SELECT min(at) FROM {JOURNAL.sql}")).fetchone()
    return Proposal(version, since, rows, tuple(chains.truncates), first[0] if first else None)


class _Neighbours:
    """Asks the database about each clean row: does it still hold, who points to it, to whom, who has its values."""

    def __init__(self, connection: Connection, undos: list[Undo], progress: Progress) -> None:
        self._connection = connection
        self._undos = {undo.id: undo for undo in undos}
        self._progress = progress
        self._blocked: dict[int, str] = {}
        self._needs: dict[int, set[int]] = defaultdict(set)
        self._tables: dict[Relation, JournalTable] = {}
        self._images: dict[str, dict[str, Any]] = {}

    def asked(self) -> tuple[Undo, ...]:
        """The rows with their final verdicts."""
        places: dict[Relation, Neighbourhood] = {}
        kept = set(journalled(self._connection))
        for relation in {undo.relation for undo in self._clean()}:
            reason = self._unfit(relation, kept)
            if reason is None:
                places[relation] = read_neighbourhood(self._connection, relation)
                self._tables[relation] = places[relation].table
            self._block(self._clean(relation), reason)
        total, done = 2 * len(self._clean()), 0
        for relation, place in places.items():
            for block in _blocks(self._clean(relation)):
                self._compare(place.table, block)
                self._progress(done := done + len(block), total)
        # Only now is it known which rows may go: a neighbour that stays is an obstacle.
        self._live = {(undo.relation, undo.key): undo for undo in self._clean() if undo.bad is not None}
        for relation, place in places.items():
            for block in _blocks(self._clean(relation)):
                self._tie(place, block)
                self._progress(done := done + len(block), total)
        self._progress(total, total)
        return decided(self._undos.values(), self._blocked, self._needs)

    def _clean(self, relation: Relation | None = None) -> list[Undo]:
        return [
            undo
            for undo in self._undos.values()
            if undo.verdict is Verdict.CLEAN
            and undo.id not in self._blocked
            and (relation is None or undo.relation == relation)
        ]

    def _block(self, undos: list[Undo], reason: str | None) -> None:
        if reason is not None:
            self._blocked |= {undo.id: reason for undo in undos}

    def _unfit(self, relation: Relation, kept: set[Relation]) -> str | None:
        if not is_there(self._connection, relation):
            return "the table is not there any more"
        if relation not in kept:
            return "the table is not journalled any more, so that a repair would not be written down"
        return None

    def _compare(self, table: JournalTable, block: list[Undo]) -> None:
        """Sort out rows that do not hold what the version left, and images that do not fit the table any more."""
        columns = {column.name for column in table.columns if not column.generated}
        for undo in block:
            image = undo.bad if undo.before is None else undo.before
            added = columns - self._read(image or "{}").keys()
            if added:
                self._blocked[undo.id] = f"what {', '.join(sorted(added))} should hold is not known: added since"
            elif undo.bad is None and any(
                name.startswith(ADDED) for name in self._read(image or "{}").keys() - columns
            ):
                # Nothing is left to compare with, and what the column is called now may have been another one.
                self._blocked[undo.id] = "the migration was contracted or undone since the row was deleted"
            elif self._read(undo.key).keys() != {part.column for part in table.key}:
                self._blocked[undo.id] = "the table's key is another one now"
        holding = [undo for undo in block if undo.bad is not None and undo.id not in self._blocked]
        for texts in {undo.bad_texts for undo in holding}:
            asked = [undo for undo in holding if undo.bad_texts == texts]
            found = {
                undo.id: row for undo, row in self._ask(held_sql(table, texts), asked, [str(u.bad) for u in asked])
            }
            for undo in asked:
                same, present = found.get(undo.id, (False, None))
                if not same and undo.id not in self._blocked:
                    self._undos[undo.id] = replace(
                        undo,
                        verdict=Verdict.OVERWRITTEN,
                        found=present,
                        reason="it is not what the version left, and the journal has no later write of it",
                    )
                elif undo.action is Action.UPDATE and not undo.differing & columns:
                    gone = f"all of it was in {', '.join(sorted(undo.differing))}, which is gone"
                    self._undos[undo.id] = replace(undo, verdict=Verdict.REPAIRED, reason=gone)

    def _tie(self, place: Neighbourhood, block: list[Undo]) -> None:
        for reference in place.children:
            columns = tuple(part.column for part in reference.parent_columns)
            leaving = [undo for undo in block if undo.bad is not None and self._differs(undo, columns)]
            self._ask_children(reference, leaving)
        coming = [undo for undo in block if undo.before is not None]
        if place.unchecked is not None:
            self._block(coming, f"the constraint {place.unchecked} is deferrable: a repair could not check it")
        for reference in place.parents:
            self._ask_parents(reference, [undo for undo in coming if self._differs(undo, reference.child_columns)])
        for unique in place.uniques:
            columns = tuple(part.column for part in unique.columns)
            self._ask_occupants(unique, columns, [undo for undo in coming if self._differs(undo, columns)])

    def _ask_children(self, reference: Reference, undos: list[Undo]) -> None:
        if not undos:
            return
        child = self._table(reference.child)
        query = children_sql(reference, self._table(reference.parent), child)
        for undo, (key, image) in self._ask(query, undos, [str(u.bad) for u in undos]):
            other = self._live.get((reference.child, key))
            columns = reference.child_columns
            if other is not None and self._values(other.before, columns) != self._values(image, columns):
                self._need(undo, other)
            elif other is None or other.id != undo.id:
                child_row = f"{reference.child} {key}" if key else f"a row of {reference.child}"
                self._blocked.setdefault(undo.id, f"{child_row} depends on it ({reference.name})")

    def _ask_parents(self, reference: Reference, undos: list[Undo]) -> None:
        if not undos:
            return
        parent_columns = tuple(part.column for part in reference.parent_columns)
        coming = {
            self._values(undo.before, parent_columns): undo
            for undo in self._clean(reference.parent)
            if undo.before is not None
        }
        query = parents_sql(reference, self._table(reference.child), self._table(reference.parent))
        for undo, (there, key) in self._ask(query, undos, [str(u.before) for u in undos]):
            other = self._live.get((reference.parent, key))
            if there and (other is None or not self._differs(other, parent_columns)):
                continue
            again = coming.get(self._values(undo.before, reference.child_columns))
            if again is not None:
                self._need(undo, again)
            else:
                gone = "would be taken away" if there else "is gone"
                self._blocked.setdefault(undo.id, f"the row of {reference.parent} it needs {gone} ({reference.name})")

    def _ask_occupants(self, unique: Unique, columns: tuple[str, ...], undos: list[Undo]) -> None:
        if not undos:
            return
        table = self._table(undos[0].relation)
        wanted: dict[tuple[str, ...], list[Undo]] = defaultdict(list)
        for undo in undos:
            values = self._values(undo.before, columns)
            if "null" not in values:
                wanted[values].append(undo)
        for several in wanted.values():
            self._block(several if len(several) > 1 else [], f"another row to put back has the same {unique.name}")
        for undo, (key,) in self._ask(occupants_sql(unique, table), undos, [str(u.before) for u in undos]):
            other = self._live.get((undo.relation, key))
            if other is not None and self._values(other.before, columns) != self._values(undo.before, columns):
                self._need(undo, other)
            elif other is None or other.id != undo.id:
                self._blocked.setdefault(undo.id, f"{undo.relation} {key} has its values now ({unique.name})")

    def _need(self, undo: Undo, other: Undo) -> None:
        if other.id != undo.id:
            self._needs[undo.id].add(other.id)

    def _ask(self, query: str, undos: list[Undo], images: list[str]) -> Iterator[tuple[Undo, tuple[Any, ...]]]:
        """Rows of ``query`` by the row that each is about; what the server cannot read blocks its row alone."""
        if not undos:
            return
        try:
            with self._connection.transaction():
                found = self._connection.execute(sql(query), {"images": f"[{','.join(images)}]"}).fetchall()
        except psycopg.DataError as error:
            if len(undos) == 1:
                self._blocked[undos[0].id] = f"its image does not fit the table any more: {str(error).strip()}"
                return
            for undo, image in zip(undos, images, strict=True):
                yield from self._ask(query, [undo], [image])
            return
        for number, *rest in found:
            yield undos[number - 1], tuple(rest)

    def _table(self, relation: Relation) -> JournalTable:
        if relation not in self._tables:
            self._tables[relation] = read_table(self._connection, relation)
        return self._tables[relation]

    def _differs(self, undo: Undo, columns: tuple[str, ...]) -> bool:
        return self._values(undo.before, columns) != self._values(undo.bad, columns)

    def _values(self, image: str | None, columns: tuple[str, ...]) -> tuple[str, ...]:
        read = self._read(image) if image is not None else {}
        return tuple(json.dumps(read.get(column)) for column in columns) if image is not None else ()

    def _read(self, image: str) -> dict[str, Any]:
        """Numbers as they are written: 1.0 and 1.00 are two values."""
        if image not in self._images:
            self._images[image] = json.loads(image, parse_int=str, parse_float=str)
        return self._images[image]


def _blocks(undos: list[Undo]) -> Iterator[list[Undo]]:
    for start in range(0, len(undos), ROWS_AT_ONCE):
        yield undos[start : start + ROWS_AT_ONCE]
