"""Operations on columns, onto a `Shape`."""

from dataclasses import replace
from typing import Final

from abreast.schema.catalog import Column
from abreast.schema.expression import constant
from abreast.schema.names import made_name
from abreast.schema.operations import UNSET, AddColumn, AlterColumn, DropColumn, RenameColumn, place_of
from abreast.schema.reshaping import Reshaping
from abreast.schema.shape import Added, Slot, TableShape, Text, added_name, sequence_name

SERIALS: Final = {"smallserial": "smallint", "serial": "integer", "bigserial": "bigint"}


def add_column(work: Reshaping, operation: AddColumn) -> None:
    """A column that only the new version sees."""
    table, wanted = work.existing(operation, operation.table), operation.column
    if table is None or not work.free(operation, table, wanted.name, "column", "name"):
        return
    if not _addable(work, operation):
        return
    physical, place = added_name(wanted.name), place_of(operation, "column")
    serial = SERIALS.get(wanted.type.lower())
    filled = operation.up is None and wanted.default is not None and constant(wanted.default)
    up = Text(operation.up, place_of(operation, "up")) if operation.up else None
    if up is None and wanted.default is not None and not filled:
        up = Text(wanted.default, place_of(operation, "column", "default"))
    if not wanted.nullable and up is None and not filled and not serial:
        work.fault(
            place,
            f"{wanted.name!r} may not be NULL, and nothing says what it is in rows of the old version",
            "give `up` or `default`, or say `nullable: true`",
        )
    added = Added(
        column=Column(physical, serial or work.types[wanted.type], comment=wanted.comment),
        final=wanted.name,
        place=place,
        not_null=not wanted.nullable or bool(serial),
        default=wanted.default,
        table_default=filled,
        sequence=bool(serial),
        up=up,
    )
    unique = made_name("", f"{operation.table}_{wanted.name}_key")
    if wanted.check:
        _check(work, operation, table, added, "column", "check")
    if wanted.unique and work.free_relation(place, unique):
        added.unique.append(unique)
    if wanted.references and work.free_constraint(place, table, wanted.references.name):
        added.references.append((wanted.references, place_of(operation, "column", "references")))
    if serial:
        work.free_relation(place, sequence_name(table.relation, wanted.name))
    table.added[physical] = added
    table.slots[wanted.name] = Slot(physical, added.column, added.default, place=place.at("default"))


def drop_column(work: Reshaping, operation: DropColumn) -> None:
    """A column that only the old version sees."""
    table = work.existing(operation, operation.table)
    slot = work.slot(operation, table, operation.column) if table else None
    if table is None or slot is None or not work.replaceable(operation, table, slot):
        return
    if slot.column.not_null and slot.column.default is None and not operation.down:
        work.fault(
            place_of(operation),
            f"{operation.column!r} may not be NULL, and nothing says what it is in rows of the new version",
            "give `down`",
        )
    table.gone.append(slot.physical)
    if operation.down:
        table.down[slot.physical] = Text(operation.down, place_of(operation, "down"))
    del table.slots[operation.column]


def rename_column(work: Reshaping, operation: RenameColumn) -> None:
    """A column that each version calls otherwise."""
    table = work.existing(operation, operation.table)
    slot = work.slot(operation, table, operation.old, "from") if table else None
    if table is None or slot is None or not work.free(operation, table, operation.new, "to"):
        return
    old, new = operation.old, operation.new
    table.slots = {new if name == old else name: slot for name, slot in table.slots.items()}
    if slot.physical in table.added:
        table.added[slot.physical].final = new
    _rename_in_waiting(table, old, new)


