"""What the columns that replace others need, so that they are as good as those: their indexes and constraints."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from abreast.model.errors import DatabaseError
from abreast.postgres.scratch import ROW, Scratch
from abreast.schema.catalog import Column, Constraint
from abreast.schema.facts import CopiedConstraint, CopiedIndex
from abreast.schema.names import Relation, idents
from abreast.schema.place import Place
from abreast.schema.shape import Shape, TableShape

_FOREIGN: Final = ") REFERENCES "
_UNPROVEN: Final = " NOT VALID"

_DEFINITION: Final = """
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %(table)s::regclass AND conname = 'c'"""
_INDEX: Final = """
SELECT pg_get_indexdef(i.indexrelid),
       format('CREATE %%sINDEX %%I ON %%s%%I.%%I ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, x.relname,
              CASE WHEN t.relkind = 'p' THEN 'ONLY ' END,
              CASE WHEN n.oid = pg_my_temp_schema() THEN 'pg_temp' ELSE n.nspname END, t.relname)
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace WHERE i.indexrelid = %(index)s::regclass"""


@dataclass(frozen=True)
class _Doubled:
    """A table's columns with each replaced one's successor: its column, and its name, by the name of the first."""

    table: TableShape
    places: Mapping[str, Place]
    columns: Mapping[str, Column]
    names: Mapping[str, str]

    def touched(self, columns: tuple[str, ...]) -> Place | None:
        """The change that concerns these columns; None if none does, or if one of them goes altogether."""
        lost = set(self.table.gone) - set(self.places)  # what reads these goes with them
        hit = sorted(set(columns) & set(self.places))
        return self.places[hit[0]] if hit and not lost & set(columns) else None


def copied_indexes(scratch: Scratch, table: TableShape, shape: Shape) -> tuple[CopiedIndex, ...]:
    """Indexes over replaced columns, with the successors' names; a fault for each that these cannot have."""
    doubled = _doubled(table)
    unwanted = {*shape.dropped_indexes, *table.dropped_constraints}
    found = []
    for index in table.table.indexes:
        place = doubled.touched(index.columns)
        if place is None or index.name in unwanted:
            continue
        constraint = table.table.constraint(index.name)
        if constraint and constraint.kind == "exclude":
            continue
        if constraint and " DEFERRABLE" in constraint.definition:
            scratch.faults.append(
                place.fault(
                    f"the deferrable constraint {constraint.name} reads the changed column: an index can be built "
                    "beside it only if it is checked at once, which would refuse what the old version may write",
                    "drop it in this migration as well (drop_constraint), and make it again in a later one",
                )
            )
            continue
        with scratch.trying(place, f"the index {index.name} on the changed column"):
            scratch.make_row(doubled.columns)
            given = index_tail(scratch, Relation(shape.catalog.schema, index.name))
            scratch.run(f'CREATE {"UNIQUE " * index.unique}INDEX "~index" ON {ROW} {given}')
            scratch.rename_row(doubled.names)
            tail = index_tail(scratch, Relation("pg_temp", "~index"))
            found.append(CopiedIndex(index.name, index.unique, index.constraint, tail))
    return tuple(found)


def copied_constraints(scratch: Scratch, table: TableShape) -> tuple[CopiedConstraint, ...]:
    """The same of checks and foreign keys. Exclusions cannot be copied: their index cannot be built by itself."""
    doubled = _doubled(table)
    found: list[CopiedConstraint] = []
    for constraint in table.table.constraints:
        place = doubled.touched(constraint.columns)
        if place is None or constraint.name in table.dropped_constraints:
            continue
        if constraint.kind == "foreign key":
            found += _foreign_key(scratch, constraint, doubled, place)
        elif constraint.kind == "check":
            with scratch.trying(place, f"the constraint {constraint.name} on the changed column"):
                scratch.make_row(doubled.columns)
                scratch.run(f"ALTER TABLE {ROW} ADD CONSTRAINT c {constraint.definition}")
                scratch.rename_row(doubled.names)
                definition = scratch.one(_DEFINITION, table=ROW).removesuffix(_UNPROVEN)
                found.append(CopiedConstraint(constraint.name, definition, constraint.validated))
        elif constraint.kind == "exclude":
            scratch.faults.append(
                place.fault(
                    f"the exclusion constraint {constraint.name} reads the changed column",
                    "drop it in a migration before this one, and make it again after",
                )
            )
    return tuple(found)


def _doubled(table: TableShape) -> _Doubled:
    replaced = {added.replaces: added for added in table.added.values() if added.replaces}
    successors = {name: added.column for name, added in replaced.items()}
    columns = {column.name: successors.get(column.name, column) for column in table.table.columns}
    return _Doubled(
        table=table,
        places={name: added.place for name, added in replaced.items()},
        columns=columns,
        names={name: column.name for name, column in columns.items()},
    )


def _foreign_key(
    scratch: Scratch, constraint: Constraint, doubled: _Doubled, place: Place
) -> Iterator[CopiedConstraint]:
    target = constraint.definition[constraint.definition.index(_FOREIGN) :]
    if " SET NULL (" in target or " SET DEFAULT (" in target:
        scratch.faults.append(
            place.fault(
                f"the foreign key {constraint.name} of the changed column sets chosen columns on delete",
                "drop it in a migration before this one, and make it again after",
            )
        )
        return
    listed = idents([doubled.names[name] for name in constraint.columns])
    definition = f"FOREIGN KEY ({listed}{target}".removesuffix(_UNPROVEN)
    yield CopiedConstraint(constraint.name, definition, constraint.validated, constraint.target)


def index_tail(scratch: Scratch, index: Relation) -> str:
    """The definition of an index from USING on. DatabaseError if the server writes it in a way unknown here."""
    row = scratch.connection.execute(_INDEX, {"index": index.sql}).fetchone()
    definition, prefix = (str(row[0]), str(row[1])) if row else ("", "nothing")
    if not definition.startswith(prefix):
        raise DatabaseError(
            f"the server defines the index {index} as {definition!r}, which does not begin with {prefix!r}",
            "drop the index before the migration, and make it again after",
        )
    return definition[len(prefix) :]
