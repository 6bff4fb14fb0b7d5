"""Operations, one after the other, onto a `Shape`; every fault that the schema shows is collected."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from abreast.model.errors import MigrationError
from abreast.schema import reshape_columns, reshape_constraints, reshape_tables
from abreast.schema.catalog import Catalog
from abreast.schema.names import ident
from abreast.schema.operations import (
    AddColumn,
    AlterColumn,
    CreateConstraint,
    CreateIndex,
    CreateTable,
    DropColumn,
    DropConstraint,
    DropIndex,
    DropMultiColumnConstraint,
    DropTable,
    Operation,
    RenameColumn,
    RenameConstraint,
    RenameTable,
    SetReplicaIdentity,
    Sql,
    place_of,
)
from abreast.schema.place import Place
from abreast.schema.reshaping import Reshaping
from abreast.schema.shape import Shape, TableShape, Text
from abreast.schema.sync import ON_INSERT, ON_UPDATE

_OF_COLUMNS: Final = (
    AddColumn,
    AlterColumn,
    CreateConstraint,
    DropColumn,
    DropConstraint,
    DropMultiColumnConstraint,
    RenameColumn,
)


def written_types(operations: Iterable[Operation]) -> dict[str, Place]:
    """Every type that the operations name, and where first."""
    found: dict[str, Place] = {}
    for operation in operations:
        if isinstance(operation, AddColumn) and operation.column.type.lower() not in reshape_columns.SERIALS:
            found.setdefault(operation.column.type, place_of(operation, "column", "type"))
        elif isinstance(operation, AlterColumn) and operation.type is not None:
            found.setdefault(operation.type, place_of(operation, "type"))
    return found


def reshape(catalog: Catalog, operations: Iterable[Operation], types: Mapping[str, str]) -> Shape:
    """What the operations make of the schema. MigrationError with every operation that does not fit it.

    ``types``: the types of `written_types` as the catalog writes them.
    """
    work = Reshaping(catalog, types)
    for operation in operations:
        _look_over_columns(work, operation)
        _TAKEN[type(operation)](work, operation)
    for table in work.shape.tables:
        _name_again(table)
        _look_over_references(work, table)
        if table.created is None and table.new_name is not None:
            _look_over_uniqueness(work, table)
            _look_over_levels(work, table)
        _look_over_rows(work, table)
    if work.faults:
        raise MigrationError(tuple(work.faults))
    return work.shape


def _look_over_columns(work: Reshaping, operation: Operation) -> None:
    """Whether the columns are the table's own, and all of its rows seen."""
    if not isinstance(operation, _OF_COLUMNS):
        return
    found = work.shape.by_new_name(operation.table)
    if found is None:
        return
    of = found.table
    for reason in of.bound:
        work.fault(
            place_of(operation, "table"),
            f"the columns of {of.relation} cannot be changed side by side: {reason}",
            "end that first (ALTER TABLE … NO INHERIT, NOT OF, another type for whole rows); partitions can be changed",
        )
    if of.blind and not isinstance(operation, RenameColumn):
        work.fault(
            place_of(operation, "table"),
            f"policies of {of.relation} hide rows from {of.blind}, abreast's role: they could not be filled or checked",
            f"ALTER ROLE {ident(of.blind)} BYPASSRLS, or ALTER TABLE {of.relation.sql} NO FORCE ROW LEVEL SECURITY "
            "if the role is its owner",
        )


def _name_again(table: TableShape) -> None:
    """Where nothing says how the old value comes of the new one it is the same, under the name it has at the end."""
    for added in table.added.values():
        if added.replaces and added.replaces not in table.down:
            table.down[added.replaces] = Text(ident(added.final), added.down_place)


def _look_over_references(work: Reshaping, table: TableShape) -> None:
    """Foreign keys point to columns that are there, with the names they have at the end."""
    wanted: list[tuple[str, tuple[str, ...], Place]] = []
    wanted += [(one.table, (one.column,), place) for added in table.added.values() for one, place in added.references]
    wanted += [
        (one.references.table, one.references.columns, place.at("references"))
        for one, place in table.constraints
        if one.references
    ]
    if table.created:
        place = table.created.place
        wanted += [
            (one.references.table, (one.references.column,), place.at("columns", number, "references"))
            for number, one in enumerate(table.created.columns)
            if one.references
        ]
        wanted += [
            (one.references.table, one.references.columns, place.at("constraints", number, "references"))
            for number, one in enumerate(table.created.constraints)
            if one.references
        ]
    for name, columns, place in wanted:
        _look_over_reference(work, table, name, columns, place)


