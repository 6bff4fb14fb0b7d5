"""Operations on constraints, onto a `Shape`: the columns of one that comes or goes are doubled."""

from collections.abc import Mapping

from abreast.schema import columns
from abreast.schema.catalog import Constraint
from abreast.schema.names import ident
from abreast.schema.operations import (
    CreateConstraint,
    DropConstraint,
    DropMultiColumnConstraint,
    Operation,
    RenameConstraint,
    place_of,
)
from abreast.schema.reshaping import Reshaping
from abreast.schema.shape import Added, TableShape

DROPPABLE = ("check", "foreign key", "unique")


def create_constraint(work: Reshaping, operation: CreateConstraint) -> None:
    """A constraint on the new version's values alone."""
    table = work.existing(operation, operation.table)
    if table is None:
        return
    wanted = operation.constraint
    indexed = wanted.type in ("unique", "primary_key")
    place = place_of(operation, "name")
    if not work.free_constraint(place, table, wanted.name) or (indexed and not work.free_relation(place, wanted.name)):
        return
    if wanted.type == "primary_key" and any(one.kind == "primary key" for one in table.table.constraints):
        work.fault(place_of(operation), f"{operation.table} has a primary key already", "drop it first")
        return
    names = wanted.columns or tuple(name for name, _ in operation.up)
    slots = [work.slot(operation, table, name, "columns") for name in names]
    if None in slots:
        return
    for name in () if _known_unique(table, wanted) else _to_double(operation, table, names):
        added = _doubled(work, operation, table, name, dict(operation.up), dict(operation.down))
        if added and wanted.type == "primary_key":
            added.not_null = True
    table.constraints.append((wanted, place_of(operation)))


def drop_constraint(work: Reshaping, operation: DropConstraint) -> None:
    """The constraint of one column stays with the old version's values."""
    table = work.existing(operation, operation.table)
    found = _droppable(work, operation, table, operation.name) if table else None
    if table is None or found is None:
        return
    names = _names(table, found)
    if len(names) != 1:
        work.fault(
            place_of(operation, "name"),
            f"{found.name!r} is of {len(names)} columns",
            "use drop_multicolumn_constraint",
        )
        return
    _doubled(work, operation, table, names[0], {names[0]: operation.up}, {names[0]: operation.down}, single=True)
    table.dropped_constraints.append(found.name)


def drop_multicolumn_constraint(work: Reshaping, operation: DropMultiColumnConstraint) -> None:
    """The same of several columns."""
    table = work.existing(operation, operation.table)
    found = _droppable(work, operation, table, operation.name) if table else None
    if table is None or found is None:
        return
    names = _names(table, found)
    up, down = dict(operation.up), dict(operation.down)
    for key, given in (("up", up), ("down", down)):
        for name in sorted(set(given) - set(names)):
            work.fault(
                place_of(operation, key, name),
                f"{name!r} is no column of {found.name!r}",
                f"name: {', '.join(names) or 'none'}",
            )
    for name in names:
        _doubled(work, operation, table, name, up, down)
    table.dropped_constraints.append(found.name)


def rename_constraint(work: Reshaping, operation: RenameConstraint) -> None:
    """It gets its new name when the migration is contracted."""
    table = work.existing(operation, operation.table)
    found = _constraint(work, operation, table, operation.old, "from") if table else None
    if table is None or found is None or not work.free_constraint(place_of(operation, "to"), table, operation.new):
        return
    indexed = found.kind in ("primary key", "unique", "exclude")
    if not indexed or work.free_relation(place_of(operation, "to"), operation.new):
        table.renamed_constraints.append((operation.old, operation.new))


def _known_unique(table: TableShape, wanted: columns.Constraint) -> bool:
    """Whether the old version keeps to it already: rows are found by these columns, which are never NULL."""
    slots = [table.slots[name] for name in wanted.columns]
    return (
        wanted.type in ("unique", "primary_key")
        and bool(table.table.key)
        and set(table.table.key) <= {slot.physical for slot in slots}
        and all(slot.column.not_null and slot.physical not in table.added for slot in slots)
    )


def _to_double(operation: CreateConstraint, table: TableShape, names: tuple[str, ...]) -> tuple[str, ...]:
    """A key's columns cannot be doubled and need not be, if their values are the same and another column is."""
    up, down = dict(operation.up), dict(operation.down)
    left = tuple(
        name
        for name in names
        if table.slots[name].physical not in table.table.key or not (_same(up, name) and _same(down, name))
    )
    return left or names


def _same(given: Mapping[str, str], name: str) -> bool:
    """Whether the expression for the column leaves its value as it is."""
    return given.get(name, name).strip() in (name, ident(name))


def _doubled(
    work: Reshaping,
    operation: CreateConstraint | DropConstraint | DropMultiColumnConstraint,
    table: TableShape,
    name: str,
    up: Mapping[str, str],
    down: Mapping[str, str],
    *,
    single: bool = False,
) -> Added | None:
    """The column beside the one of that name: the one that is there already, if nothing else is said of its values."""
    added = table.added.get(table.slots[name].physical)
    if added is None:
        return work.twin(operation, table, name, up.get(name), down.get(name), *(() if single else (name,)))
    for key, given in (("up", up), ("down", down)):
        if not _same(given, name):
            place = place_of(operation, key) if single else place_of(operation, key, name)
            remedy = f"say it in the first, and here just `{name}`"
            work.fault(place, f"another operation of this migration says what {name!r} becomes", remedy)
    return added


def _names(table: TableShape, found: Constraint) -> list[str]:
    """The new version's names of a constraint's columns."""
    by_physical = {slot.physical: name for name, slot in table.slots.items()}
    by_physical |= {added.replaces: added.final for added in table.added.values() if added.replaces}
    return [by_physical[column] for column in found.columns if column in by_physical]


def _droppable(work: Reshaping, operation: Operation, table: TableShape, name: str) -> Constraint | None:
    found = _constraint(work, operation, table, name, "name")
    if found is None:
        return None
    place = place_of(operation, "name")
    if found.kind not in DROPPABLE:
        work.fault(place, f"{name!r} is a constraint of the kind {found.kind}", f"only {', '.join(DROPPABLE)} can go")
        return None
    if name in table.dropped_constraints:
        work.fault(place, f"{name!r} is dropped twice", "remove one of the two")
        return None
    return found


def _constraint(work: Reshaping, operation: Operation, table: TableShape, name: str, key: str) -> Constraint | None:
    found = table.table.constraint(name)
    if found is None:
        there = ", ".join(one.name for one in table.table.constraints) or "none"
        place = place_of(operation, key)
        work.fault(place, f"{table.new_name} has no constraint {name!r}", f"name one of: {there}")
    return found
