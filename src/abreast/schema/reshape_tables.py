"""Operations on whole tables, their indexes and their replica identity, onto a `Shape`."""

from abreast.schema.catalog import Column, Table
from abreast.schema.names import Relation, ident
from abreast.schema.operations import (
    CreateIndex,
    CreateTable,
    DropIndex,
    DropTable,
    RenameTable,
    SetReplicaIdentity,
    place_of,
)
from abreast.schema.reshaping import Reshaping
from abreast.schema.shape import Slot, TableShape


def create_table(work: Reshaping, operation: CreateTable) -> None:
    """A table that only the new version knows."""
    if not _free(work, operation, operation.name, "name"):
        return
    columns = tuple(
        Column(one.name, one.type, not one.nullable or one.pk, one.default, generated=bool(one.generated))
        for one in operation.columns
    )
    relation = Relation(work.shape.catalog.schema, operation.name)
    work.shape.tables.append(
        TableShape(
            relation=relation,
            table=Table(relation, columns),
            old_name=None,
            new_name=operation.name,
            slots={column.name: Slot(column.name, column, column.default) for column in columns},
            created=operation,
        )
    )


def rename_table(work: Reshaping, operation: RenameTable) -> None:
    """A table that each version calls otherwise."""
    found = work.existing(operation, operation.old, "from")
    if found and _free(work, operation, operation.new, "to"):
        found.new_name = operation.new


def drop_table(work: Reshaping, operation: DropTable) -> None:
    """A table that only the old version knows; it goes when the migration is contracted."""
    found = work.existing(operation, operation.name, "name")
    if found is None:
        return
    for referrer, _ in found.table.referrers:
        other = next((one for one in work.shape.tables if one.relation == referrer), None)
        if referrer != found.relation and (other is None or other.new_name is not None):
            work.fault(
                place_of(operation, "name"),
                f"a foreign key of {referrer} points to {operation.name!r}",
                "drop that constraint, or that table, first",
            )
    for column, what in found.table.readers:
        if what.startswith("the view "):
            work.fault(
                place_of(operation, "name"),
                f"{what} reads {operation.name!r} ({column})",
                "drop that view first, or leave the table",
            )
    found.new_name = None


def create_index(work: Reshaping, operation: CreateIndex) -> None:
    """An index that is built while both versions run."""
    table = work.table(operation, operation.table)
    if table is None:
        return
    work.free_relation(place_of(operation, "name"), operation.name)
    for number, column in enumerate(operation.columns):
        work.slot(operation, table, column.column, "columns", number)
    table.indexes.append(operation)


def drop_index(work: Reshaping, operation: DropIndex) -> None:
    """An index that goes when the migration is contracted."""
    found = work.shape.catalog.index(operation.name)
    if found is None:
        place = place_of(operation, "name")
        work.fault(place, f"there is no index {operation.name!r} here", "see \\di in psql")
    elif found[1].constraint:
        work.fault(
            place_of(operation, "name"),
            f"{operation.name!r} belongs to a constraint of {found[0].relation.name}",
            "use drop_multicolumn_constraint",
        )
    elif operation.name in work.shape.dropped_indexes:
        work.fault(place_of(operation, "name"), f"{operation.name!r} is dropped twice", "remove one of the two")
    else:
        work.shape.dropped_indexes.append(operation.name)


def set_replica_identity(work: Reshaping, operation: SetReplicaIdentity) -> None:
    """It holds from the start, for both versions."""
    table = work.existing(operation, operation.table)
    if table is None:
        return
    there = [index.name for index in table.table.indexes]
    if operation.index and operation.index not in there:
        work.fault(
            place_of(operation, "identity", "index"),
            f"{operation.table} has no index {operation.index!r}",
            f"name one of: {', '.join(there) or 'none'}",
        )
    table.replica_identity = f"USING INDEX {ident(operation.index)}" if operation.index else operation.type.upper()


def _free(work: Reshaping, operation: CreateTable | RenameTable, name: str, key: str) -> bool:
    """Whether neither version has a table of that name, and no index has it."""
    place = place_of(operation, key)
    if work.shape.by_new_name(name):
        work.fault(place, f"there is a table {name!r} already", "choose another name")
        return False
    return work.free_relation(place, name, table=True)
