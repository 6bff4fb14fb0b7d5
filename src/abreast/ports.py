"""What the controller needs from the world. Below this line nothing does I/O; above it nothing decides.

Each port has one fake (``tests/fakes``) and at least one real implementation; both pass the same suite
(``tests/contracts``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from abreast.model.event import Event
from abreast.model.rollout import Rollout
from abreast.model.service import Instance, Version
from abreast.model.traffic import Traffic
from abreast.rollout.observed import NodeState, Tally


class Clock(Protocol):
    """Time, so that tests can move it."""

    def now(self) -> float:
        """Unix seconds."""

    async def sleep(self, seconds: float) -> None:
        """Wait; may return early only by cancellation."""


class Driver(Protocol):
    """Runs versions. All methods may be called again at any time; they state wishes."""

    async def run(self, version: Version) -> None:
        """Keep ``version.wanted`` instances running from now on. Raises DriverError if that is hopeless.

        Hopeless is what no retry mends: a missing command or working directory. An instance that exits or
        fails its probes is restarted with back-off and shows as failed in `instances`.
        """

    async def stop(self, name: str) -> None:
        """Begin to end all instances of the version (SIGTERM, then SIGKILL after its time-out); returns at once."""

    def instances(self) -> Sequence[Instance]:
        """Every instance that exists, in whatever state; stopped ones vanish."""

    async def close(self, *, stop: bool) -> None:
        """Let go of everything: with ``stop`` end all instances and wait for it; else leave them running."""


class Gateway(Protocol):
    """Tells Envoys what to do."""

    def publish(self, traffic: Traffic) -> None:
        """Make this the snapshot that every node shall have; returns at once, a same one changes nothing."""

    def nodes(self) -> Sequence[NodeState]:
        """Every node that should obey, with the split it acknowledged."""


@dataclass(frozen=True)
class Latencies:
    """A histogram of latencies: microseconds (lower bound of the bucket) to count; buckets are 1 to 10 % wide."""

    buckets: Mapping[int, int] = field(default_factory=dict)

    def __add__(self, other: "Latencies") -> "Latencies":
        total = dict(self.buckets)
        for bound, count in other.buckets.items():
            total[bound] = total.get(bound, 0) + count
        return Latencies(total)

    @property
    def count(self) -> int:
        """How many latencies it holds."""
        return sum(self.buckets.values())

    def quantile(self, share: float) -> float | None:
        """The latency in milliseconds below which ``share`` (0 to 1) of them lie; None when empty."""
        wanted = share * self.count
        seen = 0
        for bound in sorted(self.buckets):
            seen += self.buckets[bound]
            if seen >= wanted and seen:
                return bound / 1000
        return None


NO_ANSWER: Final = 0
"""The code that stands for a reset, a refused connection or a time-out."""

_SERVER_ERRORS: Final = 500


def is_error(code: int) -> bool:
    """Whether an answer's code is the version's failure: 5xx, or no answer at all."""
    return code == NO_ANSWER or code >= _SERVER_ERRORS


@dataclass(frozen=True)
class VersionCounts:
    """What one version did in one tick: attempts by answer code (0: no answer), latencies, in flight at its end."""

    codes: Mapping[int, int] = field(default_factory=dict)
    latencies: Latencies = Latencies()
    in_flight: int = 0

    @property
    def requests(self) -> int:
        """Attempts that ended in this tick."""
        return sum(self.codes.values())

    @property
    def errors(self) -> int:
        """Attempts that ended badly: 5xx, or no answer at all (reset, refused, timed out)."""
        return sum(count for code, count in self.codes.items() if is_error(code))

    def __add__(self, other: "VersionCounts") -> "VersionCounts":
        codes = dict(self.codes)
        for code, count in other.codes.items():
            codes[code] = codes.get(code, 0) + count
        return VersionCounts(codes, self.latencies + other.latencies, other.in_flight)


class Counts(Protocol):
    """What the gateways counted, per version; kept in memory for a while."""

    def tally(self, since: float) -> Mapping[str, Tally]:
        """Totals per version from ``since`` (Unix seconds) to now."""

    def recent(self, seconds: float) -> Mapping[str, VersionCounts]:
        """Everything counted in the last ``seconds``, per version, for people to read."""

    @property
    def since(self) -> float:
        """Unix seconds from which on the counts are complete."""


class Store(Protocol):
    """What must survive: the rollout by compare-and-set, events for ever, counts per minute, a few secrets."""

    async def load(self, service: str) -> Rollout | None:
        """The newest rollout of the service. Raises StoreError, StoreCorruptError."""

    async def save(self, rollout: Rollout, events: Iterable[Event]) -> Rollout:
        """Write both in one transaction if the stored revision still is ``rollout.revision``.

        Returns the rollout with its new revision (one more). A rollout number that is new must have revision
        0. Raises ConflictError when somebody else wrote in between, StoreError when nothing could be written.
        """

    async def events(self, service: str, *, limit: int = 1000, after: int = 0) -> Sequence[tuple[int, Event]]:
        """The newest ``limit`` events with ids above ``after``, oldest first, each with its id."""

    async def history(self, service: str) -> Sequence[Rollout]:
        """Every rollout of the service, oldest first, each in its last state."""

    async def add_counts(self, service: str, minute: int, counts: Mapping[str, VersionCounts]) -> None:
        """Add to the stored counts of that minute (Unix time // 60); several calls add up."""

    async def counts(self, service: str, since_minute: int) -> Sequence[tuple[int, str, VersionCounts]]:
        """Stored counts from that minute on: (minute, version, counts), oldest first."""

    async def secret(self, name: str, fresh: str) -> str:
        """The secret of that name; ``fresh`` is stored and returned if there is none yet."""

    async def close(self) -> None:
        """Release the file."""
