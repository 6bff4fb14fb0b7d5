"""What a statement changes for those who know the schema as it was before it, and how its words are read.

An enum names each kind of change; its value, after ``abreast-``, is the name of the lint rule.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from abreast.schema.lexing import Kind, Token


class What(StrEnum):
    """The kinds of change that can hurt a version which was there before them."""

    NEW_CHECK = "new-check"
    NEW_UNIQUE = "new-unique"
    NEW_FOREIGN_KEY = "new-foreign-key"
    NEW_REFERENCE = "new-reference"
    NOT_NULL = "not-null"
    REQUIRED_COLUMN = "required-column"
    NULLABLE = "nullable"
    CHANGED_DEFAULT = "changed-default"
    DROPPED_DEFAULT = "dropped-default"
    CHANGED_TYPE = "changed-type"
    NEW_ENUM_VALUE = "new-enum-value"
    DROP = "drop"
    DETACH = "detach"
    DROP_CONSTRAINT = "drop-constraint"
    DROP_INDEX = "drop-index"
    DROP_TRIGGER = "drop-trigger"
    RENAME = "rename"
    RENAME_CONSTRAINT = "rename-constraint"
    NEW_TRIGGER = "new-trigger"
    REPLACED = "replaced"
    ROW_SECURITY = "row-security"
    REVOKE = "revoke"
    EMPTIED = "emptied"
    REWRITTEN = "rewritten"
    UNKNOWN = "unknown"


class Space(StrEnum):
    """What a name names: within one of these (and one schema) a name means one thing."""

    RELATION = "relation"
    TYPE = "type"
    SCHEMA = "schema"
    OTHER = "other"


@dataclass(frozen=True)
class Thing:
    """An object by its name as written; ``schema`` is empty for a bare name and for ``public``."""

    space: Space
    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class Change:
    """One change, at the character ``start``: ``detail`` names what of ``on`` is changed, in words.

    ``on`` is None where it is nothing that a file could have made itself; ``columns`` are those it is all about.
    """

    what: What
    on: Thing | None
    detail: str
    start: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """All that one statement does: what it changes, the things and columns that it makes.

    ``renamed`` are names that a thing made earlier has from now on. ``moves``: bare names mean other things from here
    on (``search_path``).
    """

    changes: tuple[Change, ...] = ()
    made: tuple[Thing, ...] = ()
    added: tuple[tuple[Thing, str], ...] = ()
    renamed: tuple[tuple[Thing, Thing], ...] = ()
    moves: bool = False


def joined(readings: Iterable[Reading]) -> Reading:
    """Several readings as one, in order."""
    every = tuple(readings)
    return Reading(
        changes=tuple(change for reading in every for change in reading.changes),
        made=tuple(thing for reading in every for thing in reading.made),
        added=tuple(column for reading in every for column in reading.added),
        renamed=tuple(pair for reading in every for pair in reading.renamed),
        moves=any(reading.moves for reading in every),
    )


class UnreadError(Exception):
    """These words are not a statement that is known here; never leaves this room."""


_CLOSING: Final = {"(": 1, "[": 1, ")": -1, "]": -1}


class Cursor:
    """The words of a statement, read from left to right."""

    def __init__(self, words: Sequence[Token]) -> None:
        self._words = words
        self._at = 0

    @property
    def first(self) -> int:
        """Where its first word stands in the text."""
        return self._words[0].start

    @property
    def start(self) -> int:
        """Where the next word stands in the text; at the end, where the last one does."""
        return self._words[min(self._at, len(self._words) - 1)].start

    @property
    def _kind(self) -> Kind | None:
        """Of the next word; None at the end."""
        return self._words[self._at].kind if self._at < len(self._words) else None

    @property
    def rest(self) -> tuple[Token, ...]:
        """The words not yet read."""
        return tuple(self._words[self._at :])

    def sees(self, *keywords: str) -> bool:
        """Whether these keywords come next."""
        ahead = self._words[self._at : self._at + len(keywords)]
        return tuple(word.keyword for word in ahead) == keywords

    def take(self, *keywords: str) -> bool:
        """Read these keywords if they come next."""
        if not self.sees(*keywords):
            return False
        self._at += len(keywords)
        return True

    def take_any(self, *keywords: str) -> str:
        """Read one of these keywords if it comes next; empty otherwise."""
        return next((keyword for keyword in keywords if self.take(keyword)), "")

    def need(self, *keywords: str) -> None:
        """Read these keywords. UnreadError where something else stands."""
        if not self.take(*keywords):
            raise UnreadError(keywords)

    def word(self) -> str:
        """Read any keyword, in capitals. UnreadError at the end and at what is quoted."""
        if self._kind is not Kind.WORD:
            raise UnreadError(self.start)
        self._at += 1
        return self._words[self._at - 1].keyword

    def ident(self) -> str:
        """Read one identifier. UnreadError where none stands."""
        if self._kind not in (Kind.WORD, Kind.NAME):
            raise UnreadError(self.start)
        self._at += 1
        return self._words[self._at - 1].value

    def string(self) -> str:
        """Read a string constant, with its quotes. UnreadError where none stands."""
        if self._kind is not Kind.STRING:
            raise UnreadError(self.start)
        self._at += 1
        return self._words[self._at - 1].text

    def thing(self, space: Space = Space.RELATION) -> Thing:
        """Read a name with or without its schema. UnreadError where none stands."""
        parts = [self.ident()]
        while self.take("."):
            parts.append(self.ident())
        schema = parts[-2] if len(parts) > 1 else ""
        return Thing(space, "" if schema == "public" else schema, parts[-1])

    def things(self, space: Space = Space.RELATION) -> tuple[Thing, ...]:
        """Read names with commas between them; a function's arguments are passed over."""
        found = [self._with_arguments(space)]
        while self.take(","):
            found.append(self._with_arguments(space))
        return tuple(found)

    def until(self, keyword: str) -> None:
        """Read up to and with ``keyword`` outside parentheses. UnreadError if it does not come."""
        surface = next((word for word in at_surface(self.rest) if word.keyword == keyword), None)
        if surface is None:
            raise UnreadError(keyword)
        while self._words[self._at] is not surface:
            self._at += 1
        self._at += 1

    def parts(self) -> tuple["Cursor", ...]:
        """The rest, cut at the commas outside parentheses."""
        cut: list[list[Token]] = [[]]
        depth = 0
        for word in self.rest:
            depth += _CLOSING.get(word.keyword, 0)
            if word.keyword == "," and depth == 0:
                cut.append([])
            else:
                cut[-1].append(word)
        if not all(cut):
            raise UnreadError(self.start)
        return tuple(Cursor(each) for each in cut)

    def _with_arguments(self, space: Space) -> Thing:
        self.take("ONLY")
        thing = self.thing(space)
        self.take("*")
        if self.sees("("):
            self._at += enclosed(self.rest)
        return thing


def enclosed(words: Sequence[Token]) -> int:
    """How many words the parenthesis takes that ``words`` begin with. UnreadError if it is not closed."""
    depth = 0
    for count, word in enumerate(words, start=1):
        depth += _CLOSING.get(word.keyword, 0)
        if depth == 0:
            return count
    raise UnreadError(len(words))


def at_surface(words: Iterable[Token]) -> tuple[Token, ...]:
    """The words outside all parentheses."""
    depth = 0
    found: list[Token] = []
    for word in words:
        step = _CLOSING.get(word.keyword, 0)
        if depth == 0 and step == 0:
            found.append(word)
        depth += step
    return tuple(found)
