"""What the controller needs from the world. Below this line nothing does I/O; above it nothing decides.

Each port has one fake (``tests/fakes``) and at least one real implementation; both pass the same suite
(``tests/contracts``).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any, Final, Literal, Protocol

from abreast.analysis.assessment import Assessment
from abreast.analysis.tick import Side, Tick
from abreast.findings.book import Book
from abreast.findings.finding import Finding
from abreast.findings.ledger import Ledger
from abreast.findings.report import Key, Sample
from abreast.model.checks import Check
from abreast.model.event import Event
from abreast.model.flag import KeptFlag
from abreast.model.rollout import Rollout
from abreast.model.service import Instance, Version
from abreast.model.token import Session, Token
from abreast.model.traffic import Traffic
from abreast.rollout.observed import DataState, Differences, NodeState, Observed, Tally


class Clock(Protocol):
    """Time, so that tests can move it."""

    def now(self) -> float:
        """Unix seconds."""

    async def sleep(self, seconds: float) -> None:
        """Wait; may return early only by cancellation."""


class Lease(Protocol):
    """Who decides for a service, among several control planes."""

    @property
    def held(self) -> bool:
        """Whether that is this process, by its own clock; asked before each decision, and before acting on it."""


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

    def silent(self) -> Sequence[NodeState]:
        """Nodes that are not waited for any more and may still serve users, with what they acknowledged last."""


_PER_DECADE: Final = 12
_ROUNDING: Final = 1e-9
"""So that a bound that is a power of ten stays in its own bucket."""


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

    def coarse(self) -> list[tuple[float, int]]:
        """For a picture: pairs of a lower bound in milliseconds and a count, ascending, twelve buckets a decade."""
        found: Counter[int] = Counter()
        for bound, count in self.buckets.items():
            found[floor(log10(max(bound, 1)) * _PER_DECADE + _ROUNDING)] += count
        return [(round(10 ** (place / _PER_DECADE) / 1000, 6), found[place]) for place in sorted(found)]


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

    def seconds(self, since: float) -> Sequence[tuple[float, Mapping[str, Side]]]:
        """What each version did in each whole second that is over and ended after ``since``; of two minutes at most."""

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


class Tokens(Protocol):
    """Who may use the API over the network. Nothing here ever holds a secret, only its `abreast.model.token.digest`.

    Every change is an event of the service's newest rollout, in one transaction with it; before the first rollout it
    waits for `record_pending`. Every method raises StoreError.
    """

    async def create_token(self, service: str, token: Token, hashed: str) -> None:
        """Add it. Raises RefusedError when its name is taken."""

    async def revoke_token(self, service: str, name: str, at: float, actor: str) -> None:
        """Forget it, and the sessions that it opened. Raises UsageError for an unknown name."""

    async def tokens(self) -> Sequence[Token]:
        """All of them by name, those that are past their time included."""

    async def token(self, id_: str) -> tuple[Token, str] | None:
        """The token of that id, and its hash."""

    async def note_use(self, id_: str, at: float) -> None:
        """Remember when it was used last."""

    async def create_session(self, hashed: str, session: Session, now: float) -> None:
        """Add it, and forget those that are past their time ``now``."""

    async def session(self, hashed: str) -> Session | None:
        """The session of that hash, even if it is past its time."""

    async def end_session(self, hashed: str) -> None:
        """Forget it; ending one that is not there does nothing."""

    async def record_pending(self, service: str) -> None:
        """Put what was changed before there was a rollout into the audit log."""


class FlagStore(Protocol):
    """What was switched of feature flags, kept over a restart."""

    async def flags(self, service: str) -> Sequence[KeptFlag]:
        """Every flag that was kept, by name. Raises StoreError."""

    async def keep_flags(self, service: str, kept: Sequence[KeptFlag], events: Sequence[Event]) -> None:
        """Keep these and no others, and add the events, in one transaction. Raises StoreError."""


class Verdicts(Protocol):
    """The evidence about candidates."""

    def assess(self, rollout: Rollout, observed: Observed) -> Assessment:
        """What is known of the present attempt, everything counted until now included."""


class Checks(Protocol):
    """What others answer: queries and webhooks, asked in the background."""

    def follow(self, rollout: Rollout, *, ready: bool) -> None:
        """Ask from now on what this state wants to know; ``ready``: the candidate has all its instances ready."""

    def results(self) -> Mapping[str, Check]:
        """The last answers by the checks' names; returns at once."""


