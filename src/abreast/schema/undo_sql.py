"""SQL that asks what ties rows to others, and that puts them back: each statement guarded by what it should find.

Images reach a statement as psycopg's parameters: ``bad`` and ``before`` for one row, ``images`` (a JSON array) for
many.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from abreast.schema.journal import Equality, JournalColumn, JournalTable, column_list, image, key_of, names
from abreast.schema.names import Relation, ident, literal

_BAD: Final = "\0bad\0"
_BEFORE: Final = "\0before\0"
_IMAGES: Final = "\0images\0"
"""Where the parameters go: no name has a NUL, as it may have a %."""


@dataclass(frozen=True)
class Reference:
    """A foreign key; ``parent_columns`` bring the operator for parent = child."""

    name: str
    child: Relation
    child_columns: tuple[str, ...]
    parent: Relation
    parent_columns: tuple[Equality, ...]

    def joined(self, parent: str, child: str) -> str:
        """SQL that is true when the row ``child`` points to the row ``parent``."""
        return " AND ".join(
            f"{parent}.{ident(one.column)} {one.operator} {child}.{ident(other)}"
            for one, other in zip(self.parent_columns, self.child_columns, strict=True)
        )


@dataclass(frozen=True)
class Unique:
    """A unique index over plain columns; one that is not ``immediate`` is only checked by a trigger, at a commit."""

    name: str
    columns: tuple[Equality, ...]
    immediate: bool

    def joined(self, one: str, other: str) -> str:
        """SQL that is true when both rows have the same values, none of them NULL."""
        return same(self.columns, one, other)


def same(columns: Iterable[Equality], one: str, other: str) -> str:
    """SQL that is true when both rows agree in ``columns``."""
    return " AND ".join(f"{one}.{ident(c.column)} {c.operator} {other}.{ident(c.column)}" for c in columns)


def present(table: JournalTable, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Those of an entry's ``texts`` that are columns still."""
    there = {column.name for column in table.columns if not column.virtual}
    return tuple(name for name in texts if name in there)


def held_sql(table: JournalTable, texts: tuple[str, ...]) -> str:
    """For each of ``images`` whose row is there, by key: its number (from 1), whether it is so still, its image now."""
    return _bound(
        f"SELECT e.number, {_is(table, 'e.image', texts)}, {image(table, 't', present(table, texts))}::text"
        f" FROM {_given(table)} JOIN {table.relation.sql} t ON {same(table.key, 't', 'r')}"
    )


def children_sql(reference: Reference, parent: JournalTable, child: JournalTable) -> str:
    """The number of an image, key and image of each row that points to it; the key is NULL where the child has none."""
    key = f"({key_of(child, image(child, 'c'))})::text" if child.key else "NULL::text"
    return _bound(
        f"SELECT e.number, {key}, {image(child, 'c')}::text FROM {_given(parent)}"
        f" JOIN {reference.child.sql} c ON {reference.joined('r', 'c')}"
    )


def parents_sql(reference: Reference, child: JournalTable, parent: JournalTable) -> str:
    """The number of an image that points to a parent, whether that is there, and its key if it has one."""
    key = f"({key_of(parent, image(parent, 'p'))})::text" if parent.key else "NULL::text"
    return _bound(
        f"SELECT e.number, p.there IS NOT NULL, p.key FROM {_given(child)} LEFT JOIN LATERAL"
        f" (SELECT true AS there, {key} AS key FROM {reference.parent.sql} p"
        f" WHERE {reference.joined('p', 'r')} LIMIT 1) p ON true WHERE {_filled(reference.child_columns, 'r')}"
    )


def occupants_sql(unique: Unique, table: JournalTable) -> str:
    """The number of an image, and the key of each row that has its unique values now."""
    return _bound(
        f"SELECT e.number, ({key_of(table, image(table, 't'))})::text FROM {_given(table)}"
        f" JOIN {table.relation.sql} t ON {unique.joined('t', 'r')}"
    )


def orphans_sql(reference: Reference, parent: JournalTable) -> str:
    """Some row that points to what ``images`` of parents held, and to nothing now; none when all is well."""
    return _bound(
        f"SELECT 1 FROM {_given(parent)} JOIN {reference.child.sql} c ON {reference.joined('r', 'c')}"
        f" WHERE NOT EXISTS (SELECT FROM {reference.parent.sql} p WHERE {reference.joined('p', 'c')}) LIMIT 1"
    )


def parentless_sql(reference: Reference, child: JournalTable) -> str:
    """Some of ``images`` that points to a parent that is not there; none when all is well."""
    return _bound(
        f"SELECT e.number FROM {_given(child)} WHERE {_filled(reference.child_columns, 'r')}"
        f" AND NOT EXISTS (SELECT FROM {reference.parent.sql} p WHERE {reference.joined('p', 'r')}) LIMIT 1"
    )