def alter_column(work: Reshaping, operation: AlterColumn) -> None:
    """A column of other values or other rules is doubled; a default or comment belongs to the new version's view."""
    table = work.existing(operation, operation.table)
    slot = work.slot(operation, table, operation.column) if table else None
    if table is None or slot is None:
        return
    not_null = slot.column.not_null if operation.nullable is None else not operation.nullable
    wanted = work.types[operation.type] if operation.type is not None else slot.column.type
    rules = operation.unique or operation.check or operation.references
    if wanted != slot.column.type or not_null != slot.column.not_null or rules:
        added = _altered(work, operation, table, not_null=not_null, wanted=wanted)
        if added is None:
            return
        slot = table.slots[operation.column]
        slot.column = added.column
    if operation.default is not UNSET and (slot.column.identity or slot.column.generated):
        work.fault(
            place_of(operation, "default"),
            f"{operation.column!r} can have no default: the server makes its values",
            "leave `default` out",
        )
    elif operation.default is not UNSET:
        slot.default, slot.default_changed = operation.default, True
        slot.place = place_of(operation, "default")
        if slot.physical in table.added:
            table.added[slot.physical].default = operation.default
    if operation.comment is not UNSET:
        slot.column, slot.comment_changed = replace(slot.column, comment=operation.comment), True


def _altered(
    work: Reshaping, operation: AlterColumn, table: TableShape, *, not_null: bool, wanted: str
) -> Added | None:
    """The column beside the one that changes; None, with a fault, where that cannot be."""
    column = table.slots[operation.column].column
    if not_null and not column.not_null and operation.up is None:
        work.fault(
            place_of(operation, "nullable"),
            f"{operation.column!r} holds NULL for the old version, and nothing says what that becomes",
            "give `up`, such as coalesce(…, …)",
        )
    added = work.twin(operation, table, operation.column, operation.up, operation.down)
    if added is None:
        return None
    collation = added.column.collation if wanted == column.type else ""
    added.column = replace(added.column, type=wanted, collation=collation)
    added.not_null = not_null
    if operation.check:
        _check(work, operation, table, added, "check")
    if operation.unique:
        place = place_of(operation, "unique", "name")
        if work.free_constraint(place, table, operation.unique.name) and work.free_relation(
            place, operation.unique.name
        ):
            added.unique.append(operation.unique.name)
    if operation.references:
        place = place_of(operation, "references", "name")
        if work.free_constraint(place, table, operation.references.name):
            added.references.append((operation.references, place_of(operation, "references")))
    return added


def _check(work: Reshaping, operation: AddColumn | AlterColumn, table: TableShape, added: Added, *keys: str) -> None:
    wanted = operation.column.check if isinstance(operation, AddColumn) else operation.check
    if wanted and work.free_constraint(place_of(operation, *keys, "name"), table, wanted.name):
        text = Text(wanted.constraint, place_of(operation, *keys, "constraint"))
        added.checks.append((wanted.name, text, wanted.no_inherit))


def _addable(work: Reshaping, operation: AddColumn) -> bool:
    """Whether such a column can be added while the table is in use; a fault otherwise."""
    if operation.column.generated:
        work.fault(
            place_of(operation, "column", "generated"),
            "a generated column rewrites the whole table under a lock that stops everybody",
            "add a plain column with `up`, or make the table anew with create_table",
        )
    if operation.column.pk:
        work.fault(
            place_of(operation, "column", "pk"),
            "a column that is added cannot be the primary key at once",
            "add it with `unique: true`, then make the key with create_constraint in a later migration",
        )
    return not operation.column.generated and not operation.column.pk


def _rename_in_waiting(table: TableShape, old: str, new: str) -> None:
    """Indexes and constraints that are still to be made name the column as it was when they were read."""

    def called(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == old else name for name in names)

    for number, index in enumerate(table.indexes):
        columns = tuple(replace(one, column=new) if one.column == old else one for one in index.columns)
        table.indexes[number] = replace(index, columns=columns)
    for number, (wanted, place) in enumerate(table.constraints):
        parameters = wanted.index_parameters
        if parameters:
            parameters = replace(parameters, include_columns=called(parameters.include_columns))
        target = wanted.references
        if target:
            target = replace(target, on_delete_set_columns=called(target.on_delete_set_columns))
        changed = replace(wanted, columns=called(wanted.columns), index_parameters=parameters, references=target)
        table.constraints[number] = (changed, place)
