"""Compares text by line."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from abreast.compare.alignment import gaps
from abreast.compare.model import ABSENT, Difference, Kind
from abreast.compare.rules import Rules, compiled

TOLD_LINES: Final = 64
"""Lines from the top whose pattern keeps their place, so that a noisy one does not hide the others."""
MOST_LINES: Final = 20_000
"""Lines that are told apart; what follows them is one last line."""


def differences(left: str, right: str, rules: Rules) -> Iterator[Difference]:
    """The lines that changed, are missing or were added, in order; their text (unmasked) is the value.

    The path is ``/LINE``, counted from 0: the place in the left text, and for an added line the place in it where it
    was put in. A carriage return belongs to its line, and a text that ends with a line's end has an empty line last,
    so that texts without a difference have the same bytes. A mask sees one line at a time.
    """
    asked = compiled(rules)
    left_lines, right_lines = _lines(left), _lines(right)
    for gap in gaps([asked.masked(line) for line in left_lines], [asked.masked(line) for line in right_lines]):
        for place, other in zip_longest(gap.left, gap.right):
            at = gap.left.stop if place is None else place
            path, pattern = f"/{at}", f"/{at}" if at < TOLD_LINES else "/*"
            if asked.ignores(path):
                continue
            if place is None:
                yield Difference(Kind.ADDED, path, pattern, ABSENT, right_lines[other])
            elif other is None:
                yield Difference(Kind.MISSING, path, pattern, left_lines[place], ABSENT)
            elif not _near(rules, path, left_lines[place], right_lines[other]):
                yield Difference(Kind.CHANGED, path, pattern, left_lines[place], right_lines[other])


def _lines(text: str) -> list[str]:
    """No line of an empty text; else one more than there are line ends."""
    return text.split("\n", MOST_LINES - 1) if text else []


def _near(rules: Rules, path: str, left: str, right: str) -> bool:
    tolerance = compiled(rules).root.step(path[1:]).tolerance
    return tolerance is not None and tolerance.allows(left, right)
