"""The keys of columns, constraints and columns of indexes, and what is wrong with them taken together.

Which keys a constraint's type needs and allows: schema.json of pgroll (`Constraint`, `OpCreateConstraint`) and
https://www.postgresql.org/docs/current/sql-createtable.html.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, PlainValidator

from abreast.schema import columns as made
from abreast.schema.mapping_keys import KeyFault, Maker, MigrationKeys, repeated
from abreast.schema.migration_values import (
    Default,
    Expression,
    Flag,
    MatchType,
    MaybeName,
    Name,
    Names,
    Nulls,
    OnChange,
    Optional,
    Sort,
    TableConstraint,
    Text,
    one_of,
)


def deferred(keys: "ColumnReferenceKeys | ConstraintKeys") -> Iterator[KeyFault]:
    """Only what may be deferred can be so from the start."""
    if keys.initially_deferred and not keys.deferrable:
        message = "what is not deferrable cannot be deferred from the start"
        yield KeyFault(("initially_deferred",), message, "add `deferrable: true`, or remove it")


class CheckKeys(MigrationKeys):
    """A check of one column."""

    kind: ClassVar[Maker] = made.Check
    name: Name
    constraint: Expression
    no_inherit: Flag = False


class UniqueKeys(MigrationKeys):
    """A unique constraint of one column."""

    kind: ClassVar[Maker] = made.Unique
    name: Name


class ColumnReferenceKeys(MigrationKeys):
    """A foreign key of one column."""

    kind: ClassVar[Maker] = made.ColumnReference
    name: Name
    table: Name
    column: Name
    match_type: MatchType = "SIMPLE"
    on_delete: OnChange = "NO ACTION"
    on_update: OnChange = "NO ACTION"
    deferrable: Flag = False
    initially_deferred: Flag = False

    def _faults(self) -> Iterator[KeyFault]:
        yield from deferred(self)


class TableReferenceKeys(MigrationKeys):
    """The target of a foreign key; ``name`` is in pgroll's pages and not in its schema: the constraint has it."""

    kind: ClassVar[Maker] = made.TableReference
    name: MaybeName = None
    table: Name
    columns: Names
    match_type: MatchType = "SIMPLE"
    on_delete: OnChange = "NO ACTION"
    on_update: OnChange = "NO ACTION"
    on_delete_set_columns: Annotated[tuple[Name, ...], Field(strict=False)] = ()

    def _faults(self) -> Iterator[KeyFault]:
        yield from repeated("columns", self.columns)
        yield from repeated("on_delete_set_columns", self.on_delete_set_columns)
        if self.on_delete_set_columns and self.on_delete not in {"SET NULL", "SET DEFAULT"}:
            message = f"with `on_delete: {self.on_delete}` no columns are set"
            remedy = "write `on_delete: SET NULL` or `on_delete: SET DEFAULT`, or remove it"
            yield KeyFault(("on_delete_set_columns",), message, remedy)

    def values(self) -> dict[str, object]:
        """All but the name, which the constraint has."""
        return {key: value for key, value in super().values().items() if key != "name"}


class IdentityKeys(MigrationKeys):
    """An identity column's sequence."""

    kind: ClassVar[Maker] = made.Identity
    user_specified_values: Annotated[
        Literal["ALWAYS", "BY DEFAULT"], PlainValidator(one_of("ALWAYS", "BY DEFAULT"))
    ] = "ALWAYS"
    sequence_options: Optional = None


class GeneratedKeys(MigrationKeys):
    """How the server makes a column's values."""

    kind: ClassVar[Maker] = made.Generated
    expression: Optional = None
    identity: IdentityKeys | None = Field(default=None)

    def _faults(self) -> Iterator[KeyFault]:
        if (self.expression is None) == (self.identity is None):
            found = "neither `expression` nor `identity`" if self.identity is None else "both"
            yield KeyFault((), f"a column is generated in one way, found {found}", "write one of the two")


class ColumnKeys(MigrationKeys):
    """A column to be made."""

    kind: ClassVar[Maker] = made.Column
    name: Name
    type: Text
    nullable: Flag = False
    pk: Flag = False
    unique: Flag = False
    default: Default = None
    comment: Optional = None
    check: CheckKeys | None = None
    references: ColumnReferenceKeys | None = None
    generated: GeneratedKeys | None = None

    def _faults(self) -> Iterator[KeyFault]:
        if self.nullable and self.pk:
            yield KeyFault(("nullable",), "a column of the primary key cannot be null", "remove `nullable`")
        elif self.nullable and self.generated and self.generated.identity:
            yield KeyFault(("nullable",), "an identity column cannot be null", "remove `nullable`")
        if self.generated and self.default is not None:
            yield KeyFault(("default",), "a generated column has no default", "remove `default` or `generated`")


