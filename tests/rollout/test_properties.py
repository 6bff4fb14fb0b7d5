"""What every decision keeps, whatever the rollout's state and whatever is seen: facts drawn by hypothesis.

Unlike the simulation, which only meets states that some history leads to, this also draws the odd ones.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abreast.analysis.assessment import Assessment
from abreast.analysis.engine import Engine
from abreast.model.event import EventKind
from abreast.model.rollout import (
    ROLLOUT_JSON,
    LadderStep,
    Phase,
    Policy,
    ShadowStep,
    WeightStep,
)
from abreast.model.service import Endpoint, Instance, InstanceState
from abreast.model.units import FULL_WEIGHT
from abreast.rollout.actions import RunVersion, SetSplit
from abreast.rollout.commands import allowed
from abreast.rollout.decide import decide
from abreast.rollout.gates import judge_errors, judge_latency
from abreast.rollout.observed import Command, DataState, Differences, NodeState, Verb
from abreast.rollout.transitions import HALTED, TRANSITIONS, Trigger, target
from abreast.rollout.turn import ACTOR, split_of
from abreast.rollout.watch import LIVE, limits_of, next_weight
from tests.rollout.play import differing
from tests.rollout.situations import BEGIN, VERBS, VERSIONS, facts, rollouts, situations
from tests.rollout.traffic import BROKEN, assessed
from tests.simulation.invariants import check_decision, split_in

ENDINGS: tuple[Verb, ...] = ("abort", "undo")

many = settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
"""For each phase, by a fixed seed: the simulation's acceptance run is the one for new ones."""


def everywhere(test: Callable[..., None]) -> Callable[..., None]:
    """Try this in every phase alike; left to itself, hypothesis likes some phases better than others."""
    drawing: Callable[..., None] = many(given(data=st.data())(test))
    in_each: Callable[..., None] = pytest.mark.parametrize("phase", Phase)(drawing)
    return in_each


@everywhere
def test_every_decision_keeps_the_invariants(phase: Phase, data: st.DataObject) -> None:
    rollout, observed = data.draw(situations(phase))
    check_decision(rollout, observed, decide(rollout, observed))


@everywhere
def test_every_move_is_in_the_table(phase: Phase, data: st.DataObject) -> None:
    rollout, observed = data.draw(situations(phase, most_commands=0))
    decision = decide(rollout, observed)
    moves = [(event.data["before"], event.data["after"]) for event in decision.events if event.kind is EventKind.PHASE]
    at: object = rollout.phase.value
    for before, after in moves:
        assert before == at
        assert any(phase == before and goal == after for (phase, _), goal in TRANSITIONS.items() if goal)
        at = after
    assert decision.rollout.phase == at


@everywhere
def test_a_second_turn_on_the_same_facts_settles(phase: Phase, data: st.DataObject) -> None:
    """A crash after recording and a repetition end at the same: within two more turns nothing new is said."""
    rollout, observed = data.draw(situations(phase, most_commands=0))
    decision = decide(rollout, observed)
    for _ in range(2):
        decision = decide(decision.rollout, observed)
    again = decide(decision.rollout, observed)
    assert again.rollout == decision.rollout
    assert not again.events
    assert again.actions == decision.actions


@everywhere
def test_after_abort_and_undo_no_user_is_meant_for_the_candidate(phase: Phase, data: st.DataObject) -> None:
    rollout, observed = data.draw(situations(phase, most_commands=0))
    verb = data.draw(st.sampled_from(ENDINGS))
    decision = decide(rollout, replace(observed, commands=(Command("c", verb, "somebody"),)))
    after = decision.rollout
    if not decision.replies["c"].accepted:
        assert phase is Phase.COMPLETED or verb == "undo"
        return
    assert after.weight == 0
    assert after.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}
    assert split_in(decision).weight == 0 or after.sheltering == "stable"
    first = decision.actions[0]
    assert isinstance(first, SetSplit)