def _look_over_reference(work: Reshaping, table: TableShape, name: str, columns: tuple[str, ...], place: Place) -> None:
    target = work.shape.by_new_name(name)
    if target is None:
        there = ", ".join(sorted(one.new_name for one in work.shape.tables if one.new_name)) or "none"
        work.fault(place.at("table"), f"there is no table {name!r} here", f"name one of: {there}")
        return
    if table.created and target.created and work.shape.tables.index(target) > work.shape.tables.index(table):
        work.fault(place.at("table"), f"{name!r} is made after {table.new_name!r}", "make it before")
    for column in columns:
        slot = target.slots.get(column)
        if slot is None:
            there = ", ".join(target.slots)
            work.fault(place, f"{name} has no column {column!r} here", f"name one of: {there}")
        elif slot.physical in target.added:
            work.fault(
                place,
                f"{name}.{column} is made or changed by this very migration",
                "make the foreign key in a later migration",
            )


def _look_over_uniqueness(work: Reshaping, table: TableShape) -> None:
    """A unique index of a partitioned table must hold the columns that tell the partitions apart."""
    by_name = dict(table.new_view)
    wanted = [({physical}, added.place) for physical, added in table.added.items() if added.unique]
    wanted += [
        ({by_name.get(name, name) for name in one.columns}, place)
        for one, place in table.constraints
        if one.type in ("unique", "primary_key")
    ]
    wanted += [
        ({by_name.get(column.column, column.column) for column in one.columns}, one.place)
        for one in table.indexes
        if one.unique
    ]
    needed = set(table.table.partition_key)
    for columns, place in wanted:
        if not needed <= columns:
            work.fault(
                place,
                f"{table.new_name} is partitioned by {', '.join(table.table.partition_key)}: what is unique in it must"
                " hold these columns",
                "add them, or leave the rule to the application",
            )


def _look_over_levels(work: Reshaping, table: TableShape) -> None:
    """Indexes are built on partitions and put together there, which is done for one level of them."""
    if not table.table.nested:
        return
    places = [added.place for added in table.added.values() if added.unique or added.replaces]
    places += [place for one, place in table.constraints if one.type in ("unique", "primary_key")]
    places += [index.place for index in table.indexes]
    for place in places:
        work.fault(
            place,
            f"{table.new_name} has partitions that are partitioned themselves: no index can be built part by part",
            "add columns only, or make the index by `sql`",
        )


def _look_over_rows(work: Reshaping, table: TableShape) -> None:
    """Whether the table's rows can be filled and kept in step."""
    of = table.table
    places = [added.place for added in table.added.values()]
    places += [text.place for text in table.down.values()]
    if not places:
        return
    place = places[0]
    filled = any(added.up or added.sequence for added in table.added.values())
    if filled and not of.key:
        work.fault(
            place,
            f"{of.relation} has no primary key and no unique key that is never NULL: its rows cannot be filled in "
            "batches",
            "give it a primary key first",
        )
    for physical in table.added:
        if of.column(physical):
            work.fault(
                place,
                f"{of.relation} has a column {physical!r}, left by something that was not ended",
                f"see what is in it, then: ALTER TABLE {of.relation.sql} DROP COLUMN {ident(physical)}",
            )
    for name in of.before_triggers if filled or table.down else ():
        if name not in (ON_INSERT, ON_UPDATE) and name.encode() > ON_INSERT.encode():
            work.fault(
                place,
                f"the trigger {name!r} of {of.relation} would run after the one that keeps both versions in step",
                "rename it: triggers run in the order of their names, and ours begins with ~",
            )


def _sql(work: Reshaping, operation: Sql) -> None:
    work.shape.sql.append(operation)


_TAKEN: Final[Mapping[type[Operation], Callable[..., None]]] = {
    CreateTable: reshape_tables.create_table,
    RenameTable: reshape_tables.rename_table,
    DropTable: reshape_tables.drop_table,
    CreateIndex: reshape_tables.create_index,
    DropIndex: reshape_tables.drop_index,
    SetReplicaIdentity: reshape_tables.set_replica_identity,
    AddColumn: reshape_columns.add_column,
    DropColumn: reshape_columns.drop_column,
    RenameColumn: reshape_columns.rename_column,
    AlterColumn: reshape_columns.alter_column,
    CreateConstraint: reshape_constraints.create_constraint,
    DropConstraint: reshape_constraints.drop_constraint,
    DropMultiColumnConstraint: reshape_constraints.drop_multicolumn_constraint,
    RenameConstraint: reshape_constraints.rename_constraint,
    Sql: _sql,
}
