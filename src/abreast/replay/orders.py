"""What people ordered, read back from the events that their commands left.

A command that was refused, or had nothing to change, left nothing to carry out again. A `retry` under a changed spec
cannot be told from one without: the policy of a recording is the one at its end.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase
from abreast.rollout.observed import Command, Verb
from abreast.rollout.transitions import HALTED
from abreast.rollout.turn import ACTOR

_UNDONE: Final = "promotion undone"
"""What an `undo` says that an `abort` does not: their events are alike else."""


def orders(events: Iterable[Event]) -> Iterator[Command]:
    """The commands behind the events of one turn, in their order; each with its actor and the reason that was given."""
    found: list[Command] = []
    cause: Event | None = None
    for event in events:
        if event.actor == ACTOR:
            continue
        if cause is not None and cause.actor != event.actor:
            cause = None
        _read(found, event, cause)
        if event.kind in {EventKind.PHASE, EventKind.STEP}:
            cause = event
    yield from found


def _read(found: list[Command], event: Event, cause: Event | None) -> None:
    """Add the command that the event begins, or make more of the last one, which ``cause`` was a part of."""
    if event.kind is EventKind.PHASE:
        _moved(found, event, cause)
    elif event.kind is EventKind.APPROVED:
        # Only approving past a step has its number; else it was said of the version that may be retired.
        verb: Verb = "promote" if "step" in event.data else "retire"
        if cause is not None:
            found.pop()
        found.append(_command(verb, event))
    elif event.kind is EventKind.WEIGHT:
        by_hand = cause is None or cause.data.get("after") == Phase.PAUSED
        if by_hand:
            if cause is not None:
                found.pop()
            found.append(_command("weight", event, weight=int(event.data["after"] or 0)))


def _moved(found: list[Command], event: Event, cause: Event | None) -> None:
    before, after = event.data.get("before"), event.data.get("after")
    woken = cause is not None and cause.data.get("before") in HALTED
    if after in {Phase.PROMOTING, Phase.RETIRING} and before not in HALTED:
        if woken:
            found.pop()
        found.append(_command("promote", event, full=after == Phase.PROMOTING))
    elif after == Phase.PAUSED:
        found.append(_command("pause", event))
    elif after == Phase.ROLLING_BACK:
        found.append(_command("undo" if event.reason.startswith(_UNDONE) else "abort", event))
    elif after == Phase.PENDING:
        found.append(_command("retry", event))
    elif before in HALTED:
        found.append(_command("resume", event))


def _command(verb: Verb, event: Event, *, weight: int | None = None, full: bool = False) -> Command:
    id_ = f"{verb} at {event.at} by {event.actor}"
    # What the person wrote stands behind what was done.
    _, _, reason = event.reason.partition(": ")
    return Command(id_, verb, event.actor, reason, weight=weight, full=full)
