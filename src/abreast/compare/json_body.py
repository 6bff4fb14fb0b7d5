"""The differences of two JSON values, each at its JSON Pointer.

Arrays are aligned by a longest common subsequence, so that one inserted element is one difference; elements that
changed in place are compared member by member. Places below an array: an element that both have is where the left
array has it, as is a missing one; an added one is where the right array has it.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from abreast.compare import pairing, pointer, tree
from abreast.compare.model import ABSENT, Difference, Kind, Value
from abreast.compare.rules import Place, Rules, compiled

MOST_DIFFERENCES: Final = 200
"""Differences of one comparison, at most: what is further there is not told."""


def differences(left: Value, right: Value, rules: Rules, at: pointer.Segments = ()) -> tuple[Difference, ...]:
    """Compare two values that `compare.tree` has read, or that are like it; at most `MOST_DIFFERENCES`.

    ``at`` are the steps to where the values are in the body; ignoring anything above them ignores all.
    """
    place = compiled(rules).root
    for step in at:
        if place.ignored:
            return ()
        place = place.step(step)
    walk = _Walk()
    walk.compare(left, right, place, at)
    return tuple(walk.found)


_PLAIN: Final = frozenset({str, int, Decimal})


class _Walk:
    """One walk over two values; the differences found so far."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: list[Difference] = []

    def compare(self, left: Value, right: Value, place: Place, at: pointer.Segments) -> None:
        """Compare the values at one place, and all below it."""
        if place.ignored or len(self.found) >= MOST_DIFFERENCES:
            return
        if isinstance(left, dict) and isinstance(right, dict):
            self._objects(left, right, place, at)
        elif isinstance(left, list) and isinstance(right, list):
            self._arrays(left, right, place, at)
        elif not tree.same(left, right) and not _allowed(left, right, place):
            kind = Kind.CHANGED if tree.type_of(left) == tree.type_of(right) else Kind.TYPE
            self._tell(kind, at, left, right)

    def _tell(self, kind: Kind, at: pointer.Segments, left: Value, right: Value) -> None:
        if len(self.found) < MOST_DIFFERENCES:
            self.found.append(Difference(kind, pointer.join(*at), pointer.pattern_of(at), left, right))

    def _one_sided(self, left: Value, right: Value, place: Place, at: pointer.Segments) -> None:
        if not place.ignored:
            self._tell(Kind.ADDED if left is ABSENT else Kind.MISSING, at, left, right)

    def _objects(self, left: dict[str, Value], right: dict[str, Value], place: Place, at: pointer.Segments) -> None:
        for name, value in left.items():
            other = right.get(name, ABSENT)
            # The most frequent case, without the steps below.
            if value is other or (value.__class__ is other.__class__ and value.__class__ in _PLAIN and value == other):
                continue
            below = place.step(name)
            if other is ABSENT:
                self._one_sided(value, ABSENT, below, (*at, name))
            else:
                self.compare(value, other, below, (*at, name))
        for name, value in right.items():
            if name not in left:
                self._one_sided(ABSENT, value, place.step(name), (*at, name))

    def _arrays(self, left: list[Value], right: list[Value], place: Place, at: pointer.Segments) -> None:
        if place.member is not None:
            self._pairs(left, right, pairing.by_member(left, right, place.member), place, at)
        elif place.unordered:
            self._pairs(left, right, pairing.in_any_order(left, right, place), place, at)
        else:
            self._ordered(left, right, place, at)

    def _ordered(self, left: list[Value], right: list[Value], place: Place, at: pointer.Segments) -> None:
        start, end = _common_ends(left, right)
        mine, others = left[start : len(left) - end], right[start : len(right) - end]
        if not mine or not others or len(mine) == len(others) == 1:
            inner = pairing.by_place(range(len(mine)), range(len(others)))
            self._pairs(left, right, _moved(inner, start), place, at)
            return
        keys, other_keys = (
            [pairing.key_by_rules(element, place.step(start + index)) for index, element in enumerate(side)]
            for side in (mine, others)
        )
        if keys != other_keys and sorted(keys) == sorted(other_keys):
            self._tell(Kind.ORDER, at, left, right)
            return
        alignment = pairing.in_order(mine, others, keys, other_keys)
        if not alignment.anchored and not start and not end and len(left) != len(right):
            self._pairs(left, right, pairing.by_place(*(range(min(len(left), len(right))),) * 2), place, at)
            self._tell(Kind.LENGTH, at, len(left), len(right))
            return
        self._pairs(left, right, _moved(alignment.pairs, start), place, at)

    def _pairs(
        self,
        left: list[Value],
        right: list[Value],
        pairs: Iterable[pairing.Pair],
        place: Place,
        at: pointer.Segments,
    ) -> None:
        for mine, other in pairs:
            if mine is None and other is not None:
                self._one_sided(ABSENT, right[other], place.step(other), (*at, other))
            elif mine is not None and other is None:
                self._one_sided(left[mine], ABSENT, place.step(mine), (*at, mine))
            elif mine is not None and other is not None:
                self.compare(left[mine], right[other], place.step(mine), (*at, mine))


def _allowed(left: Value, right: Value, place: Place) -> bool:
    """Whether a tolerance or a mask holds two different values to be the same."""
    if place.tolerance is not None and place.tolerance.allows(left, right):
        return True
    if isinstance(left, str) and isinstance(right, str):
        masked = place.owner.masked
        return masked(left) == masked(right)
    return False


def _common_ends(left: list[Value], right: list[Value]) -> tuple[int, int]:
    """How many elements are the same at the start, and how many of the rest at the end."""
    shorter = min(len(left), len(right))
    start = next((index for index in range(shorter) if not tree.same(left[index], right[index])), shorter)
    rest = shorter - start
    end = next((index for index in range(rest) if not tree.same(left[-1 - index], right[-1 - index])), rest)
    return start, end


def _moved(pairs: Iterable[pairing.Pair], by: int) -> Iterable[pairing.Pair]:
    return (pairing.Pair(*(None if place is None else place + by for place in pair)) for pair in pairs)
