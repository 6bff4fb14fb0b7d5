"""Rollouts that were recorded and are decided anew, under their own policy and under others."""

from dataclasses import replace
from typing import Final

import pytest

from abreast.analysis.eprocess import OK_BETS, WORSE_BETS, Evidence
from abreast.analysis.tick import Tick
from abreast.model.checks import WEBHOOK_KINDS, Check, PromqlGate, Webhook
from abreast.model.event import Event, EventKind
from abreast.model.rollout import ErrorGate, Phase, Policy, Rollout, ShadowStep, WeightStep
from abreast.model.units import FULL_WEIGHT
from abreast.replay.course import Course, Moment, decided_anew, moments
from abreast.replay.difference import decisions
from abreast.replay.recording import Recording, first_state
from abreast.rollout.observed import Differences
from tests.replay.recorder import BEGIN, LADDER, Recorder, World, order
from tests.rollout.play import under_way

ERRORS: Final = replace(LADDER, latency=None)
"""One gate, for seconds that cost little."""
STAYS: Final = replace(ERRORS, at_least_s=3600.0, at_most_s=7200.0)
"""Nothing goes on by itself."""
P99: Final = PromqlGate("p99", "http://prometheus:9090", "up", at_most=1.0, failures=1)


def plain(events: tuple[Event, ...]) -> list[tuple[str, str, str, dict[str, object]]]:
    return [(event.kind, event.actor, event.reason, dict(event.data)) for event in decisions(events)]


def same(recording: Recording) -> Course:
    """The course, which is the recorded one in every word, at the same times."""
    course = decided_anew(recording)
    assert plain(course.events) == plain(recording.events)
    then = [event.at for event in decisions(recording.events)]
    assert [event.at for event in decisions(course.events)] == pytest.approx(then, abs=0.05, rel=0)
    assert course.misfits == ()
    assert course.refused == ()
    return course


def test_what_people_ordered_they_order_again() -> None:
    orders = {
        6: (order("weight", weight=3000, reason="sooner"),),
        9: (order("weight", weight=200),),
        12: (order("resume", actor="grace"),),
        15: (order("pause"),),
        18: (order("promote", reason="enough"),),
        21: (order("promote", full=True),),
        24: (order("pause", reason="a bake can wait"),),
        27: (order("undo", reason="no good"),),
        33: (order("retry", reason="mended"),),
        42: (order("abort"),),
    }
    course = same(Recorder(STAYS, orders=orders).run(50))
    assert course.last.phase is Phase.ROLLED_BACK
    assert [event.actor for event in course.events if event.kind is EventKind.PHASE].count("grace") == 1


def test_a_candidate_that_is_lost_is_lost_again() -> None:
    recording = Recorder(replace(STAYS, start_timeout_s=5.0), lost=(10.0, 100.0)).run(30)
    course = same(recording)
    assert course.last.phase is Phase.ROLLED_BACK
    assert "has had no ready instance" in next(e.reason for e in course.events if e.kind is EventKind.VERDICT)


def test_a_candidate_that_comes_back_goes_on() -> None:
    recording = Recorder(STAYS, lost=(10.0, 15.0)).run(30)
    course = same(recording)
    assert course.last.phase is Phase.PROGRESSING
    kinds = [event.kind for event in course.events]
    assert (EventKind.SHELTERED in kinds, EventKind.UNSHELTERED in kinds) == (True, True)


def test_a_candidate_that_never_starts_never_starts() -> None:
    recorder = Recorder(replace(ERRORS, start_timeout_s=5.0), lost=(0.0, 100.0))
    course = same(replace(recorder.run(20), ticks=(Tick(BEGIN + 4.0),)))
    assert course.last.phase is Phase.ROLLED_BACK


