"""Who is slow: the candidate against stable's own past quantiles.

Buckets are Envoy's (two significant digits: 1 to 10 % wide), in microseconds, each named by its lower bound.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from abreast.analysis.tick import WAITING_S, Side

QUANTILES: Final = (0.5, 0.9, 0.99)

ENOUGH: Final = 200
"""Latencies of stable's that its quantiles are read from at least: two above the 99th."""

HALF_LIFE_S: Final = 300.0
"""What stable did that long ago counts half."""

_PRUNED: Final = 0.01


def top(bound: int) -> int:
    """Where the bucket with that lower bound ends."""
    return bound + _width(bound)


def _width(value: int) -> int:
    return int(10 ** max(0, len(str(value)) - 2))


@dataclass(frozen=True, slots=True)
class Edge:
    """Between fast and slow, both ways of rounding: buckets from a lower bound on.

    Those from ``surely_us`` on are slower as a whole, those from ``maybe_us`` on at least in part. ``age`` is the place
    in `WAITING_S` of the first age that is no less than the edge; None: it is beyond all of them.
    """

    surely_us: int
    maybe_us: int
    age: int | None

    @classmethod
    def at(cls, edge_us: float) -> Self:
        """The edge at a latency in µs."""
        whole = int(edge_us)
        down = whole - whole % _width(whole)
        age = next((place for place, age_s in enumerate(WAITING_S) if age_s * 1e6 >= edge_us), None)
        return cls(down if down == edge_us else top(down), down, age)


class Past:
    """Stable's latencies, the recent ones more than the old."""

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        """Nothing seen."""
        self._buckets: dict[int, float] = {}

    def add(self, latencies: Mapping[int, int]) -> None:
        """Of one more tick."""
        for bound, count in latencies.items():
            self._buckets[bound] = self._buckets.get(bound, 0.0) + count

    def age(self, seconds: float) -> None:
        """So much time has gone by."""
        kept = 0.5 ** (seconds / HALF_LIFE_S)
        self._buckets = {bound: count * kept for bound, count in self._buckets.items() if count * kept > _PRUNED}

    def edges(self) -> tuple[int, ...] | None:
        """x_q of each of `QUANTILES` in µs, each at the end of a bucket; None before there is enough."""
        bounds = sorted(self._buckets)
        total = sum([self._buckets[bound] for bound in bounds])
        if total < ENOUGH:
            return None
        found: list[int] = []
        places = iter(bounds)
        bound = next(places)
        seen = self._buckets[bound]
        for quantile in QUANTILES:
            while seen < quantile * total and bound != bounds[-1]:
                bound = next(places)
                seen += self._buckets[bound]
            found.append(top(bound))
        return tuple(found)

    def state(self) -> dict[str, float]:
        """As JSON; `restored` takes it."""
        return {str(bound): count for bound, count in self._buckets.items()}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """Go on from a `state`."""
        past = cls()
        past._buckets = {int(bound): count for bound, count in state.items()}
        return past


class Slow(NamedTuple):
    """How many of ``seen`` were slower than an edge: ``surely``, or ``maybe`` (also those of the edge's own bucket)."""

    surely: int = 0
    maybe: int = 0
    seen: int = 0


class Waiting:
    """Requests that were counted as slow while still in flight, so that their end is not counted once more.

    How many are older than an age is known as "at least" only, and may fall and rise again while the same requests
    wait on. So the memory of those counted fades with nothing but ends: as slow, or without a latency (reset, timed
    out). Those that were in flight when counting began are left out.
    """

    __slots__ = ("counted",)

    def __init__(self, counted: int | None = None) -> None:
        """``counted`` of those in flight are counted already; None: it begins."""
        self.counted = counted

    def slow(self, side: Side, edge: Edge) -> Slow:
        """One tick's: those that ended, and those that have newly waited for longer than the edge."""
        ended = surely = maybe = 0
        surely_us, maybe_us = edge.surely_us, edge.maybe_us
        for bound, count in side.latencies.items():
            ended += count
            if bound >= maybe_us:
                maybe += count
                if bound >= surely_us:
                    surely += count
        late = 0 if edge.age is None else side.waiting[edge.age]
        if self.counted is None:
            self.counted = late
            return Slow(surely, maybe, ended)
        known = min(surely, self.counted)
        counted = self.counted - known
        if late < counted:
            counted -= min(counted - late, max(0, side.requests - ended))
        fresh = max(0, late - counted)
        self.counted = counted + fresh
        return Slow(surely - known + fresh, maybe - known + fresh, ended - known + fresh)
