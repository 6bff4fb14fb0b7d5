"""Rules of comparing: what is ignored, in any order, aligned by a member, nearly equal, or masked.

`compiled` brings rules into the form in which a walk over two bodies asks them: a `Place` per path, each step a
lookup. Rules are checked when they are made, so that comparing never meets a bad one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeVar

from abreast.compare import pointer
from abreast.compare.tolerance import Tolerance

__all__ = ["Compiled", "Place", "Rules", "Tolerance", "compiled"]

_Item = TypeVar("_Item")

MASKED: Final = "\u2039masked\u203a"
"""What stands for whatever a mask matches."""

_NAMED: Final = re.compile(r"(?:header|trailer):.+|status|body")
_REMEMBERED_STEPS: Final = 4096
"""Steps that compiled rules remember, at most: bodies may have any number of member names."""


@dataclass(frozen=True)
class Rules:
    """Rules for one endpoint. Raises ValueError when made with patterns or regexes that cannot be read, all at once.

    - ``ignore``: path patterns (`compare.pointer`), or ``header:NAME``, ``trailer:NAME`` (globs), ``status``,
      ``body``. What lies below an ignored path is ignored too.
    - ``unordered``: arrays that are compared as multisets.
    - ``keyed``: arrays whose elements are aligned by a member: (pattern, the member's name).
    - ``tolerance``: how far apart values may be; also for ``header:NAME``.
    - ``mask``: regexes; what they match in text, in JSON strings and in header values is not compared.
    """

    ignore: tuple[str, ...] = ()
    unordered: tuple[str, ...] = ()
    keyed: tuple[tuple[str, str], ...] = ()
    tolerance: tuple[tuple[str, Tolerance], ...] = ()
    mask: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        faults = [*_pattern_faults(self), *_mask_faults(self.mask)]
        if faults:
            raise ValueError("; ".join(faults))

    def merged(self, other: "Rules") -> "Rules":
        """These rules and the other's; where both name a member or a tolerance for a path, the other's count."""
        return Rules(
            ignore=_union(self.ignore, other.ignore),
            unordered=_union(self.unordered, other.unordered),
            keyed=_union(other.keyed, self.keyed),
            tolerance=_union(other.tolerance, self.tolerance),
            mask=_union(self.mask, other.mask),
        )

    def with_unordered(self, patterns: Iterable[str]) -> "Rules":
        """These rules, and further arrays compared as multisets."""
        return replace(self, unordered=_union(self.unordered, tuple(patterns)))

    def ignores(self, path: str) -> bool:
        """Whether a difference at this path (`Difference.path`) is ignored, by itself or with what it lies in."""
        return compiled(self).ignores(path)

    def masked(self, text: str) -> str:
        """The text with whatever the masks match replaced by one word."""
        return compiled(self).masked(text)


def _union(first: tuple[_Item, ...], second: tuple[_Item, ...]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _pattern_faults(rules: Rules) -> Iterable[str]:
    for pattern in (*rules.ignore, *(path for path, _ in rules.tolerance)):
        if not _NAMED.fullmatch(pattern):
            yield from _pointer_faults(pattern, " or as header:NAME, trailer:NAME, status or body")
    for pattern in (*rules.unordered, *(path for path, _ in rules.keyed)):
        yield from _pointer_faults(pattern, "")


def _pointer_faults(pattern: str, otherwise: str) -> Iterable[str]:
    if pattern and not pattern.startswith("/"):
        yield f"{pattern!r} is no path: write it as a JSON Pointer, '/{pattern}'{otherwise}"


def _mask_faults(masks: tuple[str, ...]) -> Iterable[str]:
    for mask in masks:
        try:
            re.compile(mask)
        except re.error as error:
            yield f"the mask {mask!r} is no regular expression: {error}"


def _lowered(pattern: str) -> str:
    """``header:Set-Cookie/SID`` as ``header:set-cookie/SID``: names of headers have no case, those of cookies have."""
    name, slash, rest = pattern.partition("/")
    return f"{name.lower()}{slash}{rest}" if name.partition(":")[1] else pattern


class _Keyed(NamedTuple):
    """A verdict: the array's elements are aligned by this member."""

    member: str


_Verdict = Literal["ignored", "unordered"] | _Keyed | Tolerance
_Live = tuple[tuple[_Verdict, frozenset[pointer.Rest]], ...]
"""What may still be said, here or below: verdicts, and the states that matching their patterns is in."""


@dataclass(slots=True)
class Place:
    """What the rules say about one path. ``dead``: nothing about it, nor about anything below it."""

    owner: "Compiled"
    live: _Live
    ignored: bool = False
    unordered: bool = False
    member: str | None = None
    tolerance: Tolerance | None = None
    dead: bool = False
    steps: dict[str, "Place"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for verdict in [verdict for verdict, states in self.live if () in states]:
            if verdict == "ignored":
                self.ignored = True
            elif verdict == "unordered":
                self.unordered = True
            elif isinstance(verdict, _Keyed):
                self.member = verdict.member if self.member is None else self.member
            else:
                self.tolerance = self.tolerance or verdict
        self.dead = not self.live and not self.owner.masks

    def step(self, segment: str | int) -> "Place":
        """The place one step below."""
        if not self.live:
            return self
        name = segment if isinstance(segment, str) else self.owner.index(segment)
        known = self.steps.get(name)
        return self.owner.below(self, name) if known is None else known


@dataclass(slots=True)
class Compiled:
    """Rules in the form in which they are asked. Get one from `compiled`; it remembers the places it was asked for."""

    rules: Rules
    masks: tuple[re.Pattern[str], ...] = ()
    names: tuple[str, ...] = ()
    root: Place = field(init=False)
    _places: dict[_Live, Place] = field(default_factory=dict)
    _remembered: int = 0
    _tells_indexes_apart: bool = False
    _tolerated: tuple[tuple[str, Tolerance], ...] = ()

    def __post_init__(self) -> None:
        rules = self.rules
        wanted: list[tuple[_Verdict, str]] = [("ignored", pattern) for pattern in rules.ignore]
        wanted += [("unordered", pattern) for pattern in rules.unordered]
        wanted += [(_Keyed(member), pattern) for pattern, member in rules.keyed]
        wanted += [(tolerance, pattern) for pattern, tolerance in rules.tolerance]
        paths = [(verdict, pointer.split(path)) for verdict, path in wanted if not _NAMED.fullmatch(path)]
        self.masks = tuple(re.compile(mask) for mask in rules.mask)
        self.names = tuple(_lowered(pattern) for pattern in rules.ignore if _NAMED.fullmatch(pattern))
        self._tolerated = tuple((_lowered(path), tolerance) for path, tolerance in rules.tolerance)
        self._tells_indexes_apart = any(
            segment.strip("*") and re.search(r"[\d*]", segment) for _, path in paths for segment in path
        )
        self.root = Place(self, tuple((verdict, pointer.opening(path)) for verdict, path in paths))

    def index(self, index: int) -> str:
        """An index as a segment. All are one when no pattern tells them apart: so few places serve long arrays."""
        return str(index) if self._tells_indexes_apart else "0"

    def below(self, place: Place, segment: str) -> Place:
        """The place one step below another; remembered, while there is room."""
        following = ((verdict, pointer.advanced(states, segment)) for verdict, states in place.live)
        live = tuple((verdict, states) for verdict, states in following if states)
        found = self._places.get(live) or Place(self, live)
        if self._remembered < _REMEMBERED_STEPS:
            self._remembered += 1
            self._places[live] = found
            place.steps[segment] = found
        return found

    def ignores(self, path: str) -> bool:
        """See `Rules.ignores`."""
        if path and not path.startswith("/"):
            if path == "body" and self.root.ignored:
                return True
            return any(fnmatchcase(path, name) or fnmatchcase(path, f"{name}/*") for name in self.names)
        place = self.root
        if place.ignored or "body" in self.names:
            return True
        for segment in pointer.split(path):
            place = place.step(segment)
            if place.ignored:
                return True
        return False

    def tolerates(self, name: str, left: str, right: str) -> bool:
        """Whether two values of a header or a trailer (``header:last-modified``) are near enough."""
        return any(
            fnmatchcase(name, pattern) and tolerance.allows(left, right) for pattern, tolerance in self._tolerated
        )

    def masked(self, text: str) -> str:
        """See `Rules.masked`."""
        for mask in self.masks:
            text = mask.sub(MASKED, text)
        return text


@lru_cache(maxsize=256)
def compiled(rules: Rules) -> Compiled:
    """The rules, ready to be asked."""
    return Compiled(rules)
