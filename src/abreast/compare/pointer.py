"""Paths into a body: JSON Pointers (RFC 6901), and patterns over them.

In a pattern ``*`` is one segment, ``**`` any number of them (also none), and a ``*`` inside a segment any run of
characters (``/div[*]/p``, ``/x_*``). There is no way to write a literal asterisk: ``*`` matches that too.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

Segments = tuple[str | int, ...]
"""The steps of a path: names of members, indexes of elements."""


def escaped(name: str) -> str:
    """A member's name as a pointer's segment (RFC 6901, 3)."""
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name


def unescaped(segment: str) -> str:
    """The member's name that a pointer's segment means. ``~`` before anything but 0 and 1 stays as it is."""
    return segment.replace("~1", "/").replace("~0", "~") if "~" in segment else segment


def join(*segments: str | int) -> str:
    """The pointer of these steps; of none the empty one, the whole body."""
    return "".join([f"/{escaped(step) if isinstance(step, str) else step}" for step in segments])


def split(pointer: str) -> tuple[str, ...]:
    """The steps of a pointer, unescaped, indexes as text.

    Raises ValueError when it is neither empty nor begins with a slash.
    """
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON Pointer: write it with a slash in front, {'/' + pointer!r}")
    return tuple(unescaped(segment) for segment in pointer[1:].split("/"))


def pattern_of(segments: Sequence[str | int]) -> str:
    """The pointer of these steps with ``*`` for every index: what is counted together."""
    return "".join([f"/{escaped(step) if isinstance(step, str) else '*'}" for step in segments])


def matches(pattern: str, pointer: str) -> bool:
    """Whether the whole of the pointer is what the pattern means. Raises ValueError when either is no pointer."""
    states = opening(split(pattern))
    for segment in split(pointer):
        states = advanced(states, segment)
    return any(not rest for rest in states)


Rest = tuple[str, ...]
"""What of a pattern is still to be matched; empty: matched."""


def opening(pattern: Rest) -> frozenset[Rest]:
    """The states in which matching a pattern begins: a ``**`` may be nothing."""
    states = {pattern}
    while pattern and pattern[0] == "**":
        pattern = pattern[1:]
        states.add(pattern)
    return frozenset(states)


def advanced(states: frozenset[Rest], segment: str) -> frozenset[Rest]:
    """The states after one more segment."""
    following: set[Rest] = set()
    for rest in states:
        if not rest:
            continue
        if rest[0] == "**":
            following |= opening(rest)
        elif _fits(rest[0], segment):
            following |= opening(rest[1:])
    return frozenset(following)


def _fits(pattern: str, segment: str) -> bool:
    if "*" not in pattern:
        return pattern == segment
    return pattern == "*" or _glob(pattern).fullmatch(segment) is not None


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", pattern)), re.DOTALL)
