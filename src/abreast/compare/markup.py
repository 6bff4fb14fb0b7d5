"""Compares XML and HTML element by element."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from abreast.compare import pointer
from abreast.compare.alignment import common, gaps
from abreast.compare.elements import TEXT, Element, MarkupError, Numbers
from abreast.compare.html_reader import read_html
from abreast.compare.model import ABSENT, Difference, Kind
from abreast.compare.rules import Place, Rules, compiled
from abreast.compare.xml_reader import read_xml

__all__ = ["MarkupError", "differences"]

_ONCE: Final = frozenset({"html", "head", "body", "title", TEXT})
"""Steps that have no place in a pattern: there is one of them, or it is the text of its element."""
_NAMING: Final = ("id", "name", "property", "itemprop", "class")
_WORDS: Final = re.compile(r"[A-Za-z][A-Za-z_ -]{0,39}")
_ANY_PLACE: Final = "[*]"
_SHOWN: Final = 200
"""Characters of an element that is missing or added, as a value."""


def differences(left: str, right: str, rules: Rules, *, html: bool) -> Iterator[Difference]:
    """How the elements, attributes and texts of two documents differ.

    Paths are pointers whose steps are those of XPath: ``/html/body/div[2]/p/text()``, ``/html/body/a/@href``; a place
    (from 1) is given where several children have the name. In the pattern every element but the root has ``[*]``,
    or in HTML what it is called by in both documents: ``/html/body/p[@class='total']/text()``. A rule's path may be
    either, or have no places at all, which means any place.

    Children are aligned by what is in them, so one row put in is one difference. Space between elements and the order
    of attributes are free; in HTML also the amount of space in a text (but not in pre) and the order of classes.

    Raises:
        MarkupError: Either cannot be read by element (when the iteration begins).
    """
    numbers = Numbers(compiled(_anywhere(rules)), html=html)
    read = read_html if html else read_xml
    yield from _Walk(rules, numbers).differences(read(left, numbers), read(right, numbers))


def _anywhere(rules: Rules) -> Rules:
    """The rules with ``div`` for ``div[*]``: as a walk by names alone asks them."""
    plain = {
        field: tuple(pattern.replace(_ANY_PLACE, "") for pattern in getattr(rules, field))
        for field in ("ignore", "unordered")
    }
    tolerance = tuple((pattern.replace(_ANY_PLACE, ""), tolerance) for pattern, tolerance in rules.tolerance)
    return replace(rules, tolerance=tolerance, keyed=(), **plain)


@dataclass(frozen=True, slots=True)
class _Where:
    """One place in both documents: its path and pattern, and what the rules say about it."""

    path: str
    pattern: str
    place: Place

    def below(self, name: str, position: str = "", in_pattern: str = "") -> "_Where":
        """The place of a child of this name; the position and what stands for it in the pattern are predicates."""
        return _Where(
            self.path + pointer.join(name + position),
            self.pattern + pointer.join(name + in_pattern),
            self.place.step(name),
        )


_Child = Element | str
_Pair = tuple[Element, Element, _Where]


class _Walk:
    """Goes down both trees at once, where their numbers differ."""

    def __init__(self, rules: Rules, numbers: Numbers) -> None:
        self._asked = compiled(rules)
        self._numbers = numbers

    def differences(self, left: Element, right: Element) -> Iterator[Difference]:
        waiting: list[_Pair] = [(left, right, _Where("", "", self._numbers.asked.root))]
        while waiting:
            one, other, where = waiting.pop()
            if one.number == other.number:
                continue
            deeper: list[_Pair] = []
            for each in (*self._attributes(one, other, where), *self._children(one, other, where, deeper)):
                if not (self._asked.ignores(each.path) or self._asked.ignores(each.pattern)):
                    yield each
            waiting.extend(reversed(deeper))

    def _attributes(self, left: Element, right: Element, where: _Where) -> Iterator[Difference]:
        for name in sorted(left.attributes.keys() | right.attributes.keys()):
            at = where.below(f"@{name}")
            one, other = left.attributes.get(name), right.attributes.get(name)
            if one is None:
                yield Difference(Kind.ADDED, at.path, at.pattern, ABSENT, other)
            elif other is None:
                yield Difference(Kind.MISSING, at.path, at.pattern, one, ABSENT)
            elif self._numbers.attribute(name, one) != self._numbers.attribute(name, other) and not _near(
                one, other, at
            ):
                yield Difference(Kind.CHANGED, at.path, at.pattern, one, other)

    def _children(self, left: Element, right: Element, where: _Where, deeper: list[_Pair]) -> Iterator[Difference]:
        """What differs among the children themselves; pairs of elements with further differences go to ``deeper``."""
        if Counter(left.numbers) == Counter(right.numbers):
            if left.numbers != right.numbers and not where.place.unordered:
                yield Difference(Kind.ORDER, where.path, where.pattern, _excerpt(left), _excerpt(right))
            return
        left_steps, right_steps = _steps(left), _steps(right)
        for at_left, at_right in _pairs(left, right, unordered=where.place.unordered):
            one = None if at_left is None else left.children[at_left]
            other = None if at_right is None else right.children[at_right]
            name, position = left_steps[at_left] if at_left is not None else right_steps[at_right or 0]
            at = where.below(name, position, self._in_pattern(one, other, where))
            if isinstance(one, Element) and isinstance(other, Element):
                deeper.append((one, other, at))
            elif one is None:
                yield Difference(Kind.ADDED, at.path, at.pattern, ABSENT, _excerpt(other))
            elif other is None:
                yield Difference(Kind.MISSING, at.path, at.pattern, _excerpt(one), ABSENT)
            elif self._numbers.of_text(str(one)) != self._numbers.of_text(str(other)) and not _near(
                str(one), str(other), at
            ):
                yield Difference(Kind.CHANGED, at.path, at.pattern, one, other)

    def _in_pattern(self, left: _Child | None, right: _Child | None, where: _Where) -> str:
        """What stands in the pattern for the child's position."""
        child = left if left is not None else right
        if not isinstance(child, Element) or not where.path or (self._numbers.html and child.name in _ONCE):
            return ""
        if self._numbers.html:
            other = right if isinstance(right, Element) else child
            for name in _NAMING:
                value = child.attributes.get(name, "")
                if value == other.attributes.get(name) and _WORDS.fullmatch(value):
                    return f"[@{name}='{value}']"
        return _ANY_PLACE


