"""Counts that a test writes itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from abreast.analysis.tick import WAITING_S, Side
from abreast.ports import Clock, Latencies, VersionCounts
from abreast.rollout.observed import Tally


@dataclass
class FakeCounts:
    """`abreast.ports.Counts` (and what operations ask beyond it) from ticks that a test adds by its clock."""

    clock: Clock
    since: float = 0.0
    ticks: list[tuple[float, str, VersionCounts]] = field(default_factory=list)
    users: dict[int, int] = field(default_factory=dict)
    stuck: dict[str, int] = field(default_factory=dict)

    def add(self, version: str, codes: Mapping[int, int], *, ms: int = 10, in_flight: int = 0) -> None:
        """One tick of a version: attempts by answer code, all of them ``ms`` milliseconds long."""
        latencies = Latencies({ms * 1000: sum(codes.values())} if codes else {})
        self.ticks.append((self.clock.now(), version, VersionCounts(dict(codes), latencies, in_flight)))

    def tally(self, since: float) -> Mapping[str, Tally]:
        """As the port says."""
        found: dict[str, Tally] = {}
        for at, version, counts in self.ticks:
            before = found.get(version, Tally())
            later = at > since
            begun = counts.requests + counts.in_flight > before.in_flight
            found[version] = Tally(
                before.requests + later * counts.requests,
                before.errors + later * counts.errors,
                counts.in_flight,
                at if begun else before.last_request_at,
            )
        return found

    def recent(self, seconds: float) -> Mapping[str, VersionCounts]:
        """As the port says."""
        found: dict[str, VersionCounts] = {}
        for at, version, counts in self.ticks:
            if at >= self.clock.now() - seconds:
                found[version] = found.get(version, VersionCounts()) + counts
        return found

    def seconds(self, since: float) -> Sequence[tuple[float, Mapping[str, Side]]]:
        """As the port says; those stuck have waited for as long as the test likes."""
        found: dict[float, dict[str, VersionCounts]] = {}
        for at, version, counts in self.ticks:
            end = int(at) + 1.0
            if since < end <= self.clock.now():
                sides = found.setdefault(end, {})
                sides[version] = sides.get(version, VersionCounts()) + counts
        return [(end, {name: self._side(name, each) for name, each in found[end].items()}) for end in sorted(found)]

    def _side(self, version: str, counts: VersionCounts) -> Side:
        waiting = (self.stuck.get(version, 0),) * len(WAITING_S)
        return Side(counts.requests, counts.errors, counts.latencies.buckets, waiting)

    @property
    def exposed_users(self) -> Mapping[int, int]:
        """All of them."""
        return self.users

    def waiting(self, version: str, longer_than_s: float) -> int:
        """How many the test says are stuck, whatever the time asked for."""
        return self.stuck.get(version, 0)

    def cumulative(self) -> Mapping[str, VersionCounts]:
        """Every tick that the test added."""
        found: dict[str, VersionCounts] = {}
        for _, version, counts in self.ticks:
            found[version] = found.get(version, VersionCounts()) + counts
        return found
