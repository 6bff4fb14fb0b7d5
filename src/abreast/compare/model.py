"""The nouns of comparing: requests, answers, differences."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

Headers = tuple[tuple[str, str], ...]
"""Names in lower case, in the order received; a repeated header is there repeatedly. Bytes are read as latin-1."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. ``path`` is the target as sent, with its query."""

    method: str
    path: str
    headers: Headers = ()
    body: bytes = b""

    @property
    def safe(self) -> bool:
        """Whether asking again changes nothing (RFC 9110, 9.2.1; TRACE is never copied)."""
        return self.method in {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as it came: the body still encoded, hop-by-hop headers and all.

    ``failure`` is why there is no answer ("time-out after 2 s", "connection reset"): then ``status`` is 0 and the
    rest is empty. ``truncated``: only the first bytes of the body are here. ``instance`` is who answered.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    trailers: Headers = ()
    failure: str = ""
    truncated: bool = False
    instance: str = ""

    def header(self, name: str) -> str | None:
        """The first header of that name (in lower case)."""
        return next((value for key, value in self.headers if key == name), None)


class Kind(StrEnum):
    """What kind of difference; in the order of risk, the gravest first."""

    NO_ANSWER = "no-answer"
    STATUS = "status"
    UNDECODABLE = "undecodable"
    MISSING = "missing"
    TYPE = "type"
    CHANGED = "changed"
    LENGTH = "length"
    ORDER = "order"
    ADDED = "added"
    HEADER = "header"

    @property
    def risk(self) -> int:
        """0 is the gravest."""
        return _RISKS[self]


_RISKS: Final = {kind: place for place, kind in enumerate(Kind)}


class _Absent:
    """The value of something that is not there; JSON's null is None."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = _Absent()
"""There is no such field, element, line or header."""

Value = object
"""A JSON value as `compare.tree` reads it (None, bool, int, Decimal, str, list, dict), or ABSENT."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference of the right answer from the left.

    ``path`` says where: ``status``, ``header:etag``, ``trailer:grpc-status``, ``body`` (only as a whole), or a JSON
    Pointer (RFC 6901) into the body, ``/items/3/price`` (the whole body is the empty pointer).
    ``pattern`` is the same with array indexes as ``*``, ``/items/*/price``: what is counted together.
    """

    kind: Kind
    path: str
    pattern: str
    left: Value = field(default=ABSENT)
    right: Value = field(default=ABSENT)
