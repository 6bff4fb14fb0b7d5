"""Collects what a relay reports, exactly once: findings, ledger, and the evidence that the gate needs."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from abreast.findings.book import Book, absorb, expire
from abreast.findings.finding import Finding, FindingState
from abreast.findings.lane import Lane
from abreast.findings.ledger import GatewayTotals, Ledger
from abreast.findings.report import Batch, Sample
from abreast.model.errors import StoreError
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Rollout
from abreast.model.traffic import Backend, Shadowing, Traffic
from abreast.model.units import FULL_WEIGHT
from abreast.ports import Alerts, Change, Clock, FindingsStore
from abreast.rollout.observed import Differences
from abreast.rollout.turn import ACTOR, shadows_soon
from abreast.shadow.order import Arm, Order
from abreast.shadow.relay_client import RelayUnreachableError

log: Final = logging.getLogger(__name__)

TURN_S: Final = 0.5
"""How often the relay is asked for what it has."""
_LINGER_S: Final = 15.0
"""How long a relay that is not needed any more may still decide what it holds."""
_SAVE_S: Final = 5.0
"""How often the ledger is written when no batch comes."""
_PURGE_S: Final = 600.0
_RECORDING_S: Final = 5.0
"""Whoever records asks again within this time."""
_NO_ROLLOUT: Final = -1
"""The rollout of what is copied for a recording alone."""


@dataclass(frozen=True)
class Present:
    """What the rollout wants now: its state, and whom the gateways would ask."""

    rollout: Rollout
    traffic: Traffic


@dataclass(frozen=True)
class Keys:
    """The secrets of a service's shadowing."""

    signing: str
    salt: str


@dataclass(frozen=True)
class Surroundings:
    """What a collector hears from, and tells.

    ``captures`` gives what the gateway counted since it was called last, by what became of each request's copy;
    ``note`` takes sentences for the audit log; ``on_news`` is called after each batch; ``record`` has requests copied
    beside the rollout's own wish. ``captured_at`` tells up to where ``captures`` has counted, and ``resume`` has it
    count from there, so that a control plane that begins again misses nothing.
    """

    present: Callable[[], Present]
    captures: Callable[[], Mapping[str, int]]
    note: Callable[[EventKind, str], None]
    on_news: Callable[[], None]
    record: Callable[[Shadowing | None], None]
    captured_at: Callable[[], GatewayTotals] = GatewayTotals
    resume: Callable[[GatewayTotals], None] = lambda _: None


class Relays(Protocol):
    """Whoever compares: one process of this machine (`abreast.shadow.crew.Crew`), or relays elsewhere."""

    @property
    def running(self) -> bool:
        """Whether there is one."""

    @property
    def losses(self) -> int:
        """How many were lost since this control plane began."""

    def adopt(self) -> bool:
        """Take over what an earlier control plane left running; whether there was any."""

    def lost(self, known: Collection[str]) -> Collection[str]:
        """Which of the relays (their own names) that were heard of do not run any more."""

    async def keep(self) -> bool:
        """See that there is one; whether one was lost just now. Raises OSError when none can be had."""

    async def tell(self, order: Order) -> None:
        """Give all of them the order. Raises RelayUnreachableError; ValueError if it is refused."""

    async def report(self) -> Batch | None:
        """The next batch of any; the same one again until `acknowledge`. Raises RelayUnreachableError."""

    def acknowledge(self, batch: Batch) -> None:
        """It is recorded."""

    async def recorded(self) -> Sequence[str]:
        """Users' requests since this was asked last, redacted, a JSON object each. Raises RelayUnreachableError."""

    async def stop(self) -> bool:
        """They are needed no more; whether one was ended."""

    async def close(self, *, stop: bool) -> None:
        """Let go; with ``stop`` end what runs for this control plane alone."""


