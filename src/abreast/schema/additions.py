"""What a new column or a new constraint asks of those who do not know it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from abreast.schema.ddl_changes import Change, Cursor, Reading, Thing, UnreadError, What, at_surface, enclosed
from abreast.schema.lexing import Kind, Token

_CONSTRAINTS: Final = frozenset({"CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "FOREIGN", "EXCLUDE", "NOT"})
_SERIAL: Final = frozenset({"SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL2", "SERIAL4", "SERIAL8"})
_OPERATORS: Final = frozenset(
    {
        *("AND", "OR", "NOT", "IS", "NULL", "IN", "BETWEEN", "SYMMETRIC", "LIKE", "ILIKE", "SIMILAR", "TO"),
        *("TRUE", "FALSE", "UNKNOWN", "ANY", "ALL", "ARRAY", "DISTINCT", "FROM"),
    }
)


def addition(table: Thing, cursor: Cursor, start: int) -> Reading:
    """Of the words after ``ALTER TABLE … ADD``. UnreadError where they are not known."""
    if cursor.rest and cursor.rest[0].keyword in _CONSTRAINTS:
        return constraint(table, cursor, start)
    cursor.take("COLUMN")
    guarded = cursor.take("IF", "NOT", "EXISTS")
    column = cursor.ident()
    changes = tuple(_of_new_column(table, column, cursor.rest, start))
    return Reading(changes, added=() if guarded else ((table, column),))


def constraint(on: Thing, cursor: Cursor, start: int) -> Reading:
    """Of ``[CONSTRAINT name] CHECK (…)`` and its like, for a table or a domain. UnreadError for an unknown kind."""
    name = f"constraint {cursor.ident()}" if cursor.take("CONSTRAINT") else "a constraint"
    kind = cursor.word()
    if any(_pair(cursor.rest, "NOT", "ENFORCED")) or cursor.sees("USING", "INDEX"):
        # Nobody is held to it; or the unique index is there already (making it is reported where it is made).
        return Reading()
    match kind:
        case "CHECK":
            return Reading((Change(What.NEW_CHECK, on, name, start),))
        case "UNIQUE" | "PRIMARY" | "EXCLUDE":
            return Reading((Change(What.NEW_UNIQUE, on, name, start),))
        case "NOT":
            cursor.need("NULL")
            column = cursor.ident() if cursor.rest else ""
            return Reading((Change(What.NOT_NULL, on, f"column {column}".rstrip(), start),))
        case "FOREIGN":
            return Reading((Change(What.NEW_FOREIGN_KEY, on, name, start), *references(on, cursor.rest)))
        case _:
            raise UnreadError(kind)


def references(table: Thing, words: Sequence[Token]) -> tuple[Change, ...]:
    """Of each ``REFERENCES`` among ``words``: what it does to the rows of the other table."""
    found: list[Change] = []
    for at, word in enumerate(words):
        if word.keyword == "REFERENCES" and at + 1 < len(words):
            other = Cursor(words[at + 1 :]).thing()
            if other != table:
                found.append(Change(What.NEW_REFERENCE, other, f"by {table}", word.start))
    return tuple(found)


def _of_new_column(table: Thing, column: str, words: tuple[Token, ...], start: int) -> list[Change]:
    surface = at_surface(words)
    seen = {word.keyword for word in surface}
    filled = bool(seen & _SERIAL) or "GENERATED" in seen
    default = "DEFAULT" in seen and not any(_pair(surface, "DEFAULT", "NULL"))
    found: list[Change] = []
    if (any(_pair(surface, "NOT", "NULL")) or "PRIMARY" in seen) and not filled and not default:
        found.append(Change(What.REQUIRED_COLUMN, table, f"column {column}", start))
    alike = default or any(_pair(surface, "NOT", "DISTINCT"))
    if "UNIQUE" in seen and alike and not filled:
        found.append(Change(What.NEW_UNIQUE, table, f"column {column}", start))
    if any(_looks_elsewhere(column, words[at + 1 :]) for at, word in enumerate(words) if word.keyword == "CHECK"):
        found.append(Change(What.NEW_CHECK, table, f"column {column}", start))
    return [*found, *references(table, words)]


def _looks_elsewhere(column: str, words: Sequence[Token]) -> bool:
    """Whether the check in parentheses that ``words`` begin with may look at other columns than its own."""
    inside = words[: enclosed(words)]
    for at, word in enumerate(inside[:-1]):
        named = word.kind is Kind.NAME or (word.kind is Kind.WORD and not word.text[0].isdigit())
        called = inside[at + 1].keyword == "("
        cast = inside[at - 1].keyword == ":"
        if named and word.value != column and not called and not cast and word.keyword not in _OPERATORS:
            return True
    return False


def _pair(words: Sequence[Token], first: str, second: str) -> list[bool]:
    """For each two neighbours, whether they are these keywords."""
    return [(one.keyword, two.keyword) == (first, second) for one, two in pairwise(words)]
