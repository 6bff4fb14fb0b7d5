"""Whole seconds of what each version did, made of readings: what verdicts are made from."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from abreast.analysis.tick import WAITING_S, Side
from abreast.nodes.second import NOBODY, NodeSecond, VersionSecond
from abreast.ports import VersionCounts

KEPT_S: Final = 120.0
"""Seconds that nobody has asked for are forgotten after this long."""


class Seconds:
    """Sums readings up by second, from ``begun`` (Unix seconds) on.

    ``older`` tells how many of a version's requests are in flight for longer, ``last`` when its last request began.
    """

    def __init__(
        self,
        older: Callable[[str, float], int],
        last: Callable[[str], float | None] = lambda _version: None,
        begun: float = 0.0,
    ) -> None:
        """Nothing was read yet."""
        self._older = older
        self._last = last
        self._begun = begun
        self._second: int | None = None
        self._number = 0
        self._counts: dict[str, VersionCounts] = {}
        self._users: dict[int, int] = {}
        self._captures: dict[str, int] = {}
        self._over: deque[NodeSecond] = deque()

    def begin(self, now: float) -> None:
        """A reading made at ``now`` (Unix seconds) comes next: if it is of another second, the one before is over.

        A clock that was set back tells times once more: what it told of them before is forgotten.
        """
        second, before = int(now), self._second
        if before is None:
            self._second = second
        elif second > before:
            self._second = second
            versions = {version: self._ended(version, counts) for version, counts in self._counts.items()}
            self._number += 1
            over = NodeSecond("", self._begun, self._number, before + 1.0, versions, self._users, self._captures)
            self._over.append(over)
            self._counts, self._users, self._captures = {}, {}, {}
            while self._over and self._over[0].at < now - KEPT_S:
                self._over.popleft()
        elif second < before - 1:  # one back: it only trembles at a border
            self._second = second
            while self._over and self._over[-1].at > second:
                self._over.pop()

    def add(self, version: str, counts: VersionCounts) -> None:
        """What the version did since the reading before."""
        self._counts[version] = self._counts.get(version, VersionCounts()) + counts

    def add_users(self, answers: Mapping[int, int]) -> None:
        """What users got since the reading before, by code."""
        for code, count in answers.items():
            self._users[code] = self._users.get(code, 0) + count

    def add_captures(self, outcomes: Mapping[str, int]) -> None:
        """What became of the copies of requests since the reading before."""
        for outcome, count in outcomes.items():
            self._captures[outcome] = self._captures.get(outcome, 0) + count

    def since(self, at: float) -> Sequence[tuple[float, Mapping[str, Side]]]:
        """Those that are over and ended after ``at``, oldest first."""
        found = []
        for each in reversed(self._over):
            if each.at <= at:
                break
            found.append((each.at, each.sides))
        return found[::-1]

    def finished(self, node: str, after: int) -> Sequence[NodeSecond]:
        """Those that are over and have a higher number, oldest first, as that node's."""
        return [replace(each, node=node) for each in self._over if each.number > after]

    def _ended(self, version: str, counts: VersionCounts) -> VersionSecond:
        waiting = tuple(self._older(version, age_s) for age_s in WAITING_S) if counts.in_flight else NOBODY
        return VersionSecond(counts, waiting, self._last(version))
