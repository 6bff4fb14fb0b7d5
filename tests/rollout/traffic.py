"""Evidence from the real engine: so much traffic of each version, second by second."""

from collections.abc import Iterator
from typing import NamedTuple

from abreast.analysis.assessment import Assessment
from abreast.analysis.engine import Engine
from abreast.analysis.tick import WAITING_S, Side, Tick
from abreast.model.rollout import Policy
from abreast.model.units import FULL_WEIGHT
from abreast.rollout.watch import limits_of


class Traffic(NamedTuple):
    """What one version does in a second: requests, the share of them that fails, and how long the fastest take.

    Three of five take ``ms``, one in twenty four times, the others twice as long. ``hanging``: how many have
    been in flight for two seconds.
    """

    requests: int = 0
    bad: float = 0.0
    ms: int = 10
    hanging: int = 0

    def side(self, second: int) -> Side:
        """In that second: over many of them exactly the share fails."""
        bad = int((second + 1) * self.requests * self.bad + 1e-9) - int(second * self.requests * self.bad + 1e-9)
        slow = self.requests // 20
        middling = self.requests * 7 // 20
        shape = ((1, self.requests - middling - slow), (2, middling), (4, slow))
        latencies = {self.ms * 1000 * times: count for times, count in shape if count}
        return Side(self.requests, bad, latencies, tuple(self.hanging if age_s <= 2 else 0 for age_s in WAITING_S))


GOOD = (Traffic(20, 0.01), Traffic(180, 0.01))
"""Candidate and stable, alike."""

BAD = (Traffic(20, 0.2), Traffic(180, 0.01))
"""A candidate that fails more, but not hard."""

BROKEN = (Traffic(20, 0.9), Traffic(180, 0.01))
"""A candidate that fails nearly always."""

OUTAGE = (Traffic(20, 0.6), Traffic(180, 0.6))
"""Something that both need is down."""

SLOW = (Traffic(20, 0.01, ms=30), Traffic(180, 0.01))
"""A candidate three times as slow."""

NOTHING = (Traffic(), Traffic())

Both = tuple[Traffic, Traffic]


def ticks(
    seconds: int, both: Both, *, begin: float = 1_000_000.0, alone: bool = False, warming: bool = False
) -> Iterator[Tick]:
    """The ticks of so many seconds after ``begin``."""
    candidate, stable = both
    for second in range(seconds):
        at = begin + second + 1
        yield Tick(at, candidate.side(second), stable.side(second), warming=warming, alone=alone)


def assessed(policy: Policy, seconds: int, both: Both, *, next_weight: int = FULL_WEIGHT) -> Assessment:
    """What is known after so many seconds, in one step that leads to ``next_weight``."""
    engine = Engine(limits_of(policy), next_weight / FULL_WEIGHT)
    for tick in ticks(seconds, both):
        engine.add(tick)
    return engine.assessment()