def _near(left: str, right: str, at: _Where) -> bool:
    return at.place.tolerance is not None and at.place.tolerance.allows(left.strip(), right.strip())


def _name(child: _Child) -> str:
    return child.name if isinstance(child, Element) else TEXT


def _steps(parent: Element) -> list[tuple[str, str]]:
    """Each child's name, and its position ``[2]`` if it is one of several of that name."""
    names = [_name(child) for child in parent.children]
    several = Counter(names)
    seen: Counter[str] = Counter()
    steps: list[tuple[str, str]] = []
    for name in names:
        seen[name] += 1
        steps.append((name, f"[{seen[name]}]" if several[name] > 1 else ""))
    return steps


def _pairs(left: Element, right: Element, *, unordered: bool) -> Iterator[tuple[int | None, int | None]]:
    """The places of children that are not equal: beside each other by name, or alone."""
    if unordered:
        yield from _by_name(left, right, *_leftovers(left.numbers, right.numbers))
        return
    for gap in gaps(left.numbers, right.numbers):
        yield from _by_name(left, right, list(gap.left), list(gap.right))


def _leftovers(left: list[int], right: list[int]) -> tuple[list[int], list[int]]:
    """The places of what is on one side only, as multisets."""
    return _beyond(left, Counter(right)), _beyond(right, Counter(left))


def _beyond(numbers: Iterable[int], others: Counter[int]) -> list[int]:
    places: list[int] = []
    for place, number in enumerate(numbers):
        if others[number] > 0:
            others[number] -= 1
        else:
            places.append(place)
    return places


def _by_name(
    left: Element, right: Element, at_left: list[int], at_right: list[int]
) -> Iterator[tuple[int | None, int | None]]:
    """Pairs children of equal names in order; what is between them has no other."""
    matched = common([_name(left.children[at]) for at in at_left], [_name(right.children[at]) for at in at_right])
    x, y = 0, 0
    for match_x, match_y in (*matched, (len(at_left), len(at_right))):
        yield from ((at, None) for at in at_left[x:match_x])
        yield from ((None, at) for at in at_right[y:match_y])
        if match_x < len(at_left):
            yield at_left[match_x], at_right[match_y]
        x, y = match_x + 1, match_y + 1


def _excerpt(child: _Child | None) -> str:
    """The beginning of the child as it could have been written, for people to recognise."""
    waiting: list[_Child | None] = [child]
    written, length = list[str](), 0
    while waiting and length <= _SHOWN:
        node = waiting.pop()
        if isinstance(node, Element):
            attributes = "".join(f' {name}="{value}"' for name, value in node.attributes.items())
            text = f"<{node.name}{attributes}>" if node.name else ""
            waiting.extend(reversed(node.children))
        else:
            text = node or ""
        written.append(text)
        length += len(text)
    text = "".join(written)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
