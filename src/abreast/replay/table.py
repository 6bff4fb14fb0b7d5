"""The table of a replay: when each thing was decided then, when now, and why."""

from collections.abc import Iterable
from itertools import groupby

from rich.table import Table
from rich.text import Text

from abreast.model.event import Event, EventKind
from abreast.replay.difference import Row
from abreast.replay.outcome import Outcome, said
from abreast.rollout.turn import ACTOR


def replay_table(outcome: Outcome) -> Table:
    """One row for each moment at which something was decided; what differs is marked."""
    table = Table(title=outcome.title, title_justify="left", title_style="bold")
    table.add_column("record", justify="right", no_wrap=True)
    table.add_column("now", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("why", ratio=1)
    for (then, now, mark), rows in groupby(
        outcome.rows, lambda row: (_at(outcome, row.then), _at(outcome, row.now), _mark(row))
    ):
        events = [row.event for row in rows]
        what = Text("\n".join(map(said, events)))
        table.add_row(then, now, mark, what, Text("\n".join(_reasons(events))), style="yellow" if mark else "")
    return table


def _at(outcome: Outcome, event: Event | None) -> str:
    return "–" if event is None else outcome.after(event.at)


def _mark(row: Row) -> str:
    if row.same:
        return ""
    if row.then is None:
        return "new"
    return "gone" if row.now is None else "moved"


def _reasons(events: Iterable[Event]) -> Iterable[str]:
    """Each reason once: what follows from a step or from a verdict only repeats it."""
    told: list[str] = []
    for event in events:
        follows = event.kind is EventKind.WEIGHT and event.reason.startswith("step ")
        if not follows and not any(reason in event.reason for reason in told):
            told.append(event.reason)
            yield event.reason if event.actor == ACTOR else f"{event.actor}: {event.reason}"
