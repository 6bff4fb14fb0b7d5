"""What is in a database's schema, as far as two versions of it must know. Read by ``abreast.postgres.catalog``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from abreast.schema.names import Relation

IMAGE_TYPES: Final = frozenset(
    {"smallint", "integer", "bigint", "boolean", "date", "uuid", "oid", "bytea"}
    | {f"timestamp{zone}" for zone in (" with time zone", " without time zone")}
)
"""Types whose equal values are the same bytes: comparing them by ``=`` misses no change."""


@dataclass(frozen=True)
class Column:
    """A column. ``default`` and ``type`` are SQL; ``collation`` only where it is not the type's own.

    ``sequence``: the quoted name of the one that goes with the column, as a serial's does.
    """

    name: str
    type: str
    not_null: bool = False
    default: str | None = None
    identity: Literal["", "always", "by default"] = ""
    generated: bool = False
    collation: str = ""
    comment: str | None = None
    sequence: str | None = None

    @property
    def plain_equality(self) -> bool:
        """Whether ``IS DISTINCT FROM`` sees every change: 1.0 and 1.00 are equal numerics, and differ as text."""
        return self.type in IMAGE_TYPES or (self.type == "text" and not self.collation)


@dataclass(frozen=True)
class Constraint:
    """A table's constraint. ``definition`` is what ``ADD CONSTRAINT name`` takes; ``target`` is a foreign key's."""

    name: str
    kind: Literal["primary key", "unique", "check", "foreign key", "exclude"]
    columns: tuple[str, ...]
    definition: str
    validated: bool = True
    target: Relation | None = None


@dataclass(frozen=True)
class Index:
    """An index; ``columns`` are all it reads, also within expressions. ``constraint``: it belongs to one."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    constraint: bool = False
    valid: bool = True


@dataclass(frozen=True)
class Table:
    """An ordinary or partitioned table.

    ``key``: the columns of a unique key that is never null, the primary key if there is one; empty without any.
    ``partitions``: the leaves; ``nested``: some of them are partitions of partitions. ``partition_key``: columns that
    decide about a row's partition, by themselves or within expressions, on whatever level.
    ``readers``: what else would break without a column: (column, what reads it in words).
    ``bound``: why its columns are not its own alone. ``blind``: the role that asks, if policies hide rows from it.
    ``referrers``: foreign keys that point here: (referencing table, referenced columns).
    ``publications``: those that send every column of it.
    """

    relation: Relation
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...] = ()
    indexes: tuple[Index, ...] = ()
    key: tuple[str, ...] = ()
    partitions: tuple[Relation, ...] = ()
    partition_key: tuple[str, ...] = ()
    partitioned: bool = False
    nested: bool = False
    before_triggers: tuple[str, ...] = ()
    readers: tuple[tuple[str, str], ...] = ()
    referrers: tuple[tuple[Relation, tuple[str, ...]], ...] = ()
    replica_identity: str = "DEFAULT"
    publications: tuple[str, ...] = ()
    owner: str = ""
    rows: float = 0.0
    comment: str | None = None
    bound: tuple[str, ...] = ()
    blind: str = ""

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)

    def constraint(self, name: str) -> Constraint | None:
        """The constraint of that name."""
        return next((one for one in self.constraints if one.name == name), None)


@dataclass(frozen=True)
class Catalog:
    """A schema: tables by name, views that are there already (schema, name) → columns in their order.

    ``relations``: whatever else has a name that no table or index can have as well: name → what it is, in words;
    ``types`` the same of types, whose names are taken for tables alone.
    """

    schema: str
    tables: Mapping[str, Table]
    views: Mapping[Relation, tuple[str, ...]] = field(default_factory=dict)
    major: int = 15
    relations: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    def index(self, name: str) -> tuple[Table, Index] | None:
        """The index of that name and its table."""
        for table in self.tables.values():
            for index in table.indexes:
                if index.name == name:
                    return table, index
        return None