def test_another_budget_decides_sooner_or_later_or_not_at_all() -> None:
    recording = Recorder(ERRORS, World(errors_c=0.03)).run(200)
    then = next(event.at for event in recording.events if event.kind is EventKind.VERDICT)
    generous = decided_anew(recording, replace(ERRORS, errors=ErrorGate(budget=100, window_s=60.0)))
    later = [event.at for event in generous.events if event.kind is EventKind.VERDICT]
    assert later == [] or later[0] > then
    frozen = decided_anew(recording, replace(ERRORS, on_failure="freeze"))
    assert frozen.last.phase is Phase.FROZEN
    assert next(event.at for event in frozen.events if event.kind is EventKind.VERDICT) == pytest.approx(then, abs=0.05)


def test_traffic_that_does_not_fit_the_weight_is_told() -> None:
    recording = Recorder(ERRORS).run(90)
    raised = next(
        event.at for event in recording.events if event.kind is EventKind.WEIGHT and event.data["after"] == 2500
    )
    slower = decided_anew(recording, replace(ERRORS, at_least_s=40.0))
    first = slower.misfits[0]
    assert (first.recorded, first.replayed) == (2500, 1000)
    assert first.since == pytest.approx(raised, abs=1.0)
    assert first.until == pytest.approx(BEGIN + 3 + 40.0, abs=2.0)
    assert (slower.misfits[1].recorded, slower.misfits[1].replayed) == (5000, 2500)


def test_what_a_person_ordered_may_not_apply_any_more() -> None:
    recording = Recorder(STAYS, orders={20: (order("pause", reason="lunch"),)}).run(30)
    broken = [
        replace(tick, candidate=replace(tick.candidate, errors=tick.candidate.requests)) for tick in recording.ticks
    ]
    course = decided_anew(replace(recording, ticks=tuple(broken)))
    assert course.last.phase is Phase.ROLLED_BACK
    assert course.refused == ("ada's pause does not apply: cannot pause while rolled-back",)


def test_who_undid_a_promotion_takes_users_back_also_where_none_were_promoted() -> None:
    orders = {20: (order("promote", full=True),), 30: (order("undo", reason="no good"),)}
    recording = Recorder(STAYS, orders=orders).run(40)
    unpromoted = tuple(event for event in recording.events if not BEGIN + 20 < event.at < BEGIN + 21)
    course = decided_anew(replace(recording, events=unpromoted))
    undone = [event for event in course.events if event.actor == "ada" and event.kind is EventKind.PHASE]
    assert [(event.reason, event.data["before"]) for event in undone] == [("aborted: no good", "progressing")]
    assert course.refused == ()


def test_a_verdict_on_differences_is_taken_as_it_is() -> None:
    def differ(rollout: Rollout) -> Differences:
        against = Evidence(WORSE_BETS, (50.0 if rollout.weight == 2500 else 0.0,) * len(WORSE_BETS))
        return Differences(compared=400, controlled=400, candidate_only=40, against=against)

    recording = Recorder(ERRORS, differences=differ).run(100)
    assert recording.events[-1].data["after"] == Phase.ROLLED_BACK
    course = same(recording)
    assert len(course.given) == 1
    assert course.given[0].startswith("the verdict of the record: gate differences: 10.00 % of the candidate's answers")
    frozen = decided_anew(recording, replace(ERRORS, on_failure="freeze"))
    assert frozen.last.phase is Phase.FROZEN


def test_a_shadow_step_ends_when_it_did() -> None:
    clear = Differences(compared=9000, controlled=9000, clear=Evidence(OK_BETS, (9.0,) * len(OK_BETS)))
    recorder = Recorder(replace(ERRORS, steps=(ShadowStep(2000), *ERRORS.steps)))
    recorder.differences = lambda _rollout: clear if recorder.counts.sides[-1][0] >= BEGIN + 45 else Differences()
    recorder.counts.sides.append((BEGIN, {}))
    recording = recorder.run(70)
    course = decided_anew(recording)
    then, now = decisions(recording.events), decisions(course.events)
    assert [(event.kind, event.data) for event in now] == [(event.kind, event.data) for event in then]
    left = next(event for event in now if event.kind is EventKind.STEP and event.data["step"] == 2)
    assert left.reason == "differences: as recorded"
    assert left.at == pytest.approx(BEGIN + 45, abs=1.1)


