"""What the values at one noisy place look like: learned from stable's own answers only, and only ever wider."""

import re
from collections import Counter
from decimal import Decimal
from math import log
from typing import Final

from abreast.analysis.eprocess import WORSE_BETS, Evidence
from abreast.compare.model import Difference, Kind, Value
from abreast.compare.tree import type_of
from abreast.findings.numbers import NumberShape
from abreast.findings.texts import TextShape

USED_AFTER: Final = 3
"""A shape is used once stable differed from itself in so many exchanges."""

_RARE: Final = 100
"""Noise rarer than one in so many is left to the test of rates: a shape would forgive it at any rate."""

_ALWAYS: Final = 0.8
"""But where the control differs nearly whenever anything does, the place itself is rare, not its noise."""

_TOO_OFTEN: Final = log(1000)
"""ln e at which the candidate has a category that stable has not more often than the control has."""

_LEARNED_FULLY: Final = 500
_LEARNED_LATER: Final = 8
_WITHOUT_CONTENT: Final = frozenset({"null", "absent", "non-finite"})
_SEPARATOR: Final = re.compile(r"\s*[,;\s]\s*")


class Shape:
    """What stable's values at one place have in common; ``fits`` is asked before ``learn``, for both arms alike.

    A value is held to two things. Its *category* (its type; true or false; which one of an enumeration) must be
    stable's own in this exchange, or one that stable gives often; and within its type it must look like stable's.
    """

    __slots__ = (
        "_categories",
        "_in_any_order",
        "_lengths",
        "_number",
        "_other_members",
        "_revoked",
        "_seen",
        "_text",
        "_unlike",
        "_varying",
        "differed",
        "touched",
    )

    def __init__(self) -> None:
        self.differed = 0
        """Exchanges in which stable differed from itself here."""
        self.touched = 0
        """Exchanges in which anything differed here."""
        self._seen = 0
        self._categories: Counter[str] = Counter()
        self._varying: set[str] = set()
        self._text = TextShape()
        self._number = NumberShape()
        self._lengths: tuple[int, int] | None = None
        self._in_any_order = self._other_members = False
        self._unlike: Counter[tuple[str, bool]] = Counter()
        self._revoked: set[str] = set()

    @property
    def is_learning(self) -> bool:
        """Whether to learn from this exchange: at first from each, later from some, which costs less."""
        return self.touched <= _LEARNED_FULLY or self.touched % _LEARNED_LATER == 0

    def is_used(self, controls: int) -> bool:
        """Whether the noise is frequent enough for the shape, ``controls`` having been asked at the endpoint."""
        if self.differed < USED_AFTER:
            return False
        return self.differed * _RARE >= controls or self.differed >= _ALWAYS * self.touched

    def fits(self, difference: Difference, at: float) -> bool:
        """Whether stable itself could have differed from the left value so, about ``at`` (Unix s)."""
        left, right = difference.left, difference.right
        if difference.kind is Kind.LENGTH:
            low, high = self._lengths or (0, -1)
            return isinstance(right, int) and low <= right <= high
        if self._are_unlike(left, right) and not self._forgives(right):
            return False
        if type_of(right) in self._varying:
            return self._looks_alike(left, right, at)
        # Its type comes and goes, its value was always the same.
        return type_of(left) != type_of(right)

    def _looks_alike(self, left: Value, right: Value, at: float) -> bool:
        if isinstance(right, str):
            in_any_order = self._in_any_order and isinstance(left, str) and _parts(left) == _parts(right)
            return in_any_order or self._text.fits(right, at)
        if isinstance(right, (int, Decimal)) and not isinstance(right, bool):
            return self._number.fits(right, at)
        return True

    def _forgives(self, value: Value) -> bool:
        category = self._category(value)
        listed = isinstance(value, str) and self._text.count(value)
        count = listed or self._categories[category]
        return category not in self._revoked and count >= USED_AFTER and count * _RARE >= self._seen

    def _category(self, value: Value) -> str:
        if isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value in self._text.enumeration:
            return f"string {value}"
        return type_of(value)

    def _are_unlike(self, left: Value, right: Value) -> bool:
        """Whether the categories differ; quick in the most frequent case."""
        kind = right.__class__
        if kind is left.__class__ and kind is not bool and (kind is not str or not self._text.enumeration):
            return False
        return self._category(left) != self._category(right)

    def learn_difference(self, difference: Difference, left_instance: str, right_instance: str, at: float) -> None:
        """Widen to a difference of stable from itself."""
        left, right = difference.left, difference.right
        if difference.kind is Kind.LENGTH:
            for length in (left, right):
                if isinstance(length, int):
                    low, high = self._lengths or (length, length)
                    self._lengths = min(low, length), max(high, length)
            return
        if type_of(left) == type_of(right):
            self._varying.add(type_of(left))
        if isinstance(left, str) and isinstance(right, str) and not (self._in_any_order and self._other_members):
            is_permuted = len(parts := _parts(left)) > 1 and parts == _parts(right)
            self._in_any_order = self._in_any_order or is_permuted
            self._other_members = self._other_members or not is_permuted
        self.learn(left, left_instance, at)
        self.learn(right, right_instance, at)

    def learn(self, value: Value, instance: str, at: float) -> None:
        """Widen to one of stable's values."""
        self._seen += 1
        self._categories[type_of(value) if not isinstance(value, bool) else str(value)] += 1
        if isinstance(value, str):
            self._text.learn(value, instance, at)
        elif isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            self._number.learn(value, instance, at)

    def note_categories(self, candidate: tuple[Difference, ...], control: tuple[Difference, ...]) -> None:
        """Compare how often each arm has a category that stable has not; only where the control was chosen by chance.

        Under "no change" both have it equally often. Once that is refused, the category is forgiven no more.
        """
        of_candidate, of_control = self._unlike_stable(candidate), self._unlike_stable(control)
        for category in of_candidate ^ of_control:
            self._unlike[category, category in of_candidate] += 1
            theirs, own = self._unlike[category, True], self._unlike[category, False]
            if theirs > own and Evidence.of(WORSE_BETS).after(theirs, 1, own, 1).log_e >= _TOO_OFTEN:
                self._revoked.add(category)

    def _unlike_stable(self, differences: tuple[Difference, ...]) -> set[str]:
        return {
            self._category(each.right)
            for each in differences
            if each.kind is not Kind.LENGTH and self._are_unlike(each.left, each.right)
        }

    def words(self) -> str:
        """The shape for people; empty when nothing was learned."""
        found: list[str] = []
        if self._lengths:
            found.append(f"{self._lengths[0]} to {self._lengths[1]} long")
        if "string" in self._varying:
            found.append("a list in any order" if not self._other_members else self._text.words())
        if "number" in self._varying:
            found.append(self._number.words())
        if "boolean" in self._varying:
            found.append("true or false")
        types = {"boolean" if each in {"True", "False"} else each for each in self._categories}
        if not self._varying:
            found += sorted(types - _WITHOUT_CONTENT)
        return " or ".join([*found, *sorted(types & _WITHOUT_CONTENT)])


def _parts(text: str) -> list[str]:
    return sorted(_SEPARATOR.split(text.strip()))
