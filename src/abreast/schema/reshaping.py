"""What every operation needs while a schema is reshaped: names looked up, columns doubled, faults collected."""

from collections.abc import Mapping
from dataclasses import replace

from abreast.model.errors import Fault
from abreast.schema.catalog import Catalog, Column
from abreast.schema.names import ident
from abreast.schema.operations import Operation, place_of
from abreast.schema.place import Place
from abreast.schema.shape import Added, Slot, TableShape, Text, added_name, unchanged


class Reshaping:
    """A `Shape` on its way, and the faults of what does not fit. ``types``: written types as the catalog has them."""

    def __init__(self, catalog: Catalog, types: Mapping[str, str]) -> None:
        self.shape = unchanged(catalog)
        self.types = types
        self.faults: list[Fault] = []

    def fault(self, place: Place, message: str, remedy: str) -> None:
        """One more."""
        self.faults.append(place.fault(message, remedy))

    def table(self, operation: Operation, name: str, key: str = "table") -> TableShape | None:
        """The table that the new version calls so, by now; a fault if there is none."""
        found = self.shape.by_new_name(name)
        if found is None:
            there = ", ".join(sorted(table.new_name for table in self.shape.tables if table.new_name)) or "none"
            self.fault(place_of(operation, key), f"there is no table {name!r} here", f"name one of: {there}")
        return found

    def existing(self, operation: Operation, name: str, key: str = "table") -> TableShape | None:
        """The same, not made by this very migration."""
        found = self.table(operation, name, key)
        if found and found.created:
            self.fault(place_of(operation, key), f"{name!r} is made by this migration", "say it in its create_table")
            return None
        return found

    def slot(self, operation: Operation, table: TableShape, name: str, *keys: str | int) -> Slot | None:
        """The column that the new version calls so, by now; a fault if there is none."""
        found = table.slots.get(name)
        if found is None:
            place = place_of(operation, *(keys or ("column",)))
            self.fault(place, f"{table.new_name} has no column {name!r} here", f"name one of: {', '.join(table.slots)}")
        return found

    def free(self, operation: Operation, table: TableShape, name: str, *keys: str) -> bool:
        """Whether no column is called so yet; a fault otherwise."""
        if name in table.slots:
            self.fault(place_of(operation, *keys), f"{table.new_name} has a column {name!r} already", "choose another")
            return False
        return True

    def free_constraint(self, place: Place, table: TableShape, name: str) -> bool:
        """Whether no constraint of the table, and none that is to come, is called so; a fault otherwise."""
        taken = {one.name for one in table.table.constraints} | {one.name for one, _ in table.constraints}
        taken |= {new for _, new in table.renamed_constraints}
        for added in table.added.values():
            taken.update(name for name, _, _ in added.checks)
            taken.update([*added.unique, *(reference.name for reference, _ in added.references)])
        if name in taken:
            self.fault(place, f"there is a constraint {name!r} already", "choose another name")
        return name not in taken

    def free_relation(self, place: Place, name: str, *, table: bool = False) -> bool:
        """Whether nothing of the schema is called so, or is to be; a fault otherwise. A ``table`` is a type as well."""
        catalog = self.shape.catalog
        found = catalog.index(name)
        what = "an index" if found else "a table" if name in catalog.tables else catalog.relations.get(name)
        what = catalog.types.get(name, what) if table else what
        what = "an index" if any(name in _to_come(table) for table in self.shape.tables) else what
        what = "a table" if self.shape.by_new_name(name) else what
        if what:
            self.fault(place, f"there is {what} {name!r} already", "choose another name")
        return what is None

    def twin(
        self, operation: Operation, table: TableShape, name: str, up: str | None, down: str | None, *keys: str
    ) -> Added | None:
        """A column beside the one that the new version calls so; None, with a fault, where that cannot be."""
        slot = table.slots[name]
        if slot.physical in table.added:
            self.fault(place_of(operation), f"{name!r} is changed twice in one migration", "say it in one operation")
            return None
        if not self.replaceable(operation, table, slot):
            return None
        physical = added_name(name)
        old = slot.column
        added = Added(
            column=Column(physical, old.type, collation=old.collation, comment=old.comment),
            final=name,
            place=place_of(operation),
            replaces=slot.physical,
            not_null=old.not_null,
            default=slot.default,
            up=Text(up or ident(slot.physical), place_of(operation, "up", *keys)),
            down_place=place_of(operation, "down", *keys),
        )
        table.added[physical] = added
        table.gone.append(slot.physical)
        if down:
            table.down[slot.physical] = Text(down, added.down_place)
        table.slots[name] = replace(slot, physical=physical, column=added.column, place=added.place)
        return added

    def replaceable(self, operation: Operation, table: TableShape, slot: Slot) -> bool:
        """Whether the column may give way to another; a fault for each reason against it."""
        name, of = slot.physical, table.table
        reasons = [f"{what} reads it" for column, what in of.readers if column == name]
        if name in of.key:
            reasons.append("rows are found by it: it belongs to the key")
        reasons += [f"a foreign key of {who} points to it" for who, columns in of.referrers if name in columns]
        if name in of.partition_key:
            reasons.append("it decides about a row's partition")
        if slot.column.identity or slot.column.generated:
            reasons.append("the server makes its values")
        if name in table.added:
            reasons.append("it is made by this very migration")
        for reason in reasons:
            self.fault(
                place_of(operation, "column"),
                f"{of.relation.name}.{name} cannot be replaced: {reason}",
                "change or drop that first, or leave the column as it is",
            )
        return not reasons


def _to_come(table: TableShape) -> set[str]:
    """Names of indexes and sequences that the migration makes, by now."""
    found = {one.name for one in table.indexes}
    found |= {one.name for one, _ in table.constraints if one.type in ("unique", "primary_key")}
    found |= {new for _, new in table.renamed_constraints}
    for physical, added in table.added.items():
        found.update(added.unique)
        if added.sequence:
            found.add(table.sequence(physical).name)
    return found
