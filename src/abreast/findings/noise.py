"""One endpoint's noise: the shapes of its noisy places, its arrays in any order, its objects used as maps."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from abreast.compare.model import Answer, Difference, Kind
from abreast.compare.rules import Rules
from abreast.findings.report import Key
from abreast.findings.self_evident import is_self_evident
from abreast.findings.shapes import Shape

PATTERNS: Final = 300
"""Places that are told apart at one endpoint."""

OVERFLOW: Final = "…"
"""What comes after the most that are told apart, all together."""

_MEMBERS: Final = 50
"""An object with more distinct members than this is used as a map: its members are one place."""

_LEARNED_AT_ONCE: Final = 16
"""Of the differences at one place in one exchange, so many are learned: a long array would take long."""

_NEVER_LEARNED: Final = frozenset({Kind.NO_ANSWER, Kind.STATUS, Kind.UNDECODABLE})
"""Failures have no shape: noise in them is left to the test of rates."""

Found = tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What noise needs to know of one exchange: the differences of both arms from stable's answer.

    Their patterns are those that `Noise.named` gives. ``control`` is None where none was asked.
    """

    at: float
    stable: str
    control: str | None
    from_candidate: Found
    from_control: Found
    chosen: bool = False

    @classmethod
    def of(
        cls, at: float, answers: tuple[Answer, Answer | None], found: tuple[Found, Found], *, chosen: bool
    ) -> "Exchange":
        """The exchange in which stable and the control gave these ``answers``."""
        stable, control = answers
        return cls(at, stable.instance, None if control is None else control.instance, *found, chosen)


@dataclass(slots=True)
class Noise:
    """What was learned about one endpoint. ``rules`` are the spec's, and the arrays found to be in any order."""

    rules: Rules
    _shapes: dict[str, Shape] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _members: dict[str, set[str]] = field(default_factory=dict)
    _maps: set[str] = field(default_factory=set)
    _places: set[str] = field(default_factory=set)
    _unordered: set[str] = field(default_factory=set)
    _words: dict[str, str] = field(default_factory=dict)
    _learned: set[str] = field(default_factory=set)
    controls: int = 0
    """Exchanges with a control, whether anything differed in them or not."""

    def named(self, found: Found) -> Found:
        """The differences with the patterns that they are counted under: maps' members as ``*``, the rest as ``…``."""
        names = self._names
        return tuple(
            each
            if (name := names.get(each.pattern) or self._name(each.pattern)) == each.pattern
            # `replace` would be three times as slow.
            else Difference(each.kind, each.path, name, each.left, each.right)
            for each in found
        )

    def _name(self, pattern: str) -> str:
        name = self._collapsed(pattern) if pattern.startswith("/") else pattern
        if name not in self._places:
            if len(self._places) >= PATTERNS:
                return OVERFLOW
            self._places.add(name)
        if len(self._names) < 2 * PATTERNS:
            self._names[pattern] = name
        return name

    def _collapsed(self, pattern: str) -> str:
        parent = ""
        for member in pattern[1:].split("/"):
            step = member
            if parent in self._maps:
                step = "*"
            elif member != "*" and self._has_too_many(parent, member):
                step = "*"
                self._make_map(parent)
            parent = f"{parent}/{step}"
        return parent

    def _has_too_many(self, parent: str, member: str) -> bool:
        members = self._members.get(parent)
        if members is None:
            if len(self._members) >= PATTERNS:
                return False
            members = self._members[parent] = set()
        members.add(member)
        return len(members) > _MEMBERS

    def _make_map(self, parent: str) -> None:
        self._maps.add(parent)
        self._names.clear()
        self._forget(parent)

    def _forget(self, parent: str) -> None:
        below = f"{parent}/"
        for held in (self._shapes, self._members):
            for pattern in [pattern for pattern in held if pattern.startswith(below)]:
                del held[pattern]
                self._learned.add(pattern)
        self._places = {pattern for pattern in self._places if not pattern.startswith(below)}
        self._names.clear()

    def forgives(self, difference: Difference, at: float) -> bool:
        """Whether the difference is one that stable itself could have shown, as far as was learned before."""
        shape = self._shapes.get(difference.pattern)
        return (
            shape is not None
            and difference.kind not in _NEVER_LEARNED
            and shape.is_used(self.controls)
            and shape.fits(difference, at)
        )

    def counted(self, found: Found, at: float, *, is_alone: bool) -> Found:
        """The differences that are not forgiven. ``is_alone``: there is no control to tell, so the evident are too."""
        counted = tuple(each for each in found if not self.forgives(each, at))
        if is_alone:
            return tuple(each for each in counted if each.pattern in self._shapes or not is_self_evident(each))
        return counted

    def learn(self, exchange: Exchange) -> None:
        """Widen to stable's values in an exchange that has been judged."""
        self.controls += exchange.control is not None
        of_candidate, of_control = _by_pattern(exchange.from_candidate), _by_pattern(exchange.from_control)
        for pattern, found in of_control.items():
            shape = self._shapes.get(pattern)
            if shape is None:
                shape = self._shapes[pattern] = Shape()
            shape.differed += 1
            shape.touched += 1
            if exchange.chosen:
                shape.note_categories(of_candidate.get(pattern, ()), found)
            if shape.is_learning:
                self._learned.add(pattern)
            for each in found[:_LEARNED_AT_ONCE] if shape.is_learning else ():
                shape.learn_difference(each, exchange.stable, exchange.control or "", exchange.at)
            if found[0].kind is Kind.ORDER and shape.is_used(self.controls):
                self._loosen(pattern)
        for pattern, found in of_candidate.items():
            shape = self._shapes.get(pattern)
            if shape is None or pattern in of_control:
                continue
            shape.touched += 1
            if exchange.control is not None and exchange.chosen:
                shape.note_categories(found, ())
            self._learn_agreed(shape, found, exchange)

    @staticmethod
    def _learn_agreed(shape: Shape, found: Found, exchange: Exchange) -> None:
        """What stable said where only the candidate differs: the control, if asked, said the same."""
        for each in found[:_LEARNED_AT_ONCE] if shape.is_learning else ():
            if each.kind is not Kind.LENGTH:
                shape.learn(each.left, exchange.stable, exchange.at)
                if exchange.control is not None:
                    shape.learn(each.left, exchange.control, exchange.at)

    def _loosen(self, pattern: str) -> None:
        if pattern in self._unordered or (pattern and not pattern.startswith("/")):
            return
        self._unordered.add(pattern)
        self._forget(pattern)
        self._learned.add(pattern)
        self._shapes.pop(pattern, None)
        self.rules = self.rules.with_unordered((pattern,))

    def words(self) -> Mapping[str, str]:
        """Each noisy place's shape for people."""
        for pattern in self._learned:
            known = self._shapes[pattern].words() if pattern in self._shapes else ""
            self._words[pattern] = "any order" if pattern in self._unordered else known
        self._learned.clear()
        return {pattern: words for pattern, words in self._words.items() if words}


def keys_of(found: Iterable[Difference]) -> frozenset[Key]:
    """What the differences are counted under."""
    return frozenset(Key(each.pattern, each.kind) for each in found)


def _by_pattern(found: Found) -> dict[str, Found]:
    """Those that can be learned from, by place."""
    lists: defaultdict[str, list[Difference]] = defaultdict(list)
    for each in found:
        if each.kind not in _NEVER_LEARNED and each.pattern != OVERFLOW:
            lists[each.pattern].append(each)
    return {pattern: tuple(each) for pattern, each in lists.items()}
