"""SQL text cut into tokens, and a file of it into statements; whatever the text, the pieces join back to it.

Only the lexical rules are known here, as psql knows them: comments that nest, quotes of every kind, dollar quotes,
``BEGIN ATOMIC`` bodies, psql's own commands, the data after ``COPY … FROM stdin``. Also Flyway's ``${placeholder}``,
which may stand wherever a name may.

Rules: https://www.postgresql.org/docs/current/sql-syntax-lexical.html; where a statement ends: psqlscan.l.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Final


class Kind(Enum):
    """What a token is."""

    BLANK = auto()
    COMMENT = auto()
    WORD = auto()
    """A keyword, an unquoted name or a number."""
    NAME = auto()
    """A quoted identifier."""
    STRING = auto()
    SYMBOL = auto()
    DATA = auto()
    """A command of psql, or the lines after ``COPY … FROM stdin``."""
    UNCLOSED = auto()
    """A quote or a comment that runs to the end of the text."""


AROUND: Final = (Kind.BLANK, Kind.COMMENT)
"""What PostgreSQL does not look at."""
_BARE: Final = (Kind.WORD, Kind.SYMBOL)
_DEPTHS: Final = {"(": 1, ")": -1}
"""Nothing but a symbol has these texts."""


@dataclass(frozen=True)
class Token:
    """One piece of the text, from ``start`` (characters from the text's beginning)."""

    kind: Kind
    text: str
    start: int

    @cached_property
    def value(self) -> str:
        """What PostgreSQL reads: an unquoted name in lower case, a quoted one without its quotes; else the text."""
        if self.kind is Kind.WORD:
            return self.text.lower()
        if self.kind is Kind.NAME:
            return self.text[self.text.index('"') + 1 : -1].replace('""', '"')
        return self.text

    @cached_property
    def keyword(self) -> str:
        """In capitals if it may be a keyword, or the symbol; empty for what is quoted."""
        return self.text.upper() if self.kind in _BARE else ""


@dataclass(frozen=True)
class Statement:
    """One statement with everything around it: blanks and comments before, its ``;``, a comment on the same line."""

    tokens: tuple[Token, ...]

    @property
    def text(self) -> str:
        """As it stands in the file."""
        return "".join(token.text for token in self.tokens)

    @cached_property
    def words(self) -> tuple[Token, ...]:
        """What PostgreSQL looks at: neither blanks nor comments, nor the ``;`` at the end."""
        words = tuple(token for token in self.tokens if token.kind not in AROUND)
        return words[:-1] if words and words[-1].keyword == ";" else words

    @property
    def unclosed(self) -> bool:
        """Whether a quote, a comment or a parenthesis is still open where it ends."""
        depth = sum(_DEPTHS.get(token.text, 0) for token in self.words)
        return depth != 0 or any(token.kind is Kind.UNCLOSED for token in self.tokens)


_PATTERN: Final = re.compile(
    r"""
      (?P<BLANK>   [\ \t\n\r\f\v\ufeff]+ )
    | (?P<COMMENT> --[^\n\r]* )
    | (?P<OPEN>    /\* )
    | (?P<STRING>  (?: [eE]'(?:[^'\\]|\\.|'')*+' ) | (?: (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*+' )
                 | (?P<DOLLAR>\$(?:[^\W\d]\w*)?\$).*?(?P=DOLLAR) )
    | (?P<NAME>    (?:[uU]&)?"(?:[^"]|"")*+" )
    | (?P<UNCLOSED> (?: (?:[eEbBxXnN]|[uU]&)?'.* ) | (?: \$(?:[^\W\d]\w*)?\$.* ) | (?: (?:[uU]&)?".* ) )
    | (?P<WORD>    (?: \w | \$\{[^}\n]*\} ) (?: [\w$] | \$\{[^}\n]*\} )* )
    | (?P<SYMBOL>  . )
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS: Final = dict(Kind.__members__)
_MARK: Final = re.compile(r"/\*|\*/")
_COPIED: Final = re.compile(r"[^\n]*\n(?:.*?\n)?\\\.[^\S\n]*(?:\n|\Z)", re.DOTALL)
"""The rest of the line of ``COPY``, its data, and the line ``\\.``."""


def split(text: str) -> tuple[Statement, ...]:
    """The statements of ``text`` in order; their texts joined are ``text``. The last may be blank."""
    found: list[Statement] = []
    at = 0
    while at < len(text):
        piece = _statement(text, at)
        found.append(piece)
        at += sum(len(token.text) for token in piece.tokens)
    return tuple(found)


class Lines:
    """Where the characters of a text stand for a reader."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def position(self, start: int) -> tuple[int, int]:
        """Line and column of a character, both from 1."""
        line = bisect_right(self._starts, start)
        return line, start - self._starts[line - 1] + 1


def _token(text: str, at: int) -> Token:
    match = _PATTERN.match(text, at)
    if match is None or match.lastgroup is None:  # SYMBOL takes any character
        raise AssertionError(at)
    if match.lastgroup != "OPEN":
        return Token(_KINDS[match.lastgroup], match.group(), at)
    depth = 0
    for mark in _MARK.finditer(text, at):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return Token(Kind.COMMENT, text[at : mark.end()], at)
    return Token(Kind.UNCLOSED, text[at:], at)


def _statement(text: str, at: int) -> Statement:
    taken: list[Token] = []
    words: list[str] = []
    parentheses = bodies = 0
    while at < len(text):
        token = _token(text, at)
        if token.text == "\\" and not words:
            token = Token(Kind.DATA, text[at:].partition("\n")[0], at)
            return Statement((*taken, token))
        taken.append(token)
        at += len(token.text)
        if token.kind in AROUND:
            continue
        keyword = token.keyword
        words.append(keyword)
        if token.kind is Kind.WORD:
            bodies = _bodies(words, bodies)
        elif keyword in _DEPTHS:
            parentheses = max(0, parentheses + _DEPTHS[keyword])
        elif keyword == ";" and parentheses == bodies == 0:
            return Statement((*taken, *_rest(text, at, words)))
    return Statement(tuple(taken))


def _bodies(words: list[str], depth: int) -> int:
    """How many ``BEGIN … END`` and ``CASE … END`` of a function's SQL body are open after these words."""
    if words[0] != "CREATE" or not {"FUNCTION", "PROCEDURE"} & set(words[1:4]):
        return 0
    if words[-2:] == ["BEGIN", "ATOMIC"]:
        return depth + 1
    if depth and words[-1] == "CASE":
        return depth + 1
    return depth - 1 if depth and words[-1] == "END" else depth


def _rest(text: str, at: int, words: list[str]) -> tuple[Token, ...]:
    """What follows the ``;`` and still belongs to the statement: copied data, or a comment on its line."""
    if words[0] == "COPY" and "STDIN" in words:
        data = _COPIED.match(text, at)
        return (Token(Kind.DATA, data.group(), at),) if data else ()
    rest = re.compile(r"[^\S\n]*(?=--)").match(text, at)
    if rest is None:
        return ()
    comment = _token(text, rest.end())
    return (*((Token(Kind.BLANK, rest.group(), at),) if rest.group() else ()), comment)
