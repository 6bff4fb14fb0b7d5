"""The seconds of all nodes, joined by their wall second: each is handed out when all that are there have told it.

Nobody is waited for longer than `GRACE_S`. What comes later belongs to the next second that is handed out: nothing of
it is lost, and nothing that was handed out changes.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from abreast.analysis.tick import Side
from abreast.nodes.second import NodeSecond

GRACE_S: Final = 2.0
"""So long after its end a second is handed out, whoever has not told it."""

PRESENT_S: Final = 5.0
"""Who has told nothing for so long is not there."""

KEPT_S: Final = 120.0
"""Seconds that nobody has asked for are forgotten after this long."""


class Joined:
    """Seconds of several nodes as one. All times are Unix seconds by the reader's clock."""

    def __init__(self, after: float) -> None:
        """Only what ended later is joined: the rest was weighed before, by whoever did it then."""
        self._after = after
        self._handed = after // 1
        self._sides: dict[float, dict[str, Side]] = {}
        self._newest: dict[str, tuple[float, float]] = {}

    def add(self, second: NodeSecond, heard_at: float) -> None:
        """One node's second, which was heard of then: each one once."""
        newest, _ = self._newest.get(second.node, (second.at, heard_at))
        self._newest[second.node] = max(newest, second.at), heard_at
        self._forget(heard_at)
        if second.at <= self._after:
            return
        sides = self._sides.setdefault(max(second.at, self._handed + 1), {})
        for version, side in second.sides.items():
            sides[version] = sides.get(version, Side()) + side

    def since(self, at: float, now: float) -> Sequence[tuple[float, Mapping[str, Side]]]:
        """Those that ended after ``at`` and can be told ``now``, oldest first; as they were told before, if so."""
        self._keep(now)
        found = []
        for end in sorted(self._sides):
            if end > self._handed:
                if not self._is_whole(end, now):
                    break
                self._handed = end
            if end > at:
                found.append((end, dict(self._sides[end])))
        return found

    def _is_whole(self, end: float, now: float) -> bool:
        if now >= end + GRACE_S:
            return True
        there = (newest for newest, heard_at in self._newest.values() if abs(now - heard_at) < PRESENT_S)
        return now >= end and all(newest >= end for newest in there)

    def _keep(self, now: float) -> None:
        """Where a clock was set back, its times are told once more."""
        if now < self._handed - 1:
            self._handed = self._after = now // 1
            self._newest.clear()
            self._sides = {end: sides for end, sides in self._sides.items() if end <= now}
        self._forget(now)

    def _forget(self, now: float) -> None:
        for end in [each for each in self._sides if each < now - KEPT_S]:
            del self._sides[end]
