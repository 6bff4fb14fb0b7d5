"""Where the record was, and what follows from it."""

from dataclasses import replace

import pytest

from abreast.model.checks import PromqlGate, Webhook
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase
from abreast.replay.record import Record, given_verdict
from abreast.replay.recording import first_state
from abreast.rollout.gates import judge_differences
from tests.rollout.play import BEGIN, POLICY, under_way

GATE = PromqlGate("p99", "http://prometheus", "up", at_most=1.0)
HOOK = Webhook("stop", "rollback", "http://hooks")


def event(kind: EventKind, reason: str = "because", **data: str | int | None) -> Event:
    return Event(BEGIN, 1, kind, "abreast", reason, data)


@pytest.fixture
def record() -> Record:
    """Of a rollout in its second step, 10 %."""
    made = Record(first_state(under_way(Phase.PROGRESSING)))
    made.heard(event(EventKind.PHASE, before="pending", after="progressing"))
    made.heard(event(EventKind.STEP, step=2, of=5, what="weight 10 %"))
    made.heard(event(EventKind.WEIGHT, before=100, after=1000))
    return made


def test_it_follows_phase_and_weight(record: Record) -> None:
    assert (record.phase, record.weight) == (Phase.PROGRESSING, 1000)
    record.heard(event(EventKind.WEIGHT, before=1000, after=0))
    record.heard(event(EventKind.PHASE, before="progressing", after="rolling-back"))
    record.heard(event(EventKind.RELEASED, version="v2"))
    assert (record.phase, record.weight) == (Phase.ROLLING_BACK, 0)


def test_the_candidate_is_ready_once_the_record_went_on() -> None:
    pending = under_way(Phase.PENDING)
    record = Record(first_state(pending))
    assert record.ready(pending) == ("v1",)
    record.heard(event(EventKind.PHASE, before="pending", after="progressing"))
    assert record.ready(pending) == ("v1", "v2")
    record.heard(event(EventKind.PHASE, before="rolled-back", after="pending"))
    assert record.ready(pending) == ("v1",)
    assert record.ready(under_way(Phase.PROGRESSING)) == ("v1", "v2")


def test_a_side_that_had_no_instance_has_none(record: Record) -> None:
    rollout = under_way(Phase.PROGRESSING)
    for side, left in (("candidate", ("v1",)), ("stable", ("v2",))):
        record.heard(event(EventKind.SHELTERED, side=side))
        assert record.ready(rollout) == left
        record.heard(event(EventKind.UNSHELTERED, side=side))
        assert record.ready(rollout) == ("v1", "v2")


def test_what_is_not_in_ticks_holds_only_the_step_that_the_record_is_in(record: Record) -> None:
    policy = replace(POLICY, promql=(GATE,), webhooks=(HOOK,))
    here, earlier = under_way(Phase.PROGRESSING, policy), under_way(Phase.PROGRESSING, policy, step=0)
    other = under_way(Phase.PROGRESSING, replace(policy, steps=(POLICY.steps[0], *POLICY.steps[2:])))
    done = under_way(Phase.PROGRESSING, policy, step=len(policy.ladder))
    assert [record.content(each) for each in (here, earlier, other, done)] == [False, True, True, True]
    assert record.answers(here, BEGIN + 5)["p99"].passed is None
    assert record.answers(earlier, BEGIN + 5)["p99"].passed is True
    assert record.answers(replace(here, phase=Phase.PENDING), BEGIN + 5)["p99"].passed is True
    assert record.answers(here, BEGIN + 5)["p99"].at == BEGIN + 5
    # What may ask for a rollback never does by itself.
    assert {record.answers(each, BEGIN)["stop"].passed for each in (here, earlier)} == {False}
    record.heard(event(EventKind.PHASE, before="progressing", after="paused"))
    assert not record.content(here)
    record.heard(event(EventKind.PHASE, before="paused", after="promoting"))
    assert record.content(here)


def test_what_comparing_showed_ends_a_step_or_says_nothing(record: Record) -> None:
    here, earlier = under_way(Phase.PROGRESSING), under_way(Phase.PROGRESSING, step=0)
    verdicts = [judge_differences(POLICY.differences, record.differences(each)) for each in (here, earlier)]
    assert [(each.worse, each.proven) for each in verdicts] == [(False, False), (False, True)]


@pytest.mark.parametrize(
    ("reason", "given"),
    [
        ("gate errors: in the same seconds, 9 %", False),
        ("gate latency: slow", False),
        ("gate differences: 10 % differ", True),
        ("v2 has had no ready instance for 1 m", True),
        ("gate promql p99 failed 3 times in a row, last: 2", True),
        ("gate promql p50 failed 3 times in a row, last: 2", False),
        ("webhook stop (rollback) asks for a rollback: 200", True),
        ("webhook halt (rollback) asks for a rollback: 200", False),
    ],
)
def test_a_verdict_is_given_if_ticks_do_not_decide_it_and_the_policy_could(reason: str, *, given: bool) -> None:
    policy = replace(POLICY, promql=(GATE,), webhooks=(HOOK,))
    events = (event(EventKind.HELD), event(EventKind.VERDICT, reason))
    assert given_verdict(events, policy) == (events[1] if given else None)


def test_a_verdict_is_no_persons() -> None:
    told = Event(BEGIN, 1, EventKind.VERDICT, "ada", "gate differences: no")
    assert given_verdict((told,), POLICY) is None