def keep_parents_sql(reference: Reference, child: JournalTable) -> str:
    """Lock the parents of ``images`` as the server's own check does, so that none goes before the commit."""
    return _bound(
        f"SELECT 1 FROM {reference.parent.sql} p WHERE EXISTS"
        f" (SELECT FROM {_given(child)} WHERE {reference.joined('p', 'r')}) FOR KEY SHARE OF p"
    )


def doubles_sql(unique: Unique, table: JournalTable) -> str:
    """Some pair of rows with the unique values of one of ``images``; none when all is well."""
    return _bound(
        f"SELECT e.number FROM {_given(table)} JOIN {table.relation.sql} t ON {unique.joined('t', 'r')}"
        " GROUP BY e.number HAVING count(*) > 1 LIMIT 1"
    )


def update_sql(
    table: JournalTable, columns: tuple[JournalColumn, ...], before_texts: tuple[str, ...], bad_texts: tuple[str, ...]
) -> str:
    """Put ``columns`` of the row back, if it is as ``bad`` has it; gives whether it now is as ``before`` has it."""
    sets = ", ".join(f"{ident(c.name)} = {_value(c, before_texts)}" for c in columns)
    return _bound(
        f"UPDATE {table.relation.sql} AS t SET {sets}"
        f" FROM {_row(table, _BAD, 'b')}, {_row(table, _BEFORE, 'n')}"
        f" WHERE {same(table.key, 't', 'b')} AND {_is(table, f'{_BAD}::jsonb', bad_texts)}"
        f" RETURNING {_is(table, f'{_BEFORE}::jsonb', before_texts)}"
    )


def delete_sql(table: JournalTable, bad_texts: tuple[str, ...]) -> str:
    """Take the row away, if it is as ``bad`` has it; gives true."""
    return _bound(
        f"DELETE FROM {table.relation.sql} AS t USING {_row(table, _BAD, 'b')}"
        f" WHERE {same(table.key, 't', 'b')} AND {_is(table, f'{_BAD}::jsonb', bad_texts)} RETURNING true"
    )


def insert_sql(table: JournalTable, before_texts: tuple[str, ...]) -> str:
    """Write the row again, if none has its key; gives whether it is as ``before`` has it."""
    columns = tuple(c for c in table.columns if not c.generated)
    values = ", ".join(_value(c, before_texts) for c in columns)
    return _bound(
        f"INSERT INTO {table.relation.sql} AS t ({column_list(columns)}) OVERRIDING SYSTEM VALUE"
        f" SELECT {values} FROM {_row(table, _BEFORE, 'n')} WHERE NOT EXISTS"
        f" (SELECT FROM {table.relation.sql} o WHERE {same(table.key, 'o', 'n')})"
        f" RETURNING {_is(table, f'{_BEFORE}::jsonb', before_texts)}"
    )


def _bound(text: str) -> str:
    """A statement as psycopg takes it: parameters by name, and a % of a name twice."""
    return re.sub("\0(\\w+)\0", r"%(\1)s", text.replace("%", "%%"))


def _is(table: JournalTable, document: str, texts: tuple[str, ...]) -> str:
    """True when ``t`` is as ``document`` has it, byte for byte, in the columns still there that are not generated."""
    written = names(tuple(c.name for c in table.columns if not c.generated))
    made = names(tuple(c.name for c in table.columns if c.generated))
    gone = f"ARRAY(SELECT jsonb_object_keys({document}) EXCEPT SELECT unnest({written}))"
    return f"(({image(table, 't', present(table, texts))} - {made})::text = ({document} - {gone})::text)"


def _value(column: JournalColumn, texts: tuple[str, ...]) -> str:
    name = literal(column.name)
    if not column.is_json:
        return f"n.{ident(column.name)}"
    if column.name in texts:
        return f"({_BEFORE}::jsonb ->> {name})::{column.type}"
    return f"nullif({_BEFORE}::jsonb -> {name}, 'null')::{column.type}"  # the column is newer than the trigger


def _row(table: JournalTable, document: str, alias: str) -> str:
    """An image as a row; a text in the place of JSON is left out, since it would be taken for a JSON string."""
    return f"jsonb_populate_record(NULL::{table.relation.sql}, {_without_json(table, f'{document}::jsonb')}) {alias}"


def _given(table: JournalTable) -> str:
    """``images`` as numbered rows ``r``."""
    return (
        f"jsonb_array_elements({_IMAGES}::jsonb) WITH ORDINALITY e (image, number) CROSS JOIN LATERAL"
        f" jsonb_populate_record(NULL::{table.relation.sql}, {_without_json(table, 'e.image')}) r"
    )


def _without_json(table: JournalTable, document: str) -> str:
    columns = tuple(c.name for c in table.columns if c.is_json and c.as_text)
    return f"({document} - {names(columns)})" if columns else f"({document})"


def _filled(columns: tuple[str, ...], row: str) -> str:
    return " AND ".join(f"{row}.{ident(column)} IS NOT NULL" for column in columns)
