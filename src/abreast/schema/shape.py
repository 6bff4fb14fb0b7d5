"""A migration put over a schema: which table column each version sees under which name, and what has to be made.

Names: *old* ones are the old version's, which are the tables' own; *new* ones the new version's. A changed column is
made anew beside the old one (``_abreast_<new name>``) and takes its place when the migration is contracted.
Operations are read in their order, each over what those before it have made. ``up`` expressions speak the old
version's names, ``down`` expressions and conditions the new version's, as they are at the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from abreast.schema.catalog import Catalog, Column, Table
from abreast.schema.columns import ColumnReference, Constraint
from abreast.schema.names import Relation, literal, made_name
from abreast.schema.operations import CreateIndex, CreateTable, Sql
from abreast.schema.place import NOWHERE, Place

ADDED: Final = "_abreast_"


@dataclass(frozen=True)
class Text:
    """SQL of a migration and where it was written."""

    sql: str
    place: Place


@dataclass
class Added:
    """A column that ``expand`` makes: ``column`` is the table's meanwhile; ``not_null``, ``default`` are for the end.

    ``table_default``: the table fills it from the first moment (a constant that nothing derives).
    ``references``: foreign keys and where each was written. ``down_place``: where ``down`` is, or would be.
    """

    column: Column
    final: str
    place: Place
    replaces: str | None = None
    not_null: bool = False
    default: str | None = None
    table_default: bool = False
    sequence: bool = False
    up: Text | None = None
    checks: list[tuple[str, Text, bool]] = field(default_factory=list)
    unique: list[str] = field(default_factory=list)
    references: list[tuple[ColumnReference, Place]] = field(default_factory=list)
    down_place: Place = NOWHERE


@dataclass
class Slot:
    """A column as the new version sees it: ``physical`` is the table's name for it; ``place`` is its default's."""

    physical: str
    column: Column
    default: str | None = None
    default_changed: bool = False
    comment_changed: bool = False
    place: Place = NOWHERE


@dataclass
class TableShape:
    """A table as both versions see it. ``old_name`` is None when it is made, ``new_name`` when it is dropped."""

    relation: Relation
    table: Table
    old_name: str | None
    new_name: str | None
    slots: dict[str, Slot]
    created: CreateTable | None = None
    added: dict[str, Added] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    down: dict[str, Text] = field(default_factory=dict)
    constraints: list[tuple[Constraint, Place]] = field(default_factory=list)
    dropped_constraints: list[str] = field(default_factory=list)
    renamed_constraints: list[tuple[str, str]] = field(default_factory=list)
    indexes: list[CreateIndex] = field(default_factory=list)
    replica_identity: str | None = None

    @property
    def old_view(self) -> tuple[tuple[str, str], ...]:
        """(name in the view, name in the table) of the old version's columns."""
        return tuple((column.name, column.name) for column in self.table.columns)

    @property
    def new_view(self) -> tuple[tuple[str, str], ...]:
        """(name in the view, name in the table) of the new version's columns."""
        return tuple((name, slot.physical) for name, slot in self.slots.items())

    @property
    def columns(self) -> Mapping[str, Column]:
        """Every column that the table has while both versions run."""
        return {
            **{column.name: column for column in self.table.columns},
            **{name: added.column for name, added in self.added.items()},
        }

    def sequence(self, physical: str) -> Relation:
        """The sequence of an added serial column, called as the server would call it."""
        return Relation(self.relation.schema, sequence_name(self.relation, self.added[physical].final))

    def view_default(self, name: str) -> str | None:
        """What the new version's view fills in; ``NULL`` against the table's own default; None if nothing is needed."""
        slot = self.slots[name]
        added = self.added.get(slot.physical)
        if added and added.sequence and added.default is None:
            return self.next_value(slot.physical)
        if added and not added.table_default and added.default is not None:
            return added.default
        return (slot.default or "NULL") if slot.default_changed else None

    def next_value(self, physical: str) -> str:
        """The default of an added serial column."""
        return f"nextval({literal(self.sequence(physical).sql).strip()}::regclass)"

    @property
    def changed(self) -> bool:
        """Whether the table itself is touched, more than by views."""
        return bool(
            self.added
            or self.gone
            or self.constraints
            or self.dropped_constraints
            or self.renamed_constraints
            or self.indexes
            or self.replica_identity
            or self.old_name != self.new_name
            or any(
                slot.default_changed or slot.comment_changed or name != slot.physical
                for name, slot in self.slots.items()
            )
        )


@dataclass
class Shape:
    """The whole: tables in the catalog's order, then the new ones."""

    catalog: Catalog
    tables: list[TableShape]
    dropped_indexes: list[str] = field(default_factory=list)
    sql: list[Sql] = field(default_factory=list)

    @property
    def opaque(self) -> bool:
        """Whether SQL of its own runs at the start, after which the tables must be looked at again."""
        return any(not one.on_complete for one in self.sql)

    def by_new_name(self, name: str) -> TableShape | None:
        """The table that the new version calls so."""
        return next((table for table in self.tables if table.new_name == name), None)


def unchanged(catalog: Catalog) -> Shape:
    """The schema as it is: both versions see the same."""
    return Shape(
        catalog,
        [
            TableShape(
                relation=table.relation,
                table=table,
                old_name=name,
                new_name=name,
                slots={column.name: Slot(column.name, column, column.default) for column in table.columns},
            )
            for name, table in catalog.tables.items()
        ],
    )


def sequence_name(table: Relation, column: str) -> str:
    """What the sequence of a serial column is called."""
    return made_name("", f"{table.name}_{column}_seq")


def added_name(name: str) -> str:
    """What a column is called beside the one it replaces."""
    return made_name(ADDED, name)
