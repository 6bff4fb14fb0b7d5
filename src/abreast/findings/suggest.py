"""Rules that a spec could have, for what is clearly noise: so that it need not be learned again."""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import yaml

from abreast.compare.model import Kind
from abreast.findings.book import Book
from abreast.findings.tracks import Track

NOISY_AT_LEAST: Final = 10
"""Exchanges in which stable differed from itself before that alone is a reason."""

_HEAD: Final = ("rollout:", "  gates:", "    differences:")
_PLAIN: Final = re.compile(r"(/|header:|trailer:)[A-Za-z0-9_/.*~-]+")
_NO_WRAPPING: Final = 1_000_000
_UNORDERED: Final = "any order"


def suggestions(book: Book, noise: Mapping[str, Mapping[str, str]]) -> str:
    """YAML of the section ``rollout.gates.differences``, each line with its reason; empty if there is none.

    ``noise`` tells of each endpoint and pattern the learned shape in words (`EndpointReport.noise`). Added to it is
    what stable does to itself as often as the candidate does. Nothing that is a finding is suggested, and never the
    status: that would hide more than noise.
    """
    found = {(place.endpoint, place.key.pattern) for finding in book.findings for place in finding.places}
    reasons: defaultdict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for endpoint, shapes in noise.items():
        for pattern, shape in shapes.items():
            reasons[_rule(shape)][endpoint, pattern] = shape
    shaped = {place for group in reasons.values() for place in group}
    for track in book.tracks:
        place = (track.endpoint, track.key.pattern)
        if place not in shaped and track.control_only + track.both >= NOISY_AT_LEAST:
            rule = "unordered" if track.key.kind is Kind.ORDER else "ignore"
            reasons[rule].setdefault(place, _counts(track))
    lines: list[str] = []
    for rule in ("ignore", "unordered"):
        group = {
            place: words for place, words in reasons[rule].items() if place not in found and _may_be_ruled(place[1])
        }
        if group:
            lines += [f"      {rule}:", *_entries(group)]
    return "\n".join((*_HEAD, *lines)) + "\n" if lines else ""


def _rule(shape: str) -> str:
    """Which of the spec's rules fits a learned shape."""
    return "unordered" if shape.startswith(_UNORDERED) else "ignore"


def _may_be_ruled(pattern: str) -> bool:
    """Neither the status nor the whole body; nor "…", under which patterns beyond the limit are counted."""
    return pattern not in {"status", "body", "", "…"}


def _counts(track: Track) -> str:
    alone = f"stable differs from itself: {track.control_only + track.both:,} times"
    return f"{alone}, the candidate alone {track.candidate_only:,} times"


def _entries(group: Mapping[tuple[str, str], str]) -> list[str]:
    """One line per pattern, with every endpoint's reason, aligned."""
    by_pattern: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for (endpoint, pattern), words in sorted(group.items()):
        by_pattern[pattern].setdefault(words, []).append(endpoint)
    scalars = {pattern: _scalar(pattern) for pattern in by_pattern}
    width = max(map(len, scalars.values()))
    return [
        f"        - {scalars[pattern]:<{width}}   # "
        + "; ".join(f"{_line(', '.join(endpoints))}: {_line(words)}" for words, endpoints in reasons.items())
        for pattern, reasons in by_pattern.items()
    ]


def _scalar(text: str) -> str:
    """A YAML scalar: as it is where that is plainly safe, else in double quotes."""
    if _PLAIN.fullmatch(text):
        return text
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=_NO_WRAPPING).strip()


def _line(text: str) -> str:
    """Without anything that would end a comment or that YAML refuses."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
