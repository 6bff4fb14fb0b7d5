"""The keys of each operation, and what is wrong with them taken together.

Which keys must be there: schema.json of pgroll and its pages of each operation.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, PlainValidator

from abreast.model.document import Path
from abreast.schema import operations as made
from abreast.schema.column_keys import (
    CheckKeys,
    ColumnKeys,
    ColumnReferenceKeys,
    ConstraintKeys,
    IndexColumnKeys,
    UniqueKeys,
)
from abreast.schema.constraint_keys import (
    CreateConstraintKeys,
    DropConstraintKeys,
    DropMultiColumnConstraintKeys,
    RenameConstraintKeys,
)
from abreast.schema.mapping_keys import KeyFault, Maker, MigrationKeys, RenameKeys, twice
from abreast.schema.migration_values import (
    Expression,
    Flag,
    Method,
    Name,
    NewComment,
    NewDefault,
    Optional,
    Text,
    one_of,
)
from abreast.schema.operations import UNSET

_SERIAL: Final = frozenset({"smallserial", "serial", "bigserial", "serial2", "serial4", "serial8"})
"""Types that bring their values with them: https://www.postgresql.org/docs/current/datatype-numeric.html."""


class CreateTableKeys(MigrationKeys):
    """A new table."""

    kind: ClassVar[Maker] = made.CreateTable
    name: Name
    columns: Annotated[tuple[ColumnKeys, ...], Field(min_length=1, strict=False)]
    constraints: Annotated[tuple[ConstraintKeys, ...], Field(strict=False)] = ()
    comment: Optional = None

    def _faults(self) -> Iterator[KeyFault]:
        names = [column.name for column in self.columns]
        yield from twice(((("columns", index, "name"), name) for index, name in enumerate(names)), "the column")
        yield from twice(self._constraint_names(), "the constraint")
        yield from self._key_faults()
        for path, name in self._columns_of_constraints():
            if name not in names:
                message = f"the table has no column {name!r}, only {', '.join(names)}"
                yield KeyFault(path, message, "write one of these, or add the column")

    def _constraint_names(self) -> Iterator[tuple[Path, str]]:
        for index, column in enumerate(self.columns):
            for key, named in (("check", column.check), ("references", column.references)):
                if named:
                    yield ("columns", index, key, "name"), named.name
        for index, constraint in enumerate(self.constraints):
            yield ("constraints", index, "name"), constraint.name

    def _key_faults(self) -> Iterator[KeyFault]:
        """One primary key at most, in one place."""
        keys = [index for index, constraint in enumerate(self.constraints) if constraint.type == "primary_key"]
        in_columns = any(column.pk for column in self.columns)
        for index in keys if in_columns else keys[1:]:
            where = "in `columns`, by `pk: true`" if in_columns else f"in `constraints[{keys[0]}]`"
            yield KeyFault(("constraints", index), f"the primary key is already {where}", "keep one of the two")

    def _columns_of_constraints(self) -> Iterator[tuple[Path, str]]:
        for index, constraint in enumerate(self.constraints):
            for place, name in enumerate(constraint.columns):
                yield ("constraints", index, "columns", place), name
            included = constraint.index_parameters.include_columns if constraint.index_parameters else ()
            for place, name in enumerate(included):
                yield ("constraints", index, "index_parameters", "include_columns", place), name


class RenameTableKeys(RenameKeys):
    """A table's new name."""

    kind: ClassVar[Maker] = made.RenameTable


class DropTableKeys(MigrationKeys):
    """A table goes."""

    kind: ClassVar[Maker] = made.DropTable
    name: Name


class AddColumnKeys(MigrationKeys):
    """A new column."""

    kind: ClassVar[Maker] = made.AddColumn
    table: Name
    column: ColumnKeys
    up: Optional = None

    def _faults(self) -> Iterator[KeyFault]:
        column = self.column
        given = column.nullable or column.default is not None or column.type.strip().lower() in _SERIAL
        if column.generated and self.up is not None:
            yield KeyFault(("up",), "the server makes a generated column's values", "remove `up` or `generated`")
        elif self.up is None and not column.generated and not given:
            message = f"what is {column.name!r}, which is not null, in rows that do not have it yet?"
            yield KeyFault(("up",), message, "add `up`, `column.default` or `column.nullable: true`")


class DropColumnKeys(MigrationKeys):
    """A column goes."""

    kind: ClassVar[Maker] = made.DropColumn
    table: Name
    column: Name
    down: Optional = None


class RenameColumnKeys(RenameKeys):
    """A column's new name."""

    kind: ClassVar[Maker] = made.RenameColumn
    table: Name


