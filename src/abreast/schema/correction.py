"""Corrections: what makes the side that is wrong the same as the side that is right, in SQL that checks first. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from abreast.schema.digest import Difference, Key, Row, Source, placeholder_safe, values_sql
from abreast.schema.names import ident, idents

Truth = Literal["left", "right"]
"""Which side is right."""


class Action(StrEnum):
    """What is done to the row of the side that is wrong."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True)
class Correction:
    """One row's: ``before`` is what the wrong side holds, ``after`` what the right one does; None: no row."""

    key: Key
    action: Action
    before: Row | None
    after: Row | None


def correction(difference: Difference, truth: Truth) -> Correction:
    """The one that copies the side that is right over the other."""
    after, before = (difference.left, difference.right) if truth == "left" else (difference.right, difference.left)
    if before is None:
        return Correction(difference.key, Action.INSERT, before, after)
    action = Action.DELETE if after is None else Action.UPDATE
    return Correction(difference.key, action, before, after)


@dataclass(frozen=True)
class Target:
    """Where corrections are written. Types are SQL, one for each key column and for each value of the source.

    ``generated``: columns that the database computes. The source's values must be plain columns.
    """

    source: Source
    key_types: Sequence[str]
    value_types: Sequence[str]
    generated: Collection[str] = ()

    @property
    def expressions(self) -> tuple[str, ...]:
        """Values that are no plain columns: these cannot be written."""
        return tuple(value.name for value in self.source.values if value.sql != f"t.{ident(value.name)}")

    def statement(self, fix: Correction) -> tuple[str, list[object]] | None:
        """SQL with its parameters, which does nothing unless the row is still as seen; None: nothing can be written.

        An update is no INSERT … ON CONFLICT, which would bring back a row deleted meanwhile.
        """
        if fix.action is Action.INSERT:
            return self._insert(fix)
        where = (
            f"WHERE {self._matched()} AND {placeholder_safe(values_sql(self.source))} IS NOT DISTINCT FROM %s::text[]"
        )
        guard: list[object] = [*fix.key, list(fix.before or ())]
        if fix.action is Action.DELETE:
            return f"DELETE FROM {self._table} AS t {where}", guard
        changed = [
            (name, kind, text)
            for name, kind, text, was in zip(
                self.source.names, self.value_types, fix.after or (), fix.before or (), strict=True
            )
            if text != was and name not in self.generated
        ]
        if not changed:
            return None
        sets = ", ".join(
            placeholder_safe(ident(name)) + f" = %s::{placeholder_safe(kind)}" for name, kind, _ in changed
        )
        return f"UPDATE {self._table} AS t SET {sets} {where}", [*(text for *_, text in changed), *guard]

    def _insert(self, fix: Correction) -> tuple[str, list[object]]:
        cells = dict(
            zip(
                (*self.source.key, *self.source.names),
                zip((*self.key_types, *self.value_types), (*fix.key, *(fix.after or ())), strict=True),
                strict=True,
            )
        )
        written = {name: cell for name, cell in cells.items() if name not in self.generated}
        casts = ", ".join(f"%s::{placeholder_safe(kind)}" for kind, _ in written.values())
        columns = placeholder_safe(idents(list(written)))
        return (
            f"INSERT INTO {self._table} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({casts}) ON CONFLICT DO NOTHING",
            [text for _, text in written.values()],
        )

    @property
    def _table(self) -> str:
        return placeholder_safe(self.source.rows)

    def _matched(self) -> str:
        pairs = zip(self.source.key, self.key_types, strict=True)
        return " AND ".join(f"t.{placeholder_safe(ident(name))} = %s::{placeholder_safe(kind)}" for name, kind in pairs)
