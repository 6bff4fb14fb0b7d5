"""The settle window: which suspects are drift, and which were only on their way.

Changes flow from one side to the other after a while (``Flow``). A flow that works makes the receiving side show what
the sending side was at some moment. Of one key that differs now, that must be excluded. One round reads

    right → (flow to the left has passed) → left → (flow to the right has passed) → right
          → (flow to the left has passed) → left

and the difference between the second and the third reading is drift if, besides, a row that is there has not been
written between its own two readings: nothing about this key was under way then on that side, and all that the other
side had written before has arrived. A key that both sides are writing all the time stays unsettled; it is looked at
again in the next round, and then by whoever asks next.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from abreast.postgres.connection import Connection, sql
from abreast.postgres.keyed_rows import KeyedRows, Seen, compared
from abreast.schema.digest import Difference, Key

Applied = Callable[[str], bool]
"""Whether all that was written on the sending side up to an LSN has arrived on the other side."""

ROUNDS: Final = 5
POLL_S: Final = 0.05
TIMEOUT_S: Final = 30.0


@dataclass(frozen=True)
class Flows:
    """Which ways changes flow: None where nothing flows that way, or within the writer's own transaction."""

    to_right: Applied | None = None
    to_left: Applied | None = None


@dataclass(frozen=True)
class Waiting:
    """How to wait: ``now`` in seconds of any beginning; ``timeout_s`` for one flow to pass one LSN."""

    now: Callable[[], float]
    sleep: Callable[[float], None]
    timeout_s: float = TIMEOUT_S
    poll_s: float = POLL_S
    rounds: int = ROUNDS


@dataclass(frozen=True)
class Settled:
    """``drift``: confirmed; ``equal``: differ no longer; ``unsettled``: written all the time, or flow too late.

    ``late``: a flow did not pass in time, so that nothing can be said of the rest.
    """

    drift: tuple[Difference, ...]
    equal: tuple[Key, ...]
    unsettled: tuple[Key, ...]
    late: bool = False


@dataclass
class _Verdicts:
    drift: list[Difference] = field(default_factory=list)
    equal: list[Key] = field(default_factory=list)
    open: list[Key] = field(default_factory=list)


class _LateError(Exception):
    """The flow has not passed within the time-out."""


def settle(left: KeyedRows, right: KeyedRows, suspects: Collection[Key], flows: Flows, waiting: Waiting) -> Settled:
    """Look at the suspects until each is settled, but not for more than ``waiting.rounds`` rounds.

    Both connections must commit each statement by itself (no open snapshot): what is read must be the present.
    """
    verdicts = _Verdicts(open=list(dict.fromkeys(suspects)))
    for number in range(waiting.rounds):
        if not verdicts.open:
            break
        if number:
            waiting.sleep(waiting.poll_s)
        try:
            _round(left, right, flows, waiting, verdicts)
        except _LateError:
            return Settled(tuple(verdicts.drift), tuple(verdicts.equal), tuple(verdicts.open), late=True)
    return Settled(tuple(verdicts.drift), tuple(verdicts.equal), tuple(verdicts.open))


def _round(left: KeyedRows, right: KeyedRows, flows: Flows, waiting: Waiting, verdicts: _Verdicts) -> None:
    keys = verdicts.open
    right_before = right.read(keys)
    _pass(right.connection, flows.to_left, waiting)
    left_before = left.read(keys)
    _pass(left.connection, flows.to_right, waiting)
    right_after = right.read(keys)
    found = {difference.key: difference for difference in compared(left, keys, left_before, right_after)}
    if found:
        _pass(right.connection, flows.to_left, waiting)
    left_after = left.read(found)
    verdicts.equal += [key for key in keys if key not in found]
    verdicts.open = []
    for key, difference in found.items():
        if _untouched(left_before, left_after, key) or _untouched(right_before, right_after, key):
            verdicts.drift.append(difference)
        else:
            verdicts.open.append(key)


def _untouched(before: dict[Key, Seen], after: dict[Key, Seen], key: Key) -> bool:
    """Whether the row is there and has not been written between two readings. An absent row bears no stamp."""
    return key in before and before[key] == after.get(key)


def _pass(sender: Connection, applied: Applied | None, waiting: Waiting) -> None:
    """Wait until all that the sender had written by now has arrived."""
    if applied is None:
        return
    row = sender.execute(sql("SELECT pg_current_wal_insert_lsn()::text")).fetchone()
    lsn = str(row[0]) if row else ""
    began = waiting.now()
    while not applied(lsn):
        if waiting.now() - began > waiting.timeout_s:
            raise _LateError
        waiting.sleep(waiting.poll_s)