@everywhere
def test_abort_is_accepted_in_every_phase_but_completed(phase: Phase, data: st.DataObject) -> None:
    rollout, observed = data.draw(situations(phase, most_commands=0))
    decision = decide(rollout, replace(observed, commands=(Command("c", "abort", "somebody"),)))
    assert decision.replies["c"].accepted == (rollout.phase is not Phase.COMPLETED)


def needs_evidence(step: LadderStep) -> bool:
    """Whether time alone does not end the step."""
    return isinstance(step, WeightStep) or (isinstance(step, ShadowStep) and step.share > 0)


@everywhere
def test_without_any_count_nobody_is_promoted_by_weight_nor_rolled_back(phase: Phase, data: st.DataObject) -> None:
    """8, with every instance ready and every gateway obeying, at any time."""
    rollout = data.draw(rollouts(phase))
    rollout = replace(rollout, sheltering=None, candidate_missing_since=None)
    ready = tuple(Instance(name, name, Endpoint("127.0.0.1", 1), InstanceState.READY, BEGIN) for name in ("v1", "v2"))
    nothing = replace(
        data.draw(facts(rollout)),
        instances=ready,
        wanted=dict.fromkeys(VERSIONS, 1),
        step={},
        assessment=data.draw(st.sampled_from([Assessment(), Engine(limits_of(rollout.policy)).assessment()])),
        differences=Differences(),
        data=data.draw(st.sampled_from([None, DataState(ready=("v1", "v2"))])),
        nodes=(NodeState("n", split_of(rollout), connected=True),),
    )
    decision = decide(rollout, nothing)
    assert EventKind.VERDICT not in {event.kind for event in decision.events}
    watched = (
        rollout.phase is Phase.PROGRESSING
        and rollout.step < len(rollout.policy.ladder)
        and needs_evidence(rollout.policy.ladder[rollout.step])
    )
    if watched and rollout.policy.on_timeout == "hold":
        assert decision.rollout.step == rollout.step


@everywhere
def test_a_refused_command_changes_nothing_and_says_what_is_possible(phase: Phase, data: st.DataObject) -> None:
    rollout, observed = data.draw(situations(phase))
    quiet = decide(rollout, replace(observed, commands=()))
    for command in observed.commands:
        alone = decide(rollout, replace(observed, commands=(command,)))
        reply = alone.replies[command.id]
        assert reply.message
        if not reply.accepted:
            assert reply.remedy
            assert alone.rollout == quiet.rollout
            refused = [event for event in alone.events if event.kind is EventKind.REFUSED]
            assert [event.actor for event in refused] == ["somebody"]


@everywhere
def test_stable_is_kept_running_until_the_candidate_has_everybody(phase: Phase, data: st.DataObject) -> None:
    rollout, observed = data.draw(situations(phase))
    decision = decide(rollout, observed)
    after = decision.rollout
    running = {action.version for action in decision.actions if isinstance(action, RunVersion)}
    released = after.phase is Phase.RETIRING and after.released_at is not None
    if after.phase is not Phase.COMPLETED and not released:
        assert after.stable in running
    assert after.serving in running or released


@everywhere
def test_every_decision_can_be_stored_and_loaded_exactly(phase: Phase, data: st.DataObject) -> None:
    rollout, observed = data.draw(situations(phase))
    after = decide(rollout, observed).rollout
    assert ROLLOUT_JSON.validate_json(ROLLOUT_JSON.dump_json(after)) == after


@everywhere
def test_every_event_is_of_now_with_an_actor_and_a_reason(phase: Phase, data: st.DataObject) -> None:
    rollout, observed = data.draw(situations(phase))
    decision = decide(rollout, observed)
    for event in decision.events:
        assert event.at == observed.now
        assert event.actor in {ACTOR, "somebody"}
        assert event.rollout in {rollout.number, decision.rollout.number}
    assert decision.wake_at is None or math.isfinite(decision.wake_at)


