"""Build and drop indexes while rows are written. What is there is ours if it is on our table and defined as ours is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import psycopg
from psycopg import errors

from abreast.model.errors import DatabaseError
from abreast.postgres.connection import Connection, sql
from abreast.postgres.copies import index_tail
from abreast.postgres.patience import Patience, unhurried
from abreast.postgres.scratch import Scratch
from abreast.schema.names import Relation, ident, made_name
from abreast.schema.plan import PART, PARTITION, Step

_FOUND: Final = """
SELECT i.indrelid = to_regclass(%(table)s), coalesce(i.indisvalid, false), coalesce(i.indisunique, false),
       EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid), c.relkind = 'I'
  FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE c.oid = to_regclass(%(index)s)"""
_PARTITIONS: Final = """
SELECT n.nspname, c.relname, EXISTS (SELECT FROM pg_inherits a JOIN pg_index i ON i.indexrelid = a.inhrelid
                                      WHERE a.inhparent = to_regclass(%(index)s) AND i.indrelid = c.oid)
  FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE h.inhparent = to_regclass(%(table)s) AND NOT h.inhdetachpending ORDER BY 1, 2"""
_PARTS: Final = """
SELECT n.nspname, x.relname, t.relname FROM pg_inherits h JOIN pg_class x ON x.oid = h.inhrelid
  JOIN pg_namespace n ON n.oid = x.relnamespace JOIN pg_index i ON i.indexrelid = x.oid
  JOIN pg_class t ON t.oid = i.indrelid WHERE h.inhparent = to_regclass(%s) ORDER BY 1, 2"""
_ROUNDS: Final = 20
"""How often partitions are read anew while others come and go."""
_NAMES: Final = 100


@dataclass(frozen=True)
class _Found:
    """What has an index's name. ``on_table``: it is an index of the table; None where it is no index at all."""

    on_table: bool | None
    valid: bool
    unique: bool
    attached: bool
    partitioned: bool


