"""The keys of operations on constraints."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from abreast.schema import operations as made
from abreast.schema.column_keys import ConstraintKeys
from abreast.schema.mapping_keys import KeyFault, Maker, MigrationKeys, RenameKeys, built
from abreast.schema.migration_values import ByColumn, Expression, Name, NewConstraint


def _expression_faults(key: str, found: Mapping[str, str], columns: tuple[str, ...]) -> Iterator[KeyFault]:
    """``up`` or ``down`` has one expression for each of a constraint's columns, and for no other."""
    for name in columns:
        if name not in found:
            message = f"`{key}` has no expression for the column {name!r}"
            yield KeyFault((key,), message, f"add one under its name; `{name}: {name}` leaves its values alone")
    for name in found:
        if name not in columns:
            message = (
                f"{name!r} is not among the constraint's columns, {', '.join(columns) or 'of which there are none'}"
            )
            yield KeyFault((key, name), message, "remove it, or add the column to `columns`")


class CreateConstraintKeys(ConstraintKeys):
    """A new constraint; a check may leave out ``columns``: they are those that ``up`` names."""

    kind: ClassVar[Maker] = made.CreateConstraint
    table: Name
    type: NewConstraint
    up: ByColumn
    down: ByColumn

    def _faults(self) -> Iterator[KeyFault]:
        yield from super()._faults()
        yield from _expression_faults("up", self.up, self._covered())
        yield from _expression_faults("down", self.down, self._covered())

    def _covered(self) -> tuple[str, ...]:
        return self.columns or tuple(self.up)

    def values(self) -> dict[str, object]:
        """The constraint's keys as one constraint."""
        own = {key: built(getattr(self, key)) for key in ("table", "up", "down")}
        values = {key: value for key, value in super().values().items() if key not in own}
        return {**own, "constraint": ConstraintKeys.kind(**{**values, "columns": self._covered()})}


class DropConstraintKeys(MigrationKeys):
    """A constraint of one column goes."""

    kind: ClassVar[Maker] = made.DropConstraint
    table: Name
    name: Name
    up: Expression
    down: Expression


class DropMultiColumnConstraintKeys(MigrationKeys):
    """A constraint goes."""

    kind: ClassVar[Maker] = made.DropMultiColumnConstraint
    table: Name
    name: Name
    down: ByColumn
    up: dict[Name, Expression] = Field(default_factory=dict)

    def _faults(self) -> Iterator[KeyFault]:
        if self.up:
            yield from _expression_faults("up", self.up, tuple(self.down))


class RenameConstraintKeys(RenameKeys):
    """A constraint's new name."""

    kind: ClassVar[Maker] = made.RenameConstraint
    table: Name