@everywhere
def test_what_the_table_allows_leads_somewhere(phase: Phase, data: st.DataObject) -> None:
    rollout = data.draw(rollouts(phase))
    trigger = data.draw(st.sampled_from(Trigger))
    goal = target(rollout, trigger)
    assert (goal is not None) == ((rollout.phase, trigger) in TRANSITIONS)
    assert goal is None or goal not in HALTED or trigger in {Trigger.PAUSE, Trigger.WEIGHT, Trigger.FREEZE}


@everywhere
def test_only_what_is_said_to_be_possible_is_accepted(phase: Phase, data: st.DataObject) -> None:
    """Repeating what is already so is accepted everywhere; a start needs a version that does not serve."""
    rollout, observed = data.draw(situations(phase, most_commands=0))
    verb = data.draw(st.sampled_from(VERBS))
    command = Command("c", verb, "somebody", version="v3", weight=100, policy=Policy())
    decision = decide(rollout, replace(observed, commands=(command,)))
    possible = {word.split()[0] for word in allowed(rollout)}
    if decision.replies["c"].accepted and "already" not in decision.replies["c"].message:
        assert verb in possible


@everywhere
def test_errors_beyond_doubt_end_it_whatever_else_is_seen(phase: Phase, data: st.DataObject) -> None:
    """In every phase in which users may be on the candidate, and in no other."""
    rollout, observed = data.draw(situations(phase, most_commands=0))
    broken = assessed(rollout.policy, 10, BROKEN, next_weight=next_weight(rollout))
    decision = decide(rollout, replace(observed, assessment=broken))
    kinds = {event.kind for event in decision.events}
    if phase not in LIVE:
        without = decide(rollout, replace(observed, assessment=Assessment()))
        assert EventKind.VERDICT in kinds or decision == without
        return
    assert decision.rollout.phase in {Phase.FROZEN, Phase.ROLLING_BACK, Phase.ROLLED_BACK}
    assert EventKind.VERDICT in kinds
    assert rollout.policy.on_failure == "freeze" or decision.rollout.weight == 0


@everywhere
def test_no_verdict_is_worse_and_proven_at_once(phase: Phase, data: st.DataObject) -> None:
    rollout, observed = data.draw(situations(phase, most_commands=0))
    for judge in (judge_errors, judge_latency):
        verdict = judge(rollout, observed.assessment)
        assert not (verdict.worse and verdict.proven)
        assert 0 <= verdict.share <= 1
        assert verdict.share == 1 or not (verdict.worse or verdict.proven)
        assert verdict.missing is None or verdict.missing >= 0
        assert verdict.sentence


@everywhere
def test_answers_that_differ_beyond_doubt_end_it_whatever_else_is_seen(phase: Phase, data: st.DataObject) -> None:
    """In every phase in which users may be on the candidate, and in no other."""
    rollout, observed = data.draw(situations(phase, most_commands=0))
    decision = decide(rollout, replace(observed, differences=differing(300, 1000)))
    if phase not in LIVE:
        without = decide(rollout, replace(observed, differences=Differences()))
        assert EventKind.VERDICT in {event.kind for event in decision.events} or decision == without
        return
    assert decision.rollout.phase in {Phase.FROZEN, Phase.ROLLING_BACK, Phase.ROLLED_BACK}
    assert EventKind.VERDICT in {event.kind for event in decision.events}
    assert rollout.policy.on_failure == "freeze" or split_in(decision).shadow is None


@everywhere
def test_copies_are_made_only_beside_two_sides_that_are_there(phase: Phase, data: st.DataObject) -> None:
    rollout, observed = data.draw(situations(phase))
    decision = decide(rollout, observed)
    split, after = split_in(decision), decision.rollout
    if split.shadow is not None:
        assert after.sheltering is None
        assert after.phase in {Phase.PROGRESSING, Phase.PAUSED, Phase.FROZEN}
        assert split.weight < FULL_WEIGHT
        assert split.shadow.share == after.shadow
