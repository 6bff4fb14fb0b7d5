"""What the candidate answers differently: read it, accept it, reopen it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import Final, Literal

from abreast.findings import book as books
from abreast.findings.book import Book
from abreast.findings.finding import Finding, FindingState
from abreast.findings.suggest import suggestions
from abreast.model.errors import ConflictError, RefusedError, UsageError
from abreast.model.event import Event, EventKind
from abreast.operations.aligned import sample_rows
from abreast.operations.control import Control
from abreast.operations.finding_records import (
    FindingDetail,
    FindingRecord,
    FindingsRecord,
    LedgerRecord,
    SideBySide,
    Suggestions,
    record,
    sample_record,
)
from abreast.operations.finding_words import next_move
from abreast.ports import Change, Clock, FindingsDesk

StateFilter = Literal["open", "accepted", "resolved", "all"]

_FETCH_S: Final = 0.25
"""How often recorded requests are fetched."""
_LIST: Final = "see them all with: abreast findings --state all"


@dataclass(frozen=True)
class Decided:
    """What a decision on a finding did."""

    message: str
    finding: FindingRecord


@dataclass(frozen=True)
class Decision:
    """A person's decision on a finding; ``rollout`` is the one it was read in, None: whichever is newest."""

    number: int
    actor: str
    reason: str = ""
    until: float | None = None
    rollout: int | None = None


def findings(control: Control, state: StateFilter) -> FindingsRecord:
    """Those in that state, the gravest first. Raises RefusedError when nothing is compared here."""
    desk = _desk(control)
    ledger = desk.ledger
    chosen = [each for each in desk.book.ranked if state in ("all", each.state.value)]
    return FindingsRecord(
        rollout=desk.book.rollout,
        ledger=LedgerRecord(ledger.seen, ledger.compared, dict(ledger.skipped), ledger.lost, ledger.pending),
        findings=[record(each) for each in chosen],
    )


async def finding(control: Control, number: int) -> FindingDetail:
    """One with its samples. Raises RefusedError, UsageError for an unknown number, StoreError."""
    desk = _desk(control)
    found = _numbered(desk, number)
    settings = control.service.gateway
    return FindingDetail(
        finding=record(found),
        gateway=f"{'https' if settings.tls else 'http'}://{settings.listen}",
        samples=[sample_record(each) for each in await desk.samples(found)],
    )


async def side_by_side(control: Control, number: int, sample: str) -> SideBySide:
    """One sample's answers laid beside each other. Raises RefusedError, UsageError for what is unknown, StoreError."""
    desk = _desk(control)
    for each in await desk.samples(_numbered(desk, number)):
        if each.id == sample:
            return SideBySide(sample_rows(asdict(sample_record(each))))
    message = f"finding {number} has no sample {sample!r}"
    raise UsageError(message, f"samples are kept for some days only; those there are: abreast finding {number}")


def suggest(control: Control) -> Suggestions:
    """Rules for what is clearly noise. Raises RefusedError."""
    desk = _desk(control)
    return Suggestions(suggestions(desk.book, desk.noise))


async def accept(control: Control, decision: Decision) -> Decided:
    """The change is meant: it no longer counts, for good or ``until`` then.

    Raises RefusedError, ConflictError, UsageError, StoreError.
    """
    number, until, now = decision.number, decision.until, control.clock.now()
    if not decision.reason.strip():
        raise UsageError("accepting a finding needs a reason", f"say why: abreast accept {number} -m WHY")
    if until is not None and until <= now:
        message = f"finding {number} cannot be accepted until a time that is over"
        raise UsageError(message, f"such as: abreast accept {number} -m WHY --until 14d")
    found = _numbered(_desk(control), number, decision.rollout)
    if found.state is FindingState.ACCEPTED:
        message = f"finding {number} is already accepted, by {found.actor}: {found.reason}"
        raise RefusedError(message, f"to say it anew, first: abreast reopen {number}")

    def make(book: Book) -> Book:
        return books.accept(book, number, decision.actor, decision.reason, until, now)

    return await _decide(control, decision, make, "accepted")


async def reopen(control: Control, decision: Decision) -> Decided:
    """It counts again. Raises RefusedError, ConflictError, UsageError, StoreError."""
    number = decision.number
    found = _numbered(_desk(control), number, decision.rollout)
    if found.state is FindingState.OPEN:
        message = f"finding {number} is open already"
        raise RefusedError(message, next_move(found))

    def make(book: Book) -> Book:
        return books.reopen(book, number, decision.actor, decision.reason)

    return await _decide(control, decision, make, "reopened")


async def _decide(control: Control, decision: Decision, make: Callable[[Book], Book], change: Change) -> Decided:
    desk = _desk(control)
    found = _numbered(desk, decision.number)
    why = f": {decision.reason}" if decision.reason else ""
    event = Event(
        at=control.clock.now(),
        rollout=desk.book.rollout,
        kind=EventKind.FINDING,
        actor=decision.actor,
        reason=f"finding {decision.number} was {change}{why} ({found.title})",
        data={"finding": decision.number, "change": change, "until": decision.until},
    )
    after = await desk.change(decision.number, make, event, change)
    return Decided(f"finding {decision.number} is {change}: {after.title}", record(after))


def recorded(control: Control, count: int) -> AsyncIterator[str]:
    """Users' requests as they come in, redacted, as lines of JSON, until there are ``count``. Raises RefusedError."""
    return _recorded(_desk(control), control.clock, count)


async def _recorded(desk: FindingsDesk, clock: Clock, count: int) -> AsyncIterator[str]:
    told = 0
    while True:
        for line in await desk.recorded():
            yield line
            told += 1
            if told == count:
                return
        await clock.sleep(_FETCH_S)


def _desk(control: Control) -> FindingsDesk:
    if control.findings is None:
        message = f"no answers are compared for {control.service.name}"
        raise RefusedError(message, "give its rollout a step such as `shadow: 20%`: see docs/findings.md")
    return control.findings


def _numbered(desk: FindingsDesk, number: int, rollout: int | None = None) -> Finding:
    """The finding of that number. Raises ConflictError when another rollout was meant, UsageError without one."""
    book = desk.book
    if rollout is not None and rollout != book.rollout:
        message = f"finding {number} of rollout {rollout} was meant, but rollout {book.rollout} is compared now"
        raise ConflictError(message, "numbers begin anew with each rollout; look again: abreast findings")
    found = book.finding(number)
    if found is None:
        known = sorted(each.number for each in book.findings)
        there = f"there are {', '.join(map(str, known))}" if known else "there is none at all"
        raise UsageError(f"no finding of rollout {book.rollout} has the number {number}; {there}", _LIST)
    return found
