"""Columns, constraints and columns of indexes, as pgroll's migration format describes them.

Texts of SQL are kept as they were written. Names are kept without quotes, as the catalog will have them.
``None`` and the empty tuple stand for a key that is absent.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Action: TypeAlias = Literal["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"]
Match: TypeAlias = Literal["SIMPLE", "FULL"]
ConstraintKind: TypeAlias = Literal["unique", "check", "primary_key", "foreign_key", "exclude"]


@dataclass(frozen=True)
class Check:
    """A check constraint of one column; ``constraint`` is its SQL condition."""

    name: str
    constraint: str
    no_inherit: bool = False


@dataclass(frozen=True)
class Unique:
    """A unique constraint of one column."""

    name: str


@dataclass(frozen=True)
class ColumnReference:
    """A foreign key of one column, with the name of the constraint."""

    name: str
    table: str
    column: str
    match_type: Match = "SIMPLE"
    on_delete: Action = "NO ACTION"
    on_update: Action = "NO ACTION"
    deferrable: bool = False
    initially_deferred: bool = False


@dataclass(frozen=True)
class TableReference:
    """What a foreign key over columns refers to; ``on_delete_set_columns`` are of the referring table."""

    table: str
    columns: tuple[str, ...]
    match_type: Match = "SIMPLE"
    on_delete: Action = "NO ACTION"
    on_update: Action = "NO ACTION"
    on_delete_set_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identity:
    """``GENERATED … AS IDENTITY (sequence_options)``."""

    user_specified_values: Literal["ALWAYS", "BY DEFAULT"] = "ALWAYS"
    sequence_options: str | None = None


@dataclass(frozen=True)
class Generated:
    """How the server makes a column's values: a stored ``expression`` or an ``identity``, exactly one."""

    expression: str | None = None
    identity: Identity | None = None


@dataclass(frozen=True)
class Column:
    """A column to be made. As in pgroll it is NOT NULL unless ``nullable``; ``default`` is SQL."""

    name: str
    type: str
    nullable: bool = False
    pk: bool = False
    unique: bool = False
    default: str | None = None
    comment: str | None = None
    check: Check | None = None
    references: ColumnReference | None = None
    generated: Generated | None = None


@dataclass(frozen=True)
class IndexParameters:
    """What a constraint's index is made with; ``storage_parameters`` is SQL: ``fillfactor = 70``."""

    tablespace: str | None = None
    storage_parameters: str | None = None
    include_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exclusion:
    """An exclusion constraint: ``elements`` is SQL such as ``room WITH =, during WITH &&``."""

    elements: str
    index_method: str | None = None
    predicate: str | None = None


@dataclass(frozen=True)
class Constraint:
    """A constraint of a table. Which keys it may have hangs on its type; the reader has seen to that.

    A check has its condition in ``check``, a foreign key its target in ``references``, an exclusion ``exclude``.
    """

    name: str
    type: ConstraintKind
    columns: tuple[str, ...] = ()
    check: str | None = None
    references: TableReference | None = None
    exclude: Exclusion | None = None
    index_parameters: IndexParameters | None = None
    nulls_not_distinct: bool = False
    no_inherit: bool = False
    deferrable: bool = False
    initially_deferred: bool = False


@dataclass(frozen=True)
class OperatorClass:
    """An operator class; its ``name`` is SQL (``int8_ops``, ``ext.gin_trgm_ops``), and so are ``params``."""

    name: str
    params: tuple[str, ...] = ()


@dataclass(frozen=True)
class IndexColumn:
    """One column of an index; ``collate`` is SQL: ``"de_DE"`` with its quotes."""

    column: str
    collate: str | None = None
    sort: Literal["ASC", "DESC"] | None = None
    nulls: Literal["FIRST", "LAST"] | None = None
    opclass: OperatorClass | None = None
