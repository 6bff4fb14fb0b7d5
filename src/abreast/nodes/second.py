"""What one gateway counted in one second: what a node hands in, small enough to be written once a second."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from abreast.analysis.tick import WAITING_S, Side
from abreast.ports import Latencies, VersionCounts

NOBODY: Final = (0,) * len(WAITING_S)


@dataclass(frozen=True)
class VersionSecond:
    """What one version did in it.

    ``waiting``: of those still in flight at its end, how many at least are older than each of `WAITING_S`.
    ``last_request_at``: when the last one began so far, Unix seconds by the node's clock; None when none was seen.
    """

    counts: VersionCounts = field(default_factory=VersionCounts)
    waiting: tuple[int, ...] = NOBODY
    last_request_at: float | None = None

    @property
    def side(self) -> Side:
        """What verdicts are made from."""
        return Side(self.counts.requests, self.counts.errors, self.counts.latencies.buckets, self.waiting)

    def as_json(self) -> list[Any]:  # Any: JSON
        """Short: [[code, count, …], [bound, count, …], in flight, [waiting, …], last request]."""
        waiting = list(self.waiting) if any(self.waiting) else []
        return [
            _flat(self.counts.codes),
            _flat(self.counts.latencies.buckets),
            self.counts.in_flight,
            waiting,
            self.last_request_at,
        ]

    @classmethod
    def from_json(cls, data: list[Any]) -> Self:
        """From `as_json`. Raises ValueError, TypeError or IndexError for anything else."""
        codes, buckets, in_flight, waiting, last = data
        ages = tuple(map(int, waiting)) or NOBODY
        if len(ages) != len(WAITING_S):
            message = f"{len(ages)} ages where {len(WAITING_S)} are told apart"
            raise ValueError(message)
        counts = VersionCounts(_pairs(codes), Latencies(_pairs(buckets)), int(in_flight))
        return cls(counts, ages, None if last is None else float(last))


@dataclass(frozen=True)
class NodeSecond:
    """The second that ended ``at`` (Unix seconds, whole, by the node's clock) at the gateway ``node``.

    A gateway counts from ``since`` (Unix seconds) on, without a gap; ``number`` counts its seconds from then, from 1:
    by node, since and number a second is told from every other. ``users``: users' requests by what they got in the
    end (0: no answer). ``captures``: what became of the copies of requests (`abreast.findings.ledger`).
    """

    node: str
    since: float
    number: int
    at: float
    versions: Mapping[str, VersionSecond] = field(default_factory=dict)
    users: Mapping[int, int] = field(default_factory=dict)
    captures: Mapping[str, int] = field(default_factory=dict)

    @property
    def sides(self) -> Mapping[str, Side]:
        """What verdicts are made from, by version."""
        return {name: each.side for name, each in self.versions.items()}

    def shifted(self, seconds: float) -> "NodeSecond":
        """As a clock tells it that is so far ahead of the node's. ``since`` stays: it is part of a name."""
        if not seconds:
            return self
        versions = {
            name: each
            if each.last_request_at is None
            else replace(each, last_request_at=each.last_request_at + seconds)
            for name, each in self.versions.items()
        }
        return replace(self, at=self.at + seconds, versions=versions)

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Short; `from_json` takes it."""
        return {
            "node": self.node,
            "since": self.since,
            "number": self.number,
            "at": self.at,
            "versions": {name: each.as_json() for name, each in self.versions.items()},
            "users": _flat(self.users),
            **({"captures": dict(self.captures)} if self.captures else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From `as_json`. Raises ValueError, TypeError, KeyError, IndexError or AttributeError for anything else."""
        return cls(
            str(data["node"]),
            float(data["since"]),
            int(data["number"]),
            float(data["at"]),
            {str(name): VersionSecond.from_json(each) for name, each in data["versions"].items()},
            _pairs(data["users"]),
            {str(outcome): int(count) for outcome, count in data.get("captures", {}).items()},
        )


def _flat(counts: Mapping[int, int]) -> list[int]:
    return [number for pair in sorted(counts.items()) for number in pair]


def _pairs(flat: list[Any]) -> dict[int, int]:
    return {int(flat[at]): int(flat[at + 1]) for at in range(0, len(flat), 2)}