def answer(*, passed: bool, row: int = 0, at: float = BEGIN) -> dict[str, Check]:
    return {"p99": Check("p99", "promql", passed, row, 2.0, at, "2 is above 1")}


def test_a_step_that_a_query_held_is_held_as_long() -> None:
    recorder = Recorder(replace(ERRORS, promql=(replace(P99, failures=9),)))
    recorder.answers = lambda _rollout, now: answer(passed=not BEGIN + 10 < now < BEGIN + 60, at=now)
    recording = recorder.run(100)
    held = next(event for event in recording.events if event.kind is EventKind.STEP and event.data["step"] == 2)
    assert held.at == pytest.approx(BEGIN + 60, abs=1)
    same(recording)
    without = decided_anew(recording, ERRORS)
    sooner = next(event for event in without.events if event.kind is EventKind.STEP and event.data["step"] == 2)
    assert sooner.at < held.at - 20
    other_steps = replace(recording.start.policy, steps=(WeightStep(500), *ERRORS.steps[1:]))
    elsewhere = decided_anew(recording, other_steps)
    assert next(e for e in elsewhere.events if e.data.get("step") == 2).at < held.at


def test_a_querys_verdict_counts_only_where_the_policy_asks_it() -> None:
    recorder = Recorder(replace(ERRORS, promql=(P99,)))
    recorder.answers = lambda _rollout, now: answer(passed=now < BEGIN + 30, row=int(now >= BEGIN + 30), at=now)
    recording = recorder.run(60)
    assert recording.events[-1].data["after"] == Phase.ROLLED_BACK
    assert len(same(recording).given) == 1
    without = decided_anew(recording, ERRORS)
    assert without.given == ()
    assert without.last.phase is Phase.PROGRESSING


def test_webhooks_hold_nothing_that_they_did_not_hold() -> None:
    hooks = tuple(Webhook(kind, kind, f"http://hooks/{kind}") for kind in WEBHOOK_KINDS)
    recorder = Recorder(replace(ERRORS, webhooks=hooks))
    recorder.answers = lambda _rollout, now: {
        hook.name: Check(hook.name, hook.kind, hook.kind != "rollback" and now > BEGIN + 10, at=now) for hook in hooks
    }
    course = same(recorder.run(200))
    assert course.last.phase is Phase.RETIRING


def test_seconds_before_a_change_belong_to_the_step_before() -> None:
    """Also where the record decided a moment after the second was over."""
    recording = Recorder(ERRORS).run(60)
    times = [moment.at for moment in moments(recording) if moment.decides]
    for event in decisions(recording.events):
        assert event.at in times
        assert int(event.at) == event.at or int(event.at) not in times


def test_each_moment_is_told_once_in_order() -> None:
    recording = Recorder(STAYS).run(10)
    told: list[Moment] = []
    decided_anew(recording, tell=told.append)
    assert [moment.at for moment in told] == sorted({moment.at for moment in told})
    assert [moment.tick for moment in told if moment.tick] == list(recording.ticks)


def test_a_record_that_stops_retires_nobody() -> None:
    policy = replace(ERRORS, retire_after_s=1.0, unused_for_s=1.0, steps=(WeightStep(FULL_WEIGHT),))
    recording = Recorder(policy).run(20)
    late = Event(recording.ended_at + 90_000, 1, EventKind.RELEASED, "abreast", "v1 is unused", {"version": "v1"})
    course = decided_anew(replace(recording, events=(*recording.events, late)))
    assert course.last.phase is Phase.RETIRING
    assert course.last.released_at is None


def test_nothing_is_decided_of_nothing() -> None:
    course = decided_anew(Recording(first_state(under_way(Phase.PENDING, Policy())), (), ()))
    assert (course.events, course.last.phase) == ((), Phase.PENDING)