class Collector:
    """Implements `abreast.ports.Comparisons` and `abreast.ports.FindingsDesk` over the relays."""

    def __init__(
        self,
        *,
        service: str,
        around: Surroundings,
        crew: Relays,
        store: FindingsStore,
        alerts: Alerts,
        keys: Keys,
        clock: Clock,
    ) -> None:
        self._service = service
        self._around = around
        self._crew = crew
        self._store = store
        self._alerts = alerts
        self._keys = keys
        self._clock = clock
        self._book = Book.of(0)
        self._ledger = Ledger()
        self._noise: dict[str, dict[str, str]] = {}
        self._relays: set[str] = set()
        self._needed_at = 0.0
        self._recording_until = 0.0
        self._complaint = ""
        self._saved_at, self._saved = 0.0, Ledger()
        self._purged_at = 0.0
        self._writing = asyncio.Lock()

    @property
    def book(self) -> Book:
        """All findings of the newest rollout that was compared."""
        return self._book

    @property
    def ledger(self) -> Ledger:
        """What became of each request that could have been compared."""
        return self._ledger

    @property
    def relay_losses(self) -> int:
        """How many relays were lost since this control plane began."""
        return self._crew.losses

    @property
    def noise(self) -> Mapping[str, Mapping[str, str]]:
        """Learned shapes in words, by endpoint and pattern."""
        return self._noise

    def differences(self, rollout: Rollout) -> Differences:
        """What comparing has shown in the present attempt of this rollout."""
        book = self._book
        if (book.rollout, book.lane.since) != (rollout.number, rollout.attempt_since):
            return Differences()
        lane = book.lane
        return Differences(
            compared=lane.compared,
            controlled=lane.controlled,
            candidate_only=lane.candidate_only,
            control_only=lane.control_only,
            against=lane.against,
            clear=lane.clear,
            findings=tuple(each.title for each in book.ranked if each.state is FindingState.OPEN),
        )

    async def samples(self, finding: Finding) -> Sequence[Sample]:
        """Those kept that show the finding, oldest first. Raises StoreError."""
        return await self._store.samples(self._service, finding.rollout, finding.places)

    async def change(self, number: int, make: Callable[[Book], Book], event: Event, change: Change) -> Finding:
        """Write what ``make`` makes of the book, with the event, in one transaction; tell it by an alert."""
        async with self._writing:
            changed = make(self._book)
            await self._store.save_findings(self._service, changed, self._ledger, events=[event])
            self._book = changed
        found = changed.finding(number)
        if found is None:
            message = f"finding {number} is gone from the book"
            raise LookupError(message)
        self._alerts.finding(self._service, found, change)
        return found

    async def recorded(self) -> Sequence[str]:
        """Users' requests since this was asked last, redacted, as lines of JSON; none yet at the first time.

        Requests are copied for it from the first call until a few seconds after the last.
        """
        self._recording_until = self._clock.now() + _RECORDING_S
        policy = self._around.present().rollout.policy.shadow
        self._around.record(Shadowing(FULL_WEIGHT, policy.at_most_per_s))
        try:
            return await self._crew.recorded()
        except RelayUnreachableError:
            return ()

    async def start(self) -> None:
        """Go on where an earlier control plane was, with its relay if that still runs. Raises StoreError."""
        stored = await self._store.load_findings(self._service)
        if stored is not None:
            self._book, self._ledger = stored
            self._relays = {each.relay for each in self._ledger.relays if each.alive}
            if self._around.present().traffic.split.shadow is not None:
                self._around.resume(self._ledger.gateway)
        self._crew.adopt()
        self._bury()
        open_ones = [each for each in self._book.findings if each.state is FindingState.OPEN]
        self._alerts.standing(self._service, open_ones)

    async def run(self) -> None:
        """Turn until cancelled."""
        while True:
            await self.turn()
            await self._clock.sleep(TURN_S)

    async def close(self, *, stop: bool) -> None:
        """Let go; with ``stop`` the relay ends."""
        await self._crew.close(stop=stop)

    async def turn(self) -> None:
        """Look once: keep the relay as it should be, and take in what it and the gateway counted."""
        if self._recording_until and self._clock.now() >= self._recording_until:
            self._recording_until = 0.0
            self._around.record(None)
        present = self._around.present()
        async with self._writing:
            self._begin(present.rollout)  # before the order, which says what is accepted
        try:
            await self._relay_as_wished(present)
            batch = await self._crew.report()
        except RelayUnreachableError as error:
            log.debug("the relay does not answer: %s", error)
            batch = None
        except (OSError, ValueError) as error:  # it cannot be started, or refuses its order
            self._complain(str(error))
            batch = None
        async with self._writing:
            try:
                await self._take_in(present, batch)
            except StoreError as error:
                log.warning("findings cannot be recorded: %s", error)

    def _complain(self, why: str) -> None:
        """Once for each reason, however often it is met."""
        if why != self._complaint:
            self._complaint = why
            self._around.note(EventKind.RELAY, f"the relay cannot be used: {why}")

    async def _relay_as_wished(self, present: Present) -> None:
        now = self._clock.now()
        if present.traffic.copying is not None or shadows_soon(present.rollout):
            self._needed_at = now
            await self._crew.keep()
            self._bury()
            await self._crew.tell(self._order(present))
        elif not self._crew.running:
            self._bury()
        elif now - self._needed_at >= _LINGER_S:
            if await self._crew.stop():
                self._around.note(EventKind.RELAY, "the relay was ended, as it has nothing left to do")
            self._bury()

    def _bury(self) -> None:
        """Write off what relays held that are gone."""
        for name in self._crew.lost(self._relays):
            self._ledger = self._ledger.after_death(name, self._clock.now())
            self._relays.discard(name)

    def _order(self, present: Present) -> Order:
        traffic, rollout = present.traffic, present.rollout
        accepted = self._book.accepted if self._book.rollout == rollout.number else ()
        return Order(
            rollout=rollout.number if traffic.split.shadow is not None else _NO_ROLLOUT,
            stable=_arm(traffic.stable),
            candidate=_arm(traffic.candidate) if traffic.candidate is not None else None,
            policy=rollout.policy.shadow,
            accepted=accepted,
            signing_key=self._keys.signing,
            redaction_salt=self._keys.salt,
            recording=self._recording_until > 0,
        )

    async def _take_in(self, present: Present, batch: Batch | None) -> None:
        """One transaction for everything that is new; a batch that cannot be recorded comes again."""
        now, rollout = self._clock.now(), present.rollout
        own = batch if batch is not None and batch.rollout == self._book.rollout else None
        self._bury()
        captures = self._around.captures()
        if present.traffic.split.shadow is None and present.traffic.recording is not None:
            captures = {}  # copied for the recording alone: nothing was to be compared
        self._ledger = replace(self._ledger.after_gateway(captures, now), gateway=self._around.captured_at())
        before = self._book
        book, ledger = before, self._ledger
        news: tuple[Finding, ...] = ()
        if own is not None:
            ledger = ledger.after_batch(own, now)
            book, news = absorb(book, own)
            gate = rollout.policy.differences
            book = replace(book, lane=book.lane.after(own, gate.tolerance / FULL_WEIGHT, gate.window_s))
        book = expire(book, now)
        events = [_event(rollout, each, now) for each in _opened(before, book, news)]
        counted = replace(ledger, readings=())
        due = now - self._saved_at >= _SAVE_S and counted != self._saved
        if not book.rollout or not (batch or events or due):
            return
        relay, number = (batch.relay, batch.number) if batch is not None else ("", 0)
        samples = own.samples if own is not None else ()
        fresh = await self._store.save_findings(self._service, book, ledger, relay, number, samples, events)
        self._saved_at, self._saved = now, counted
        if batch is not None:
            self._relays.add(batch.relay)
            self._crew.acknowledge(batch)
        if not fresh:
            return
        self._book, self._ledger = book, ledger
        self._tell(before, book)
        for report in own.endpoints if own is not None else ():
            self._noise.setdefault(report.endpoint, {}).update(report.noise)
        await self._purge(rollout, now)
        self._around.on_news()

    def _begin(self, rollout: Rollout) -> None:
        """A new book for a new rollout, and a new lane for a new attempt."""
        book = self._book
        if rollout.shadow and book.rollout != rollout.number:
            candidate = rollout.candidate or ""
            carried = book.findings if book.candidate == candidate else ()
            self._book = Book.of(rollout.number, carried, candidate)
            self._ledger, self._noise = Ledger(), {}
            self._alerts.standing(self._service, ())
        if self._book.rollout == rollout.number and self._book.lane.since != rollout.attempt_since:
            self._book = replace(self._book, lane=Lane(rollout.attempt_since))

    def _tell(self, before: Book, after: Book) -> None:
        """An alert for each finding that is new or changed its state."""
        states = {each.number: each.state for each in before.findings}
        for each in after.findings:
            was = states.get(each.number)
            if each.state is FindingState.OPEN and was is not FindingState.OPEN:
                self._alerts.finding(self._service, each, "new" if was is None else "reopened")
            elif each.state is FindingState.RESOLVED and was is not FindingState.RESOLVED:
                self._alerts.finding(self._service, each, "resolved")

    async def _purge(self, rollout: Rollout, now: float) -> None:
        if now - self._purged_at >= _PURGE_S:
            self._purged_at = now
            await self._store.purge_samples(self._service, now - rollout.policy.shadow.sample_ttl_s)


def _arm(backend: Backend) -> Arm:
    return Arm(backend.version.name, backend.version.protocol, backend.endpoints)


def _opened(before: Book, after: Book, news: Sequence[Finding]) -> list[Finding]:
    """Those that are new or open again, also because their acceptance ended."""
    accepted = {each.number for each in before.findings if each.state is FindingState.ACCEPTED}
    ended = [each for each in after.findings if each.number in accepted and each.state is FindingState.OPEN]
    return [*news, *ended]


def _event(rollout: Rollout, finding: Finding, now: float) -> Event:
    again = f"open again, {finding.reason}: " if finding.reason else ""
    return Event(now, rollout.number, EventKind.FINDING, ACTOR, f"finding {finding.number}: {again}{finding.title}")
