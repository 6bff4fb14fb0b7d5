"""Two courses of one rollout beside each other: what was decided then, and what would be decided now."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase

SLACK_S: Final = 2.0
"""What happens within so long of the record happens at the same time: a control plane looks twice a second."""

_DECISIONS: Final = frozenset(
    {EventKind.PHASE, EventKind.STEP, EventKind.WEIGHT, EventKind.VERDICT, EventKind.HELD, EventKind.APPROVED}
)

Key = tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One decision: then, now, or both times."""

    then: Event | None
    now: Event | None

    @property
    def event(self) -> Event:
        """Now's, or then's."""
        found = self.now or self.then
        if found is None:
            raise ValueError("a row is of at least one event")
        return found

    @property
    def same(self) -> bool:
        """Whether it was decided both times, at about the same time."""
        return self.then is not None and self.now is not None and abs(self.then.at - self.now.at) <= SLACK_S


def side_by_side(then: Iterable[Event], now: Iterable[Event]) -> tuple[Row, ...]:
    """The decisions of both, in order; one that was made both times is one row, whenever that was."""
    old, new = decisions(then), decisions(now)
    rows: list[Row] = []
    matcher = SequenceMatcher(None, [key(event) for event in old], [key(event) for event in new], autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            rows += [Row(*pair) for pair in zip(old[i1:i2], new[j1:j2], strict=True)]
        else:
            alone = [*(Row(event, None) for event in old[i1:i2]), *(Row(None, event) for event in new[j1:j2])]
            rows += sorted(alone, key=lambda row: row.event.at)
    return tuple(rows)


def decisions(events: Iterable[Event]) -> list[Event]:
    """What is compared. How long a version that lost is kept is no matter of evidence, and goes on after the ticks."""
    return [
        event
        for event in events
        if event.kind in _DECISIONS
        and event.data.get("after") != Phase.COMPLETED
        and not (event.kind is EventKind.APPROVED and "step" not in event.data)
    ]


def key(event: Event) -> Key:
    """What was decided, without when and why."""
    data = event.data
    if event.kind is EventKind.VERDICT:
        gate = event.reason.split(":", 1)[0] if event.reason.startswith("gate ") else ""
        return (event.kind, str(data.get("verdict")), gate)
    names = {EventKind.PHASE: ("before", "after"), EventKind.WEIGHT: ("after",), EventKind.STEP: ("step", "what")}
    return (event.kind, *(str(data.get(name)) for name in names.get(event.kind, ())))
