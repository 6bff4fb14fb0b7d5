"""The operations of pgroll's migration format.

What each key means, its default, and which texts are SQL: pgroll's documentation,
https://github.com/xataio/pgroll/tree/main/docs/operations, and its JSON Schema (schema.json there).

Texts of SQL are kept as they were written. Names are kept without quotes, as the catalog will have them.
``None`` and the empty tuple stand for a key that is absent. A `Place` takes no part in comparisons.
"""

import enum
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from abreast.schema.columns import Check, Column, ColumnReference, Constraint, IndexColumn, Unique
from abreast.schema.place import NOWHERE, Place

Expressions: TypeAlias = tuple[tuple[str, str], ...]
"""Column names and the SQL expression of each, in the order of the file; ``dict()`` of it looks them up."""
IndexMethod: TypeAlias = Literal["btree", "hash", "gist", "spgist", "gin", "brin"]


class Unset(enum.Enum):
    """The kind of `UNSET`, an enumeration so that ``is UNSET`` narrows types."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
"""Stands for a key that is absent where ``None`` stands for a written ``null``."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What every operation has: where it was written."""

    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class CreateTable(Placed):
    """A new table."""

    name: str
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...] = ()
    comment: str | None = None


@dataclass(frozen=True)
class RenameTable(Placed):
    """A table's new name: ``from`` is ``old`` here, ``to`` is ``new``."""

    old: str
    new: str


@dataclass(frozen=True)
class DropTable(Placed):
    """A table goes."""

    name: str


@dataclass(frozen=True)
class AddColumn(Placed):
    """A new column; ``up`` gives its value in rows that the old version writes."""

    table: str
    column: Column
    up: str | None = None


@dataclass(frozen=True)
class DropColumn(Placed):
    """A column goes; ``down`` gives its value in rows that the new version writes."""

    table: str
    column: str
    down: str | None = None


@dataclass(frozen=True)
class RenameColumn(Placed):
    """A column's new name: ``from`` is ``old`` here, ``to`` is ``new``."""

    table: str
    old: str
    new: str


@dataclass(frozen=True)
class AlterColumn(Placed):
    """What changes in a column: at least one of the keys from ``type`` to ``comment``.

    ``up`` makes the new version's value of the old one's, ``down`` the other way round; ``None`` is the column as
    it stands. ``default`` and ``comment`` are `UNSET` when nothing changes, and ``None`` when they are to go.
    """

    table: str
    column: str
    type: str | None = None
    nullable: bool | None = None
    unique: Unique | None = None
    check: Check | None = None
    references: ColumnReference | None = None
    default: str | Unset | None = UNSET
    comment: str | Unset | None = UNSET
    up: str | None = None
    down: str | None = None


@dataclass(frozen=True)
class CreateIndex(Placed):
    """A new index; ``predicate`` and ``storage_parameters`` are SQL."""

    table: str
    name: str
    columns: tuple[IndexColumn, ...]
    unique: bool = False
    method: IndexMethod = "btree"
    predicate: str | None = None
    storage_parameters: str | None = None


@dataclass(frozen=True)
class DropIndex(Placed):
    """An index goes."""

    name: str


@dataclass(frozen=True)
class CreateConstraint(Placed):
    """A new constraint (no exclusion), with ``up`` and ``down`` for each of its columns."""

    table: str
    constraint: Constraint
    up: Expressions
    down: Expressions


@dataclass(frozen=True)
class DropConstraint(Placed):
    """A constraint of one column goes. pgroll has deprecated it for `DropMultiColumnConstraint`."""

    table: str
    name: str
    up: str
    down: str


@dataclass(frozen=True)
class DropMultiColumnConstraint(Placed):
    """A constraint goes; ``down`` has an expression for each of its columns, ``up`` for the same or for none."""

    table: str
    name: str
    down: Expressions
    up: Expressions = ()


@dataclass(frozen=True)
class RenameConstraint(Placed):
    """A constraint's new name: ``from`` is ``old`` here, ``to`` is ``new``."""

    table: str
    old: str
    new: str


@dataclass(frozen=True)
class SetReplicaIdentity(Placed):
    """What the write-ahead log says of a row's old values; ``index`` goes with that type only."""

    table: str
    type: Literal["full", "default", "nothing", "index"]
    index: str | None = None


@dataclass(frozen=True)
class Sql(Placed):
    """SQL as it is, at the start; with ``on_complete`` at the end, and then without ``down``."""

    up: str
    down: str | None = None
    on_complete: bool = False


Operation: TypeAlias = (
    CreateTable
    | RenameTable
    | DropTable
    | AddColumn
    | DropColumn
    | RenameColumn
    | AlterColumn
    | CreateIndex
    | DropIndex
    | CreateConstraint
    | DropConstraint
    | DropMultiColumnConstraint
    | RenameConstraint
    | SetReplicaIdentity
    | Sql
)


def place_of(operation: Operation, *keys: str | int) -> Place:
    """Where a key of an operation was written, by its name in the file: ``place_of(alter, "check", "name")``."""
    return operation.place.at(*keys) if keys else operation.place
