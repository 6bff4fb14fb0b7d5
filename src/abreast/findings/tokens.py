"""Text cut into tokens: what of a noisy text stays the same and what varies is learned token by token."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, NamedTuple

LONGEST_TEXT: Final = 512
"""Characters; longer texts are not cut into tokens."""

REDACTED: Final = "redacted"
TIME: Final = "time"
UUID: Final = "uuid"
ADDRESS: Final = "address"
WORD: Final = "word"


class Tokens(NamedTuple):
    """The pieces of a text. A kind is one of the names above, or the character itself for what is none of them."""

    kinds: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


Cut = Callable[[str], Tokens]

_DAYS: Final = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_MONTHS: Final = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_ISO_TIME: Final = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?"
_HTTP_TIME: Final = rf"(?:{_DAYS}), \d\d[- ](?:{_MONTHS})[- ]\d{{4}} \d\d:\d\d:\d\d GMT"
_TOKEN: Final = re.compile(
    rf"(?P<{REDACTED}>\u2039redacted:[0-9a-f]+\u203a)"
    rf"|(?P<{TIME}>(?<![0-9A-Za-z])(?:{_ISO_TIME}|{_HTTP_TIME})(?![0-9A-Za-z]))"
    rf"|(?P<{UUID}>(?<![0-9A-Za-z])[0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-[0-9A-Fa-f]{{12}}(?![0-9A-Za-z]))"
    rf"|(?P<{ADDRESS}>(?<![\w.])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\w.]))"
    # Base64: capitals, small letters and digits all in it.
    r"|(?P<blob>(?=[a-z0-9+/_-]*[A-Z])(?=[A-Z0-9+/_-]*[a-z])(?=[A-Za-z+/_-]*[0-9])[A-Za-z0-9+/_-]{16,}={0,2})"
    rf"|(?P<{WORD}>[^\W_]+(?:[-._]+[^\W_]+)*)"
    r"|(?P<mark>.)",
    re.DOTALL,
)
_PLAIN: Final = re.compile(rf"(?P<{WORD}>[^\W_]+(?:[-._]+[^\W_]+)*)|(?P<mark>.)", re.DOTALL)
_PART: Final = re.compile(rf"(?P<{WORD}>[^\W_]+)|(?P<mark>.)", re.DOTALL)
_PATH_WORD: Final = re.compile(r"[a-z][a-z0-9-]{2,}")
"""A step of a path between slashes; in Base64 there is hardly ever one."""

_HEX_AND_OTHERS: Final = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", "f" * 6 + "z" * 20 + "F" * 6 + "Z" * 20 + "9" * 10
)
HEX_LETTER: Final = "f"
LETTER: Final = "z"
HEX_CAPITAL: Final = "F"
CAPITAL: Final = "Z"
DIGIT: Final = "9"
ALPHANUMERIC: Final = frozenset({HEX_LETTER, LETTER, HEX_CAPITAL, CAPITAL, DIGIT})


@lru_cache(maxsize=4096)
def cut(text: str) -> Tokens:
    """Times, UUIDs, IPv4 addresses, Base64, words (with inner dots, dashes, underscores) and single characters."""
    if text.isalnum():
        return Tokens((WORD,), (text,))
    kinds: list[str] = []
    texts: list[str] = []
    for match in _TOKEN.finditer(text):
        kind, piece = match.lastgroup or "", match[0]
        if kind == "blob" and not _is_blob(piece):
            plain = _cut_plainly(_PLAIN, piece)
            kinds += plain.kinds
            texts += plain.texts
        else:
            kinds.append({"mark": piece, "blob": WORD}.get(kind, kind))
            texts.append(piece)
    return Tokens(tuple(kinds), tuple(texts))


@lru_cache(maxsize=4096)
def cut_word(text: str) -> Tokens:
    """A word's letters and digits, and what joins them."""
    return Tokens((WORD,), (text,)) if text.isalnum() else _cut_plainly(_PART, text)


def _cut_plainly(pattern: re.Pattern[str], text: str) -> Tokens:
    found = list(pattern.finditer(text))
    return Tokens(
        tuple(match[0] if match.lastgroup == "mark" else WORD for match in found), tuple(match[0] for match in found)
    )


def _is_blob(piece: str) -> bool:
    return "/" not in piece or not any(_PATH_WORD.fullmatch(step) for step in piece.split("/"))


def classes(text: str) -> frozenset[str]:
    """The kinds of characters in a text: the five above, anything else by itself."""
    return frozenset(text[:LONGEST_TEXT].translate(_HEX_AND_OTHERS))


@lru_cache(maxsize=1024)
def unix_time(text: str) -> float | None:
    """Unix seconds of a time token (ISO 8601 or RFC 1123; UTC where it does not say); None: no such day or hour."""
    try:
        moment = parsedate_to_datetime(text) if text[:1].isalpha() else datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@lru_cache(maxsize=1024)
def layout(text: str) -> str:
    """How a time is written: digits as 9, letters as a, without the fraction of a second."""
    if text[:1].isalpha():
        return f"http{text[7]}"
    return re.sub(r"\d", "9", re.sub(r"[.,]\d+", "", text))
