"""Which elements of two arrays are compared with each other: by a member, in any order, or by the common order."""

from collections import defaultdict, deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from abreast.compare import tree
from abreast.compare.alignment import common
from abreast.compare.model import Value
from abreast.compare.rules import Place

NAMING_MEMBERS: Final = ("id", "_id", "uuid", "key", "code", "sku", "name")
"""Members that name an element, if all elements have it and no two the same: elements that changed in place are
found again by it."""

_ANY: Final = "\ud800"
"""Stands for what may differ: no text that was read has it."""


class Pair(NamedTuple):
    """Places of two elements that are compared with each other; None: there is none on that side."""

    left: int | None
    right: int | None


def by_place(left: Sequence[int], right: Sequence[int]) -> list[Pair]:
    """The first with the first, and so on; the rest of the longer one by itself."""
    both = min(len(left), len(right))
    return [
        *map(Pair, left[:both], right[:both]),
        *(Pair(place, None) for place in left[both:]),
        *(Pair(None, place) for place in right[both:]),
    ]


def by_member(left: Sequence[Value], right: Sequence[Value], member: str) -> list[Pair]:
    """Elements of the same ``member``, those of the same in their order. What has no such member is its own key."""
    pairs, lone, others = _matched(_by_member(left, member), _by_member(right, member))
    return [*pairs, *(Pair(place, None) for place in lone), *(Pair(None, place) for place in others)]


def in_any_order(left: Sequence[Value], right: Sequence[Value], place: Place) -> list[Pair]:
    """Equal elements, then elements equal by the rules, then those of one name; what is left over by its place."""
    pairs, lone, others = _matched(
        dict(enumerate(map(tree.canonical, left))), dict(enumerate(map(tree.canonical, right)))
    )
    if not place.dead:
        more, lone, others = _matched(
            {at: key_by_rules(left[at], place.step(at)) for at in lone},
            {at: key_by_rules(right[at], place.step(at)) for at in others},
        )
        pairs += more
    named = _names([left[at] for at in lone], [right[at] for at in others])
    if named is not None:
        more, lone, others = _matched(dict(zip(lone, named[0], strict=True)), dict(zip(others, named[1], strict=True)))
        pairs += more
    return [*pairs, *by_place(lone, others)]


class Alignment(NamedTuple):
    """Pairs in their order; ``anchored``: some are equal, or have the same name, so that the rest lies between."""

    pairs: list[Pair]
    anchored: bool


def in_order(left: Sequence[Value], right: Sequence[Value], keys: Sequence[str], others: Sequence[str]) -> Alignment:
    """By a longest common subsequence of the elements' keys; between two common ones by names, or else by place.

    Mirrored when the sides are swapped: the smaller keys are always aligned to the larger.
    """
    if list(others) < list(keys):
        mirrored = in_order(right, left, others, keys)
        return Alignment([Pair(mine, other) for other, mine in mirrored.pairs], mirrored.anchored)
    anchors = _anchors(keys, others)
    pairs: list[Pair] = []
    anchored = bool(anchors)
    for gap_left, gap_right, anchor in _between(anchors, len(left), len(right)):
        named = _names([left[at] for at in gap_left], [right[at] for at in gap_right])
        if named is None:
            pairs += by_place(gap_left, gap_right)
        else:
            inner = _anchors(*named)
            anchored = anchored or bool(inner)
            for inner_left, inner_right, same_name in _between(inner, len(gap_left), len(gap_right)):
                pairs += by_place(
                    gap_left[inner_left.start : inner_left.stop], gap_right[inner_right.start : inner_right.stop]
                )
                pairs += [Pair(gap_left[mine], gap_right[other]) for mine, other in same_name]
        pairs += [Pair(*pair) for pair in anchor]
    return Alignment(pairs, anchored)


def key_by_rules(element: Value, place: Place) -> str:
    """One text for elements that the rules hold to be the same.

    Elements within a tolerance of each other have one key too, but not only they.
    """
    return tree.canonical(element if place.dead else _by_rules(element, place))


def _by_rules(value: Value, place: Place) -> Value:
    if place.ignored or (place.tolerance is not None and not isinstance(value, dict | list)):
        return _ANY
    if isinstance(value, str):
        return place.owner.masked(value)
    if isinstance(value, dict):
        below = ((name, member, place.step(name)) for name, member in value.items())
        return {name: _by_rules(member, step) for name, member, step in below if not step.ignored}
    if isinstance(value, list):
        elements = [_by_rules(element, place.step(at)) for at, element in enumerate(value)]
        return sorted(elements, key=tree.canonical) if place.unordered or place.member is not None else elements
    return value


def _by_member(elements: Sequence[Value], member: str) -> Mapping[int, Hashable]:
    return {
        at: (True, tree.canonical(element[member]))
        if isinstance(element, dict) and member in element
        else (False, tree.canonical(element))
        for at, element in enumerate(elements)
    }


def _matched(left: Mapping[int, Hashable], right: Mapping[int, Hashable]) -> tuple[list[Pair], list[int], list[int]]:
    """Pairs of places with equal keys, in the left one's order; the places left over on either side."""
    waiting: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for place, key in right.items():
        waiting[key].append(place)
    pairs: list[Pair] = []
    lone: list[int] = []
    for place, key in left.items():
        if waiting.get(key):
            pairs.append(Pair(place, waiting[key].popleft()))
        else:
            lone.append(place)
    return pairs, lone, sorted(place for places in waiting.values() for place in places)


def _names(left: Sequence[Value], right: Sequence[Value]) -> tuple[list[str], list[str]] | None:
    """The elements' names, when all on both sides have the same member that names them."""
    if not left or not right:
        return None
    for member in NAMING_MEMBERS:
        sides = [_names_by(elements, member) for elements in (left, right)]
        if sides[0] is not None and sides[1] is not None:
            return sides[0], sides[1]
    return None


def _names_by(elements: Sequence[Value], member: str) -> list[str] | None:
    names: list[str] = []
    for element in elements:
        if not isinstance(element, dict) or isinstance(element.get(member), dict | list | None):
            return None
        names.append(tree.canonical(element[member]))
    return names if len(set(names)) == len(names) else None


Anchors = Sequence[tuple[int, int]]
"""Places (left, right) of equal keys, ascending on both sides."""


def _anchors(keys: Sequence[str], others: Sequence[str]) -> Anchors:
    """A longest common subsequence; none when there is none, or when it is too far to seek."""
    shared = set(keys) & set(others)
    in_place = [(at, at) for at, pair in enumerate(zip(keys, others, strict=False)) if pair[0] == pair[1]]
    # What is on one side only is no part of it: most of what differs never gets into the search.
    mine = [at for at, key in enumerate(keys) if key in shared]
    theirs = [at for at, key in enumerate(others) if key in shared]
    found = [(mine[x], theirs[y]) for x, y in common([keys[at] for at in mine], [others[at] for at in theirs])]
    # Where repeated elements leave a choice, and as many fit where they are, nothing was moved.
    return in_place if len(keys) == len(others) and len(in_place) >= len(found) else found


def _between(anchors: Anchors, left: int, right: int) -> Iterator[tuple[range, range, Anchors]]:
    """The stretches before each anchor, each with its anchor; the last one, to the ends, has none."""
    x = y = 0
    for mine, other in anchors:
        yield range(x, mine), range(y, other), [(mine, other)]
        x, y = mine + 1, other + 1
    yield range(x, left), range(y, right), []
