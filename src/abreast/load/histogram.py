"""Latencies in logarithmic buckets: at most 1 % of error at any size, in a few hundred integers."""

from __future__ import annotations

import math
from collections import Counter
from typing import Self

_GROWTH = 1.02
"""Each bucket is 2 % wider than the one before; its middle is at most 1 % from any value in it."""

_LOG_GROWTH = math.log(_GROWTH)
_FLOOR_S = 1e-6
"""Everything below a microsecond counts as a microsecond."""


class Histogram:
    """Counts of durations, in seconds."""

    __slots__ = ("buckets", "count", "maximum_s", "total_s")

    def __init__(self) -> None:
        """Start with nothing seen."""
        self.buckets: Counter[int] = Counter()
        self.count = 0
        self.total_s = 0.0
        self.maximum_s = 0.0

    def add(self, value_s: float) -> None:
        """Count one duration."""
        bucket = int(math.log(value_s / _FLOOR_S) / _LOG_GROWTH) if value_s > _FLOOR_S else 0
        self.buckets[bucket] += 1
        self.count += 1
        self.total_s += value_s
        self.maximum_s = max(self.maximum_s, value_s)

    def merge(self, other: Histogram) -> None:
        """Add everything that the other one has seen."""
        self.buckets.update(other.buckets)
        self.count += other.count
        self.total_s += other.total_s
        self.maximum_s = max(self.maximum_s, other.maximum_s)

    def percentile_s(self, percent: float) -> float:
        """The smallest seen duration that ``percent`` of all do not exceed, in seconds; 0 of none."""
        if not self.count:
            return 0.0
        rank = max(1, math.ceil(self.count * percent / 100))
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                return min(_FLOOR_S * math.pow(_GROWTH, bucket + 0.5), self.maximum_s)
        return self.maximum_s

    @property
    def mean_s(self) -> float:
        """The mean, in seconds; 0 of none."""
        return self.total_s / self.count if self.count else 0.0

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON: the numbers people read (in milliseconds), and the buckets."""
        numbers: dict[str, object] = {
            name: round(self.percentile_s(percent) * 1e3, 3)
            for name, percent in (("p50_ms", 50), ("p90_ms", 90), ("p99_ms", 99), ("p999_ms", 99.9))
        }
        return {
            **numbers,
            "mean_ms": round(self.mean_s * 1e3, 3),
            "max_ms": round(self.maximum_s * 1e3, 3),
            "total_s": self.total_s,
            "buckets": {str(bucket): self.buckets[bucket] for bucket in sorted(self.buckets)},
        }

    @classmethod
    def from_dict(cls, data: dict[str, object]) -> Self:
        """Read what :meth:`as_dict` wrote (the maximum to a microsecond)."""
        made = cls()
        buckets, total_s, maximum_ms = data["buckets"], data["total_s"], data["max_ms"]
        if not (isinstance(buckets, dict) and isinstance(total_s, int | float) and isinstance(maximum_ms, int | float)):
            raise TypeError("not a histogram: buckets, total_s and max_ms are needed")
        made.buckets = Counter({int(bucket): int(count) for bucket, count in buckets.items()})
        made.count = made.buckets.total()
        made.total_s, made.maximum_s = float(total_s), maximum_ms / 1e3
        return made
