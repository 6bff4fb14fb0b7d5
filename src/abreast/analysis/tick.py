"""What both versions did in one second: the only thing that verdicts are made from, small enough to be recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

WAITING_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Ages that are told apart of requests still in flight."""


@dataclass(frozen=True, slots=True)
class Side:
    """One version in one tick.

    ``requests`` are attempts that ended, ``errors`` those of them that ended badly (5xx, reset, time-out),
    ``latencies`` how many took how long: lower bound of the bucket (µs, two significant digits) to count.
    ``waiting``: of those still in flight at its end, how many at least are older than each of `WAITING_S`.
    """

    requests: int = 0
    errors: int = 0
    latencies: Mapping[int, int] = field(default_factory=dict)
    waiting: tuple[int, ...] = (0,) * len(WAITING_S)

    def __add__(self, other: "Side") -> "Side":
        """Both together: of two gateways in the same second."""
        latencies = dict(self.latencies)
        for bound, count in other.latencies.items():
            latencies[bound] = latencies.get(bound, 0) + count
        waiting = tuple(one + two for one, two in zip(self.waiting, other.waiting, strict=True))
        return Side(self.requests + other.requests, self.errors + other.errors, latencies, waiting)

    def as_json(self) -> list[Any]:  # Any: JSON
        """Short: [requests, errors, [bound, count, …], [waiting, …]]."""
        flat = [number for bucket in sorted(self.latencies.items()) for number in bucket]
        return [self.requests, self.errors, flat, list(self.waiting) if any(self.waiting) else []]

    @classmethod
    def from_json(cls, data: list[Any]) -> Self:
        """From `as_json`. Raises ValueError, TypeError or IndexError for anything else."""
        requests, errors, flat, waiting = data
        latencies = {int(flat[at]): int(flat[at + 1]) for at in range(0, len(flat), 2)}
        return cls(int(requests), int(errors), latencies, tuple(map(int, waiting)) or (0,) * len(WAITING_S))


@dataclass(frozen=True, slots=True)
class Tick:
    """The second that ended ``at`` (Unix seconds). ``warming``: an instance of the candidate's has only just started.

    ``alone``: all users were moved, so that stable has no traffic to be compared with.
    """

    at: float
    candidate: Side = Side()
    stable: Side = Side()
    warming: bool = False
    alone: bool = False

    def __add__(self, other: "Tick") -> "Tick":
        """Both together: of two gateways in the same second."""
        return Tick(
            max(self.at, other.at),
            self.candidate + other.candidate,
            self.stable + other.stable,
            self.warming or other.warming,
            self.alone and other.alone,
        )

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Short; `from_json` takes it."""
        flags = {name: True for name in ("warming", "alone") if getattr(self, name)}
        return {"at": self.at, "candidate": self.candidate.as_json(), "stable": self.stable.as_json(), **flags}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From `as_json`. Raises ValueError, TypeError, KeyError or IndexError for anything else."""
        return cls(
            float(data["at"]),
            Side.from_json(data["candidate"]),
            Side.from_json(data["stable"]),
            bool(data.get("warming")),
            bool(data.get("alone")),
        )