class DataKeeper(Protocol):
    """The database of both versions. A wish returns at once and may be said again: work is done beside the cycle."""

    def state(self) -> DataState | None:
        """What the database says; None before it has answered."""

    def open(self, stable: str, candidate: str, *, expand: bool) -> None:
        """The candidate's side shall be there, and be written; ``expand``: make it if it is not."""

    def fence(self, version: str) -> None:
        """This version shall write nothing any more."""

    def contract(self, old: str, new: str) -> None:
        """The old version's side shall be dropped."""


class Comparisons(Protocol):
    """What comparing answers has shown."""

    def differences(self, rollout: Rollout) -> Differences:
        """In the present attempt of this rollout; nothing where nothing was compared."""


class EvidenceStore(Protocol):
    """What verdicts are made from, second by second, and the evidence so far."""

    async def save_ticks(self, service: str, rollout: int, ticks: Sequence[Tick], state: Mapping[str, Any]) -> None:
        """Add the ticks, and replace the state, in one transaction. A tick that is known stays as it was.

        Raises StoreError. Ticks of all but the newest rollouts are let go of.
        """

    async def load_evidence(self, service: str, rollout: int) -> Mapping[str, Any]:
        """The state that was saved last; empty where none was. Raises StoreError, StoreCorruptError."""

    async def load_ticks(self, service: str, rollout: int) -> Sequence[Tick]:
        """Every tick of the rollout that is kept, oldest first. Raises StoreError, StoreCorruptError."""


class FindingsStore(Protocol):
    """What comparing found, and how far each relay was read: one process writes it, after each batch."""

    async def load_findings(self, service: str) -> tuple[Book, Ledger] | None:
        """Of the newest rollout that has any. Raises StoreError, StoreCorruptError."""

    async def save_findings(
        self,
        service: str,
        book: Book,
        ledger: Ledger,
        relay: str = "",
        number: int = 0,
        samples: Sequence[Sample] = (),
        events: Iterable[Event] = (),
    ) -> bool:
        """Write it all in one transaction: the state after the batch ``number`` of ``relay``, and what came with it.

        False, and nothing written, when that batch or a later one of this relay was recorded before. Without
        ``relay`` it is no batch but somebody's change. A sample whose id is known stays as it was; of each
        endpoint's key the first and the newest few samples are kept. Raises StoreError when nothing could be
        written, also because there is no rollout of the book's number.
        """

    async def samples(
        self, service: str, rollout: int, keys: Collection[tuple[str, Key]] | None = None
    ) -> Sequence[Sample]:
        """Those kept that show any of ``keys`` (endpoint, key), all without; oldest first. Raises StoreError."""

    async def purge_samples(self, service: str, before: float) -> int:
        """Delete those taken before then (Unix seconds), of every rollout; how many. Raises StoreError."""


Change = Literal["new", "reopened", "accepted", "resolved"]
"""What became of a finding."""


@dataclass(frozen=True)
class AlertTrial:
    """What a test alert came to: the address without its secrets, why it did not arrive (empty: it did), how long."""

    address: str
    failure: str
    took_s: float


class Alerts(Protocol):
    """Tells people of findings, and of what else is the matter."""

    def finding(self, service: str, finding: Finding, change: Change) -> None:
        """Say what became of it; returns at once and never raises."""

    def standing(self, service: str, findings: Sequence[Finding]) -> None:
        """These are open, all others are not: after a start, and when another rollout begins. Tells nothing anew."""

    @property
    def failures(self) -> Mapping[str, str]:
        """Where alerts do not arrive at present, and why; without the secrets of the address."""

    def test(self) -> Sequence[AlertTrial]:
        """Send a test to every address, past what waits; blocks until all have answered or took too long."""


class FindingsDesk(Protocol):
    """The running comparison, for people: what it found so far, and their decisions on it."""

    @property
    def book(self) -> Book:
        """All findings of the newest rollout that was compared."""

    @property
    def ledger(self) -> Ledger:
        """What became of each request that could have been compared."""

    @property
    def noise(self) -> Mapping[str, Mapping[str, str]]:
        """Learned shapes in words, by endpoint and pattern."""

    async def samples(self, finding: Finding) -> Sequence[Sample]:
        """Those kept that show the finding, oldest first. Raises StoreError."""

    async def recorded(self) -> Sequence[str]:
        """Users' requests since this was asked last, redacted, as lines of JSON; none yet at the first time.

        Requests are copied for it from the first call until a few seconds after the last.
        """

    async def change(self, number: int, make: Callable[[Book], Book], event: Event, change: Change) -> Finding:
        """Write what ``make`` makes of the book, with the event, in one transaction; tell it by an alert.

        No batch comes in between. What ``make`` raises passes through, and nothing is changed. Returns the
        finding of that number as it is then. Raises StoreError.
        """
