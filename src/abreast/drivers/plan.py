"""Which instances of a version to start and which to stop: pure arithmetic on the ones that exist."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Copy:
    """One instance that is not stopping. ``current``: it runs what is wanted now; ``failed``: it does not run."""

    number: int
    current: bool
    ready: bool
    failed: bool = False


@dataclass(frozen=True)
class Plan:
    """How many instances to start, and the numbers of those to stop."""

    start: int = 0
    stop: tuple[int, ...] = ()


def plan(copies: Iterable[Copy], wanted: int) -> Plan:
    """The next moves towards ``wanted`` instances that all are current.

    Outdated ones are replaced one by one: a new one is started beside them, and only when it is ready does an
    old one go. So after any plan at least ``min(wanted, ready before)`` ready instances remain.
    """
    ranked = sorted(copies, key=lambda copy: (not copy.ready, copy.number))
    current = [copy for copy in ranked if copy.current]
    outdated = [copy for copy in ranked if not copy.current]
    missing = max(0, wanted - len(current))
    surplus = current[wanted:]
    ready = sum(copy.ready for copy in current)
    kept = [copy for copy in outdated if not copy.failed][: max(0, wanted - ready)]
    if any(copy.ready for copy in kept) and missing:
        # One at a time: a version that is being replaced needs room for one more instance only.
        missing = 0 if any(not copy.ready for copy in current) else 1
    gone = [copy for copy in outdated if copy not in kept]
    return Plan(missing, tuple(copy.number for copy in [*surplus, *gone]))