@dataclass(frozen=True)
class Indexes:
    """The indexes of one schema's migration."""

    connection: Connection
    patience: Patience
    schema: str

    def build(self, step: Step) -> None:
        """One index; what a killed try has left is taken away first. DatabaseError if the name is another's."""
        table, index = _things(step)
        self.patience.again(self.connection, step.name, partial(self._build, step, step.statements[0], table, index))

    def build_parts(self, step: Step) -> None:
        """One index of a partitioned table, on every partition there is; DatabaseError if it does not become whole."""
        table, index = _things(step)
        whole, part, attach = step.statements
        found = self._found(table, index)
        if found is None:
            self._at_once(step, whole)
        elif not self._ours(found, whole, table, index):
            raise _taken(step, index, table)
        for _ in range(_ROUNDS):
            left = [partition for partition, attached in self._partitions(table, index) if not attached]
            if not left:
                break
            for partition in left:
                try:
                    made = self._build_part(step, part, partition, index)
                    self._at_once(step, attach.replace(PART, made.sql))
                except errors.UndefinedTable:
                    continue  # the partition has gone meanwhile
        self._see_whole(step, attach, table, index)

    def drop(self, step: Step, made: Step | None) -> None:
        """One index. Of ``made``, the step that built it, is told whether it is ours: another's stays."""
        assert step.index is not None  # noqa: S101  # steps of this kind have one
        table, index = step.table, step.index
        found = self._found(table or index, index)
        ours = found is not None and (table is None or bool(found.on_table))
        if found and ours and made and table:
            ours = self._ours(found, made.statements[0], table, index)
        if found and ours and (found.partitioned or (made and made.kind == "parts")):
            self._at_once(step, step.statements[0])
        elif found and ours:
            self._concurrently(step, index)
        if made and table and made.kind == "parts":
            for partition, _ in self._partitions(table, index):
                for part, there in self._named(partition, index):
                    if not there.attached and self._ours(there, made.statements[1], partition, part):
                        self._concurrently(step, part)

    def name_parts(self, index: Relation) -> None:
        """Call the parts of a partitioned table's index after it, where that name is free."""
        for schema, name, partition in self.connection.execute(_PARTS, [index.sql]).fetchall():
            wanted = Relation(schema, made_name("", f"{partition}_{index.name}"))
            if name != wanted.name and not self._found(wanted, wanted):
                part = Relation(schema, name)
                self.connection.execute(sql(f"ALTER INDEX {part.sql} RENAME TO {ident(wanted.name)}"))

    def fault(self, step: Step) -> str | None:
        """Why the index that the step has built is not one to rely on; None if it is."""
        table, index = _things(step)
        found = self._found(table, index)
        if found is None or not found.on_table:
            return f"the index {index.name} of {table.name} is gone"
        return None if found.valid else f"the index {index.name} of {table.name} is not valid"

    def _build(self, step: Step, statement: str, table: Relation, index: Relation) -> None:
        found = self._found(table, index)
        if found and not self._ours(found, statement, table, index):
            raise _taken(step, index, table)
        if found and found.valid:
            return
        drop = sql(f"DROP INDEX CONCURRENTLY IF EXISTS {index.sql}")
        with unhurried(self.connection):
            if found:
                self.connection.execute(drop)
            try:
                self.connection.execute(sql(statement))
            except errors.UniqueViolation as error:
                self.connection.execute(drop)
                raise DatabaseError(
                    f"{step.name}: {error.diag.message_primary} ({error.diag.message_detail})",
                    "mend those rows and give the command again, or take it back: abreast data undo",
                ) from error

    def _build_part(self, step: Step, statement: str, partition: Relation, index: Relation) -> Relation:
        """The index of one partition, by a name that is nobody else's."""
        for number in range(_NAMES):
            part = _part(partition, index, number)
            found = self._found(partition, part)
            text = statement.replace(PARTITION, partition.sql).replace(PART, ident(part.name))
            if found is None or (not found.attached and self._ours(found, statement, partition, part)):
                work = partial(self._build, step, text, partition, part)
                self.patience.again(self.connection, step.name, work)
                return part
        raise _taken(step, _part(partition, index, 0), partition)

    def _see_whole(self, step: Step, attach: str, table: Relation, index: Relation) -> None:
        for _, part in self._named_parts(index)[:1]:
            found = self._found(table, index)
            if found and not found.valid:  # the last that was missing has been detached: ask to look again
                self._at_once(step, attach.replace(PART, part.sql))
        found = self._found(table, index)
        if found is None or not found.valid:
            raise DatabaseError(
                f"{step.name}: {index.name} did not become valid: partitions come and go",
                f"let that end, then DROP INDEX {index.sql}; and give the command again",
            )

    def _named_parts(self, index: Relation) -> list[tuple[str, Relation]]:
        rows = self.connection.execute(_PARTS, [index.sql]).fetchall()
        return [(str(partition), Relation(schema, name)) for schema, name, partition in rows]

    def _named(self, partition: Relation, index: Relation) -> Iterator[tuple[Relation, _Found]]:
        """What has a name that a part may have been given, from the first on."""
        for number in range(_NAMES):
            part = _part(partition, index, number)
            found = self._found(partition, part)
            if found is None:
                return
            yield part, found

    def _partitions(self, table: Relation, index: Relation) -> list[tuple[Relation, bool]]:
        """Those of the table by now, and whether each has its part of the index."""
        rows = self.connection.execute(_PARTITIONS, {"table": table.sql, "index": index.sql}).fetchall()
        return [(Relation(schema, name), attached) for schema, name, attached in rows]

    def _found(self, table: Relation, index: Relation) -> _Found | None:
        row = self.connection.execute(_FOUND, {"table": table.sql, "index": index.sql}).fetchone()
        return None if row is None else _Found(*row)

    def _ours(self, found: _Found, statement: str, table: Relation, index: Relation) -> bool:
        """Whether what was found is what the statement makes: the server writes both out in the same way."""
        if not found.on_table or found.unique != statement.startswith("CREATE UNIQUE "):
            return False
        wanted = statement[statement.index(" USING ") + 1 :]
        scratch = Scratch(self.connection, self.schema)
        try:
            with scratch.undone():
                scratch.run(f'CREATE TEMP TABLE "~like" (LIKE {table.sql})')
                scratch.run(f'CREATE INDEX "~index" ON pg_temp."~like" {wanted}')
                return index_tail(scratch, Relation("pg_temp", "~index")) == index_tail(scratch, index)
        except psycopg.errors.UndefinedColumn:
            return False  # it cannot be over columns that are gone

    def _at_once(self, step: Step, statement: str) -> None:
        work: Callable[[], object] = partial(self.connection.execute, sql(statement))
        self.patience.run(self.connection, step.name, work)

    def _concurrently(self, step: Step, index: Relation) -> None:
        def attempt() -> None:
            with unhurried(self.connection):
                self.connection.execute(sql(f"DROP INDEX CONCURRENTLY IF EXISTS {index.sql}"))

        self.patience.again(self.connection, step.name, attempt)


def _things(step: Step) -> tuple[Relation, Relation]:
    assert step.table is not None  # noqa: S101  # steps of these kinds have both
    assert step.index is not None  # noqa: S101  # as above
    return step.table, step.index


def _part(partition: Relation, index: Relation, number: int) -> Relation:
    end = f"_{number}" if number else ""
    return Relation(partition.schema, made_name("", f"{partition.name}_{index.name}{end}"))


def _taken(step: Step, index: Relation, table: Relation) -> DatabaseError:
    return DatabaseError(
        f"{step.name}: something else is called {index}, or it is another index than the plan's of {table.name}",
        "see \\d of it in psql; rename it, then give the command again, or take all back: abreast data undo",
    )