class IndexParametersKeys(MigrationKeys):
    """What a constraint's index is made with."""

    kind: ClassVar[Maker] = made.IndexParameters
    tablespace: Optional = None
    storage_parameters: Optional = None
    include_columns: Annotated[tuple[Name, ...], Field(strict=False)] = ()

    def _faults(self) -> Iterator[KeyFault]:
        yield from repeated("include_columns", self.include_columns)


class ExclusionKeys(MigrationKeys):
    """An exclusion."""

    kind: ClassVar[Maker] = made.Exclusion
    elements: Expression
    index_method: Optional = None
    predicate: Optional = None


_DEFERRED: Final = frozenset({"deferrable", "initially_deferred"})
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "unique": ("columns",),
    "primary_key": ("columns",),
    "check": ("check",),
    "foreign_key": ("columns", "references"),
    "exclude": ("exclude",),
}
_ALLOWED: Final[dict[str, frozenset[str]]] = {
    "unique": _DEFERRED | {"columns", "nulls_not_distinct", "index_parameters"},
    "primary_key": _DEFERRED | {"columns", "index_parameters"},
    "check": frozenset({"columns", "check", "no_inherit"}),
    "foreign_key": _DEFERRED | {"columns", "references"},
    "exclude": _DEFERRED | {"exclude", "index_parameters"},
}
_BY_TYPE: Final = frozenset().union(*_ALLOWED.values())


class ConstraintKeys(MigrationKeys):
    """A constraint of a table."""

    kind: ClassVar[Maker] = made.Constraint
    name: Name
    type: TableConstraint
    columns: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    check: Optional = None
    references: TableReferenceKeys | None = None
    exclude: ExclusionKeys | None = None
    index_parameters: IndexParametersKeys | None = None
    nulls_not_distinct: Flag = False
    no_inherit: Flag = False
    deferrable: Flag = False
    initially_deferred: Flag = False

    def _faults(self) -> Iterator[KeyFault]:
        for key in _NEEDED[self.type]:
            if not getattr(self, key):
                yield KeyFault((key,), f"a constraint of type {self.type} needs `{key}`", f"add `{key}: …`")
        for key in type(self).model_fields:
            if key in _BY_TYPE - _ALLOWED[self.type] and self._says(key):
                message = f"`{key}` means nothing for a constraint of type {self.type}"
                yield KeyFault((key,), message, "remove it, or write the type that it belongs to")
        if _ALLOWED[self.type] >= _DEFERRED:
            yield from deferred(self)
        yield from repeated("columns", self.columns)
        if self.references and self.type == "foreign_key":
            yield from self._reference_faults(self.references)

    def _says(self, key: str) -> bool:
        """Whether a key is written with more than pgroll's default for it."""
        return getattr(self, key) not in (None, False, (), IndexParametersKeys())

    def _reference_faults(self, references: TableReferenceKeys) -> Iterator[KeyFault]:
        here, there = len(self.columns), len(references.columns)
        if self.columns and here != there:
            message = f"{here} of `columns` cannot refer to {there}"
            yield KeyFault(("references", "columns"), message, "name one column for each of `columns`")
        for index, name in enumerate(references.on_delete_set_columns):
            if name not in self.columns:
                message = f"the column {name!r} is not of this constraint"
                remedy = f"write one of {', '.join(self.columns)}"
                yield KeyFault(("references", "on_delete_set_columns", index), message, remedy)
        if references.name not in {None, self.name}:
            message = f"the constraint has two names, {self.name!r} and {references.name!r}"
            yield KeyFault(("references", "name"), message, "remove this one")


class OperatorClassKeys(MigrationKeys):
    """An operator class."""

    kind: ClassVar[Maker] = made.OperatorClass
    name: Text
    params: Annotated[tuple[Expression, ...], Field(strict=False)] = ()


class IndexColumnKeys(MigrationKeys):
    """One column of an index; ``collate`` and ``opclass`` are SQL, as in pgroll."""

    kind: ClassVar[Maker] = made.IndexColumn
    column: Name
    collate: Optional = None
    sort: Sort = None
    nulls: Nulls = None
    opclass: OperatorClassKeys | None = None