class AlterColumnKeys(MigrationKeys):
    """What changes in a column."""

    kind: ClassVar[Maker] = made.AlterColumn
    nullable_keys = frozenset({"default", "comment"})
    table: Name
    column: Name
    type: Text | None = None
    nullable: Flag | None = None
    unique: UniqueKeys | None = None
    check: CheckKeys | None = None
    references: ColumnReferenceKeys | None = None
    default: NewDefault = UNSET
    comment: NewComment = UNSET
    up: Optional = None
    down: Optional = None

    def _faults(self) -> Iterator[KeyFault]:
        changes = (self.type, self.nullable, self.unique, self.check, self.references)
        if changes == (None,) * len(changes) and self.default is UNSET and self.comment is UNSET:
            remedy = "add type, nullable, unique, check, references, default or comment; or remove the operation"
            yield KeyFault((), "nothing changes in the column", remedy)
        if self.check and self.references and self.check.name == self.references.name:
            yield from twice((((key, "name"), self.check.name) for key in ("check", "references")), "the constraint")
        yield from self._needed("up", self.up, self._of_old_rows())
        yield from self._needed("down", self.down, self._of_new_rows())

    def _of_old_rows(self) -> list[str]:
        """The changes that rows of the old version may not bear as they are."""
        written = {"type": self.type, "unique": self.unique, "check": self.check, "references": self.references}
        found = [key for key, value in written.items() if value is not None]
        return [*found, "nullable: false"] if self.nullable is False else found

    def _of_new_rows(self) -> list[str]:
        """The changes whose rows the old version may not bear as they are."""
        return [*(["type"] if self.type is not None else []), *(["nullable: true"] if self.nullable else [])]

    def _needed(self, key: str, expression: str | None, changes: list[str]) -> Iterator[KeyFault]:
        if changes and expression is None:
            named = " and ".join(f"`{change}`" for change in changes)
            sides = "the old version's values into the new one's"
            if key == "down":
                sides = "the new version's values into the old one's"
            remedy = f"add `{key}`, the SQL expression that turns {sides}"
            yield KeyFault((key,), f"{named} {'needs' if len(changes) == 1 else 'need'} `{key}`", remedy)


class CreateIndexKeys(MigrationKeys):
    """A new index."""

    kind: ClassVar[Maker] = made.CreateIndex
    table: Name
    name: Name
    columns: Annotated[tuple[IndexColumnKeys, ...], Field(min_length=1, strict=False)]
    unique: Flag = False
    method: Method = "btree"
    predicate: Optional = None
    storage_parameters: Optional = None

    def _faults(self) -> Iterator[KeyFault]:
        if self.method == "btree":
            return
        remedy = "write `method: btree`, or remove this"
        if self.unique:
            yield KeyFault(("unique",), f"an index of method {self.method} cannot be unique", remedy)
        for index, column in enumerate(self.columns):
            for key in ("sort", "nulls"):
                if getattr(column, key) is not None:
                    yield KeyFault(("columns", index, key), f"an index of method {self.method} keeps no order", remedy)


class DropIndexKeys(MigrationKeys):
    """An index goes."""

    kind: ClassVar[Maker] = made.DropIndex
    name: Name


class ReplicaIdentityKeys(MigrationKeys):
    """A replica identity; pgroll's schema wants ``index`` always, its page only with that type."""

    type: Annotated[
        Literal["full", "default", "nothing", "index"], PlainValidator(one_of("full", "default", "nothing", "index"))
    ]
    index: Optional = None

    def _faults(self) -> Iterator[KeyFault]:
        if self.type == "index" and self.index is None:
            yield KeyFault(("index",), "`type: index` needs `index`", "add `index: …`, the name of a unique index")
        elif self.type != "index" and self.index is not None:
            message = f"`type: {self.type}` has no index"
            yield KeyFault(("index",), message, "remove it, or write `type: index`")


class SetReplicaIdentityKeys(MigrationKeys):
    """What is logged of old rows."""

    kind: ClassVar[Maker] = made.SetReplicaIdentity
    table: Name
    identity: ReplicaIdentityKeys

    def values(self) -> dict[str, object]:
        """The identity's keys beside the table."""
        return {"table": self.table, **self.identity.values()}


class SqlKeys(MigrationKeys):
    """SQL as it is."""

    kind: ClassVar[Maker] = made.Sql
    up: Expression
    down: Optional = None
    on_complete: Flag = Field(default=False, alias="onComplete")

    def _faults(self) -> Iterator[KeyFault]:
        if self.on_complete and self.down is not None:
            message = "what runs on completion cannot be taken back"
            yield KeyFault(("down",), message, "remove `down`, or `onComplete`")


KINDS: Final[Mapping[str, type[MigrationKeys]]] = {
    "create_table": CreateTableKeys,
    "rename_table": RenameTableKeys,
    "drop_table": DropTableKeys,
    "add_column": AddColumnKeys,
    "drop_column": DropColumnKeys,
    "rename_column": RenameColumnKeys,
    "alter_column": AlterColumnKeys,
    "create_index": CreateIndexKeys,
    "drop_index": DropIndexKeys,
    "create_constraint": CreateConstraintKeys,
    "drop_constraint": DropConstraintKeys,
    "drop_multicolumn_constraint": DropMultiColumnConstraintKeys,
    "rename_constraint": RenameConstraintKeys,
    "set_replica_identity": SetReplicaIdentityKeys,
    "sql": SqlKeys,
}
"""Each operation by its name in the file."""
