"""Whole seconds of what each version did, made of readings: what verdicts are made from."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from abreast.analysis.tick import WAITING_S, Side
from abreast.ports import VersionCounts

KEPT_S: Final = 120.0
"""Seconds that nobody has asked for are forgotten after this long."""


class Seconds:
    """Sums readings up by second. ``older`` tells how many of a version's requests are in flight for longer."""

    def __init__(self, older: Callable[[str, float], int]) -> None:
        """Nothing was read yet."""
        self._older = older
        self._second: int | None = None
        self._counts: dict[str, VersionCounts] = {}
        self._over: deque[tuple[float, Mapping[str, Side]]] = deque()

    def begin(self, now: float) -> None:
        """A reading made at ``now`` (Unix seconds) comes next: if it is of another second, the one before is over.

        A clock that was set back tells times once more: what it told of them before is forgotten.
        """
        second, before = int(now), self._second
        if before is None:
            self._second = second
        elif second > before:
            self._second = second
            sides = {version: self._side(version, counts) for version, counts in self._counts.items()}
            self._over.append((before + 1.0, sides))
            self._counts = {}
            while self._over and self._over[0][0] < now - KEPT_S:
                self._over.popleft()
        elif second < before - 1:  # one back: it only trembles at a border
            self._second = second
            while self._over and self._over[-1][0] > second:
                self._over.pop()

    def add(self, version: str, counts: VersionCounts) -> None:
        """What the version did since the reading before."""
        self._counts[version] = self._counts.get(version, VersionCounts()) + counts

    def since(self, at: float) -> Sequence[tuple[float, Mapping[str, Side]]]:
        """Those that are over and ended after ``at``, oldest first."""
        found = []
        for each in reversed(self._over):
            if each[0] <= at:
                break
            found.append(each)
        return found[::-1]

    def _side(self, version: str, counts: VersionCounts) -> Side:
        waiting = tuple(self._older(version, age_s) for age_s in WAITING_S) if counts.in_flight else Side().waiting
        return Side(counts.requests, counts.errors, counts.latencies.buckets, waiting)
