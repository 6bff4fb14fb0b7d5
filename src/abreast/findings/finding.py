"""A finding: one cause of differences, as people see it, and its sentence."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from abreast.compare.model import Kind
from abreast.findings.report import Key, ShownDifference

VALUE_LIMIT: Final = 48
"""Characters of a value that a title quotes."""

REDACTED_MARK: Final = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}redacted:"
"""How every redacted value begins, wherever it stands; eight hexadecimal digits follow, and `REDACTED_END`."""

REDACTED_END: Final = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"


class Place(NamedTuple):
    """Where a key is counted."""

    endpoint: str
    key: Key


class FindingState(StrEnum):
    """Open: nobody has settled it. Accepted: the change is meant. Resolved: it has stopped differing."""

    OPEN = "open"
    ACCEPTED = "accepted"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Finding:
    """One cause: ``keys`` that always differ together, the gravest first.

    ``exchanges`` differed in the leading key, of ``compared`` at its ``endpoints`` since the first of them; ``quiet``
    were compared since the last. Of those asked again ``confirmed`` differed again and ``transient`` did not.
    ``evidence`` is ln of the leading key's e-value. Times are Unix seconds; an acceptance with ``until`` None has no
    end. ``actor`` and ``reason`` are of the last change of state; ``example`` is of the leading key, redacted.
    """

    number: int
    rollout: int
    endpoint: str
    keys: tuple[Key, ...]
    endpoints: tuple[str, ...]
    state: FindingState = FindingState.OPEN
    first_at: float = 0.0
    last_at: float = 0.0
    exchanges: int = 0
    compared: int = 0
    quiet: int = 0
    confirmed: int = 0
    transient: int = 0
    evidence: float = 0.0
    reason: str = ""
    actor: str = ""
    until: float | None = None
    example: ShownDifference | None = None

    @property
    def leading(self) -> Key:
        """The gravest of the keys."""
        return self.keys[0]

    @property
    def about_headers(self) -> bool:
        """Whether all its keys are headers: then other endpoints may show the same."""
        return self.leading.kind is Kind.HEADER

    @property
    def share(self) -> float:
        """Of the answers compared since the first difference, those that differ; 0 to 1."""
        return self.exchanges / self.compared if self.compared else 0.0

    @property
    def places(self) -> tuple[Place, ...]:
        """Everywhere it may be seen."""
        return tuple(Place(endpoint, key) for endpoint in self.endpoints for key in self.keys)

    @property
    def title(self) -> str:
        """``GET /orders/{id}: /total is a string, was a number, in 31 % of answers (124 of 400)``."""
        others = len(self.endpoints) - 1
        where = self.endpoint + (f" and {others} more" if others else "")
        what = _sentence(self.leading, self.example)
        if len(self.keys) > 1:
            what += f", and {len(self.keys) - 1} more that change together"
        if not self.compared:
            return f"{where}: {what}; not seen in this rollout"
        return f"{where}: {what}, in {_percent(self.share)} of answers ({self.exchanges:,} of {self.compared:,})"


def gravity(key: Key) -> tuple[int, int, str]:
    """Sorts keys: by risk, then the shallowest, then by name."""
    return key.kind.risk, key.pattern.count("/"), key.pattern


def rank(finding: Finding) -> tuple[int, float, int]:
    """Sorts findings for people: by risk of the leading key, then the most frequent."""
    return finding.leading.kind.risk, -finding.share, finding.number


def _percent(share: float) -> str:
    """With as many digits as it takes not to say 0 % or 100 % of something else."""
    for digits in range(4):
        text = f"{share * 100:.{digits}f}"
        if float(text) not in {0.0, 100.0} or share in {0.0, 1.0}:
            return f"{text} %"
    return "nearly all" if share > 0.5 else "next to none"  # noqa: PLR2004 (the nearer end)


def _sentence(key: Key, example: ShownDifference | None) -> str:
    """What happened at the leading key; without an example only what its kind says."""
    left = example.left if example is not None else None
    right = example.right if example is not None else None
    place = _place(key.pattern)
    sentences = {
        Kind.NO_ANSWER: f"no answer{_now(right)}{_was(left)}",
        Kind.STATUS: f"the status {_change(left, right)}",
        Kind.UNDECODABLE: f"{place} cannot be decoded{_now(right)}",
        Kind.MISSING: f"{place} is missing{_was(left)}",
        Kind.TYPE: f"{place} {_type_change(left, right)}",
        Kind.CHANGED: f"{place} {_change(left, right)}",
        Kind.LENGTH: f"{place} has another length{_now(right)}{_was(left)}",
        Kind.ORDER: f"{place} is in another order",
        Kind.ADDED: f"{place} is new{_now(right)}",
        Kind.HEADER: f"{place} {_change(left, right)}",
    }
    return sentences[key.kind]


def _place(pattern: str) -> str:
    """A pattern in a sentence."""
    if pattern in {"", "body"}:
        return "the body"
    name, _, rest = pattern.partition(":")
    return f"{name} {rest}" if rest and name in {"header", "trailer"} else pattern


def _change(left: str | None, right: str | None) -> str:
    if left is None and right is None:
        return "differs"
    if right is None:
        return f"is missing{_was(left)}"
    return f"is new{_now(right)}" if left is None else f"is {_cut(right)}{_was(left)}"


def _type_change(left: str | None, right: str | None) -> str:
    left_type, right_type = _type_of(left), _type_of(right)
    if not left_type or not right_type or left_type == right_type:
        return "has another type"
    return f"is {right_type}, was {left_type}"


def _type_of(shown: str | None) -> str:
    """The JSON type of a value by its text; empty: not to be told, because there is none or it is redacted."""
    if not shown or REDACTED_MARK in shown[: len(REDACTED_MARK) + 1]:
        return ""
    first = shown[0]
    if first in "-0123456789":
        return "a number"
    return {
        '"': "a string",
        "{": "an object",
        "[": "an array",
        "t": "a boolean",
        "f": "a boolean",
        "n": "null",
    }.get(first, "")


def _now(shown: str | None) -> str:
    return "" if shown is None else f": {_cut(shown)}"


def _was(shown: str | None) -> str:
    return "" if shown is None else f", was {_cut(shown)}"


def _cut(shown: str) -> str:
    """On one line, and short."""
    line = " ".join(shown.split())
    return line if len(line) <= VALUE_LIMIT else line[: VALUE_LIMIT - 1] + "…"
