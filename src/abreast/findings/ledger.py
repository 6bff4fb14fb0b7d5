"""The ledger of coverage: what became of every exchange that could have been compared.

``seen = compared + sum(skipped) + lost + pending`` holds after every step. Gateways and relays are read at different
times, and either may die unread, so what is lost and what is only on its way is told apart by a time of grace: what
was captured before it, and is neither decided nor held by a living relay, is lost.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from abreast.findings.report import Batch

GRACE_S: Final = 15.0
"""A captured exchange has reached its relay, and been reported, after this time, or it never will."""

CAPTURED: Final = "captured"
"""What gateways call an exchange that was handed to a relay, among the reasons of those that were not."""

REMEMBERED_RELAYS: Final = 32
"""Relays whose batches are known by number; those that died longest ago are forgotten."""

_PER_GRACE: Final = 32
"""Readings remembered per time of grace, at most."""


class Reading(NamedTuple):
    """What had been captured, by the gateways, and decided, by the relays, at a time in Unix seconds."""

    at: float
    captured: int
    decided: int


@dataclass(frozen=True)
class RelayState:
    """The last batch of a relay: its ``number``, and how many exchanges it ``held`` then; ``alive`` until it died."""

    relay: str
    number: int = 0
    held: int = 0
    alive: bool = True


@dataclass(frozen=True)
class GatewayTotals:
    """How far the gateway's process ``source`` had counted when it was last read: totals by outcome, that only grow."""

    source: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """Counts of exchanges since the rollout began.

    ``captured`` were handed to relays, ``decided`` of them compared or skipped there; ``skipped`` has both the
    gateways' reasons and the relays'. ``lost`` becomes smaller again if what was given up turns up after all.
    ``gateway`` is up to where it is counted: a control plane that begins again goes on from there.
    """

    seen: int = 0
    compared: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    lost: int = 0
    captured: int = 0
    decided: int = 0
    relays: tuple[RelayState, ...] = ()
    readings: tuple[Reading, ...] = ()
    gateway: GatewayTotals = field(default_factory=GatewayTotals)

    @property
    def pending(self) -> int:
        """Captured and not decided yet: held by a relay, or on the way between two."""
        return self.seen - self.compared - sum(self.skipped.values()) - self.lost

    def knows(self, batch: Batch) -> bool:
        """Whether this batch is already in it."""
        state = self._relay(batch.relay)
        return state is not None and batch.number <= state.number

    def after_gateway(self, counts: Mapping[str, int], at: float) -> "Ledger":
        """With what the gateways counted since they were last read: `CAPTURED`, and skipped by reason.

        What relays had decided a time of grace ago must have been captured by now. If it was not, the gateway that
        captured it died before it was read: it counts as captured.
        """
        total = self.captured + counts.get(CAPTURED, 0)
        total = max(total, _before(self.readings, at - GRACE_S).decided)
        readings = _remembered(self.readings, Reading(at, total, self.decided))
        skipped = {reason: count for reason, count in counts.items() if reason != CAPTURED}
        more = Counter(self.skipped) + Counter(skipped)
        return _settled(replace(self, captured=total, skipped=dict(more), readings=readings), at)

    def after_batch(self, batch: Batch, at: float) -> "Ledger":
        """With what a relay decided; a batch that is already in it changes nothing."""
        if self.knows(batch):
            return self
        state = self._relay(batch.relay) or RelayState(batch.relay)
        held = batch.held if state.alive else 0
        decided = self.decided + batch.compared + sum(batch.skipped.values())
        more = Counter(self.skipped) + Counter(batch.skipped)
        read = self._with_relay(replace(state, number=batch.number, held=held))
        return _settled(replace(read, compared=self.compared + batch.compared, skipped=dict(more), decided=decided), at)

    def after_death(self, relay: str, at: float) -> "Ledger":
        """With a relay dead: what it held at its last report is lost at once, the rest after the time of grace."""
        state = self._relay(relay) or RelayState(relay)
        dead = self._with_relay(replace(state, held=0, alive=False))
        undecided = max(0, self.captured - self.decided - self.lost)
        return _settled(replace(dead, lost=self.lost + min(state.held, undecided)), at)

    def _relay(self, relay: str) -> RelayState | None:
        return next((state for state in self.relays if state.relay == relay), None)

    def _with_relay(self, changed: RelayState) -> "Ledger":
        """The newest last; the dead make room."""
        others = [state for state in self.relays if state.relay != changed.relay]
        dead = [state for state in others if not state.alive]
        forgotten = dead[: max(0, len(others) + 1 - REMEMBERED_RELAYS)]
        return replace(self, relays=(*(state for state in others if state not in forgotten), changed))


LEDGER_JSON: TypeAdapter[Ledger] = TypeAdapter(Ledger)
"""Says and reads a ledger."""


def _settled(ledger: Ledger, at: float) -> Ledger:
    """With everything lost that was captured a time of grace before ``at`` and is nowhere."""
    held = sum(state.held for state in ledger.relays)
    missing = _before(ledger.readings, at - GRACE_S).captured - ledger.decided - held
    return _balanced(replace(ledger, lost=max(ledger.lost, missing)))


def _balanced(ledger: Ledger) -> Ledger:
    """With ``seen`` as it follows, and not more lost than is undecided.

    Relays may be read before the gateways that captured for them: until then what they decided was captured.
    """
    captured = max(ledger.captured, ledger.decided)
    by_gateways = ledger.compared + sum(ledger.skipped.values()) - ledger.decided
    return replace(ledger, seen=captured + by_gateways, lost=min(ledger.lost, captured - ledger.decided))


def _before(readings: tuple[Reading, ...], at: float) -> Reading:
    """The newest reading that is not after ``at``."""
    return next((reading for reading in reversed(readings) if reading.at <= at), Reading(at, 0, 0))


def _remembered(readings: tuple[Reading, ...], newest: Reading) -> tuple[Reading, ...]:
    """With one more reading; without those that are older than anything that will be asked for.

    Readings that follow each other closely take each other's place: an answer for the time between is then an older
    one, which only defers what is called lost.
    """
    spaced = readings
    if len(readings) > 1 and newest.at - readings[-2].at < GRACE_S / _PER_GRACE:
        spaced = readings[:-1]
    first = next((at for at in range(len(spaced) - 1, -1, -1) if spaced[at].at <= newest.at - GRACE_S), 0)
    return (*spaced[first:], newest)
