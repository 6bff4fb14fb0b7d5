from collections.abc import Sequence

import pytest

from abreast.model.event import Event, EventKind
from abreast.replay.difference import SLACK_S, Row, decisions, key, side_by_side

STEP_1 = Event(10.0, 1, EventKind.STEP, "abreast", "ready", {"step": 1, "what": "weight 1 %"})
STEP_2 = Event(70.0, 1, EventKind.STEP, "abreast", "proven", {"step": 2, "what": "weight 10 %"})
WORSE = Event(90.0, 1, EventKind.VERDICT, "abreast", "gate errors: 9 %", {"verdict": "worse"})
BACK = Event(90.0, 1, EventKind.PHASE, "abreast", "9 %", {"before": "progressing", "after": "rolling-back"})
HELD = Event(80.0, 1, EventKind.HELD, "abreast", "held after 1 m")


def later(event: Event, seconds: float) -> Event:
    return Event(event.at + seconds, event.rollout, event.kind, event.actor, event.reason, event.data)


def pairs(then: Sequence[Event], now: Sequence[Event]) -> list[tuple[Event | None, Event | None]]:
    return [(row.then, row.now) for row in side_by_side(then, now)]


def test_the_same_decisions_stand_beside_each_other_whenever_they_came() -> None:
    moved = later(STEP_2, 30)
    assert pairs([STEP_1, STEP_2], [STEP_1, moved]) == [(STEP_1, STEP_1), (STEP_2, moved)]


def test_what_was_decided_only_once_stands_alone_in_order_of_time() -> None:
    found = pairs([STEP_1, STEP_2, WORSE, BACK], [STEP_1, HELD])
    assert found == [(STEP_1, STEP_1), (STEP_2, None), (None, HELD), (WORSE, None), (BACK, None)]


@pytest.mark.parametrize(("seconds", "same"), [(0.0, True), (SLACK_S, True), (-SLACK_S, True), (SLACK_S + 0.1, False)])
def test_about_the_same_time_is_the_same(seconds: float, *, same: bool) -> None:
    assert Row(STEP_1, later(STEP_1, seconds)).same is same


def test_what_is_there_once_is_not_the_same() -> None:
    assert not Row(STEP_1, None).same
    assert not Row(None, STEP_1).same
    assert Row(None, STEP_1).event is Row(STEP_1, None).event is STEP_1
    with pytest.raises(ValueError, match="at least one"):
        _ = Row(None, None).event


def test_words_and_counts_make_no_difference_but_gates_weights_and_phases_do() -> None:
    other_words = Event(90.0, 1, EventKind.VERDICT, "abreast", "gate errors: 10 %", {"verdict": "worse"})
    other_gate = Event(90.0, 1, EventKind.VERDICT, "abreast", "gate latency: slow", {"verdict": "worse"})
    assert key(WORSE) == key(other_words)
    assert len({key(each) for each in (STEP_1, STEP_2, WORSE, other_gate, BACK, HELD)}) == 6
    frozen = Event(90.0, 1, EventKind.PHASE, "abreast", "9 %", {"before": "progressing", "after": "frozen"})
    assert key(frozen) != key(BACK)
    to_5, to_6 = (Event(1.0, 1, EventKind.WEIGHT, "abreast", "w", {"before": 0, "after": w}) for w in (500, 600))
    assert key(to_5) != key(to_6)


def test_what_comes_after_the_last_second_is_not_compared() -> None:
    done = Event(9e4, 1, EventKind.PHASE, "abreast", "v1 is retired", {"before": "retiring", "after": "completed"})
    retire = Event(9e4, 1, EventKind.APPROVED, "ada", "v1 is retired now")
    released = Event(9e4, 1, EventKind.RELEASED, "abreast", "unused")
    approved = Event(50.0, 1, EventKind.APPROVED, "ada", "approved past it", {"step": 2})
    assert decisions([STEP_1, approved, done, retire, released]) == [STEP_1, approved]
