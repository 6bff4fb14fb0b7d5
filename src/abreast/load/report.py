"""What a run found, as one frozen value that goes to JSON and back."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from abreast.load.histogram import Histogram

if TYPE_CHECKING:
    from abreast.load.tally import Tally

STARVED_LAG_S = 0.05
"""A generator that is later than this is short of CPU, and its latencies accuse itself."""


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a run.

    ``latency`` runs from the intended time, ``service`` from the moment the request was written,
    ``lag`` is how late the generator itself was to hand out each request. ``users`` holds the
    users that each version answered at least once, ``flips`` how often a user's version changed
    (``"v1->v2"``). ``last_sent_s`` and ``last_answer_s`` are on the machine's monotonic clock, as
    are ``started_s`` and ``ended_s``, so that processes of one machine can compare them.
    """

    sent: int
    ok: int
    failed: int
    resent: int
    failures: dict[str, int]
    statuses: dict[int, int]
    versions: dict[str, int]
    users: dict[str, frozenset[int]]
    flips: dict[str, int]
    last_sent_s: dict[str, float]
    last_answer_s: dict[str, float]
    latency: Histogram
    service: Histogram
    lag: Histogram
    started_s: float
    ended_s: float
    cpu_s: float

    @classmethod
    def of(cls, tally: Tally, started_s: float, ended_s: float, cpu_s: float) -> Self:
        """Freeze a tally."""
        return cls(
            sent=tally.sent,
            ok=tally.ok,
            failed=tally.failed,
            resent=tally.resent,
            failures=dict(tally.failures),
            statuses=dict(tally.statuses),
            versions=dict(tally.versions),
            users={version: frozenset(users) for version, users in tally.users.items()},
            flips={f"{before}->{after}": count for (before, after), count in tally.flips.items()},
            last_sent_s=dict(tally.last_sent_s),
            last_answer_s=dict(tally.last_answer_s),
            latency=tally.latency,
            service=tally.service,
            lag=tally.lag,
            started_s=started_s,
            ended_s=ended_s,
            cpu_s=cpu_s,
        )

    @property
    def elapsed_s(self) -> float:
        """From the first intended time to the last end."""
        return self.ended_s - self.started_s

    @property
    def rate_per_s(self) -> float:
        """Ended requests per second."""
        return self.sent / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def starved(self) -> bool:
        """Whether the generator itself was late: then its latencies say nothing about the server."""
        return self.lag.percentile_s(99) > STARVED_LAG_S

    def share(self, version: str) -> float:
        """The version's share of all answers that named one, 0 to 1."""
        total = sum(self.versions.values())
        return self.versions.get(version, 0) / total if total else 0.0

    def user_share(self, version: str) -> float:
        """The share of the users seen that this version answered at least once, 0 to 1."""
        everybody = len(frozenset().union(*self.users.values()))
        return len(self.users.get(version, ())) / everybody if everybody else 0.0

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Return plain data for JSON; users as sorted lists."""
        plain: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        plain["statuses"] = {str(status): count for status, count in self.statuses.items()}
        plain["users"] = {version: sorted(users) for version, users in self.users.items()}
        for name in ("latency", "service", "lag"):
            plain[name] = getattr(self, name).as_dict()
        return {**plain, "elapsed_s": self.elapsed_s, "rate_per_s": self.rate_per_s, "starved": self.starved}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:  # Any: JSON
        """Read what :meth:`as_dict` wrote."""
        values = {field.name: data[field.name] for field in fields(cls)}
        values["statuses"] = {int(status): count for status, count in data["statuses"].items()}
        values["users"] = {version: frozenset(users) for version, users in data["users"].items()}
        for name in ("latency", "service", "lag"):
            values[name] = Histogram.from_dict(data[name])
        return cls(**values)
