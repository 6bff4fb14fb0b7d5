"""What every decision keeps, whatever the rollout's state and whatever is seen: facts drawn by hypothesis.

Unlike the simulation, which only meets states that some history leads to, this also draws the odd ones.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from abreast.model.event import EventKind
from abreast.model.rollout import (
    ROLLOUT_JSON,
    ApproveStep,
    BakeStep,
    ErrorGate,
    HoldStep,
    Phase,
    Policy,
    Rollout,
    WeightStep,
)
from abreast.model.service import Endpoint, Instance, InstanceState
from abreast.model.traffic import Split
from abreast.model.units import FULL_WEIGHT
from abreast.rollout.actions import RunVersion, SetSplit
from abreast.rollout.commands import allowed
from abreast.rollout.decide import decide
from abreast.rollout.gates import judge_errors
from abreast.rollout.observed import Command, NodeState, Observed, Tally, Verb
from abreast.rollout.steps import weight_at
from abreast.rollout.transitions import HALTED, TRANSITIONS, Trigger, target
from abreast.rollout.turn import ACTOR, split_of
from tests.simulation.invariants import check_decision, split_in

BEGIN = 1_000_000.0
VERSIONS = ("v1", "v2", "v3")
VERBS: tuple[Verb, ...] = get_args(Verb)
ENDINGS: tuple[Verb, ...] = ("abort", "undo")

many = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
"""For each phase, by a fixed seed: the simulation's acceptance run is the one for new ones."""


def everywhere(test: Callable[..., None]) -> Callable[..., None]:
    """Try this in every phase alike; left to itself, hypothesis likes some phases better than others."""
    drawing: Callable[..., None] = many(given(data=st.data())(test))
    in_each: Callable[..., None] = pytest.mark.parametrize("phase", Phase)(drawing)
    return in_each


weights = st.integers(0, FULL_WEIGHT)
times = st.floats(0.0, 5000.0).map(lambda seconds: BEGIN + seconds)
spans = st.sampled_from([0.0, 1.0, 60.0, 600.0])


def climbing(steps: list[WeightStep | HoldStep | ApproveStep]) -> tuple[WeightStep | HoldStep | ApproveStep, ...]:
    """The same steps with their weights in order, as the spec demands."""
    ordered = iter(sorted(step.weight for step in steps if isinstance(step, WeightStep)))
    return tuple(replace(step, weight=next(ordered)) if isinstance(step, WeightStep) else step for step in steps)


ladders = st.lists(
    st.one_of(
        st.builds(WeightStep, st.integers(1, FULL_WEIGHT - 1), st.one_of(st.none(), spans)),
        st.builds(HoldStep, spans),
        st.builds(ApproveStep),
    ),
    max_size=4,
).map(climbing)

policies = st.builds(
    Policy,
    steps=st.builds(
        lambda ladder, bake: (*ladder, WeightStep(FULL_WEIGHT), *([BakeStep(bake)] if bake is not None else [])),
        ladders,
        st.one_of(st.none(), spans),
    ),
    at_least_s=spans,
    at_most_s=st.sampled_from([60.0, 3600.0]),
    on_timeout=st.sampled_from(["hold", "promote-unproven"]),
    on_failure=st.sampled_from(["roll-back", "freeze"]),
    errors=st.builds(ErrorGate, st.integers(0, FULL_WEIGHT), st.integers(1, 50), st.sampled_from([10.0, 60.0])),
    retire_after_s=spans,
    unused_for_s=spans,
    drain_s=spans,
    start_timeout_s=st.sampled_from([1.0, 60.0, 600.0]),
)


@st.composite
def rollouts(draw: st.DrawFn, phase: Phase) -> Rollout:
    """A rollout in that phase, whose fields agree with each other as the phases' meaning demands."""
    policy = draw(policies)
    resume_to = None
    if phase in HALTED:
        others = [Phase.PROGRESSING, Phase.BAKING] + ([Phase.PROMOTING] if phase is Phase.FROZEN else [])
        resume_to = draw(st.sampled_from(others))
    effective = resume_to or phase
    weight = draw(weights)
    if effective in {Phase.PROMOTING, Phase.BAKING, Phase.RETIRING, Phase.COMPLETED}:
        weight = FULL_WEIGHT
    elif effective in {Phase.PENDING, Phase.ROLLING_BACK, Phase.ROLLED_BACK}:
        weight = 0
    rests = phase in {Phase.RETIRING, Phase.ROLLED_BACK, Phase.COMPLETED}
    step = draw(st.integers(0, len(policy.ladder))) if effective is Phase.PROGRESSING else len(policy.ladder)
    made = Rollout(
        service="shop",
        number=draw(st.integers(1, 5)),
        stable="v1",
        candidate="v2",
        policy=policy,
        phase=phase,
        phase_since=draw(times),
        started_at=BEGIN,
        attempt_since=draw(times),
        step=step,
        step_since=draw(times),
        weight=weight,
        weight_since=draw(times),
        resume_to=resume_to,
        sheltering=draw(st.sampled_from([None, None, "stable", "candidate"])),
        candidate_missing_since=draw(st.one_of(st.none(), times)),
        held=draw(st.booleans()),
        released_at=draw(st.one_of(st.none(), times)) if rests else None,
        retire_now=draw(st.booleans()) if rests else False,
        reason="because",
        revision=draw(st.integers(1, 9)),
    )
    return replace(made, weight=weight_at(made, step)) if phase is Phase.PROGRESSING else made


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    """Any counts: never more errors than requests."""
    requests = draw(st.integers(0, 200))
    return Tally(
        requests,
        draw(st.integers(0, requests)),
        draw(st.integers(0, 2)),
        draw(times) if requests else None,
    )


@st.composite
def splits(draw: st.DrawFn) -> Split:
    """What some gateway may have acknowledged, also of another rollout."""
    stable = draw(st.sampled_from(VERSIONS))
    candidate = draw(st.sampled_from([None, *(name for name in VERSIONS if name != stable)]))
    weight = draw(weights) if candidate else 0
    return Split(stable, candidate, weight, f"r{draw(st.integers(1, 5))}" if candidate else "")


@st.composite
def facts(draw: st.DrawFn, rollout: Rollout) -> Observed:
    """Anything that could be seen, at any time after what the rollout remembers."""
    remembered = [
        *(rollout.phase_since, rollout.attempt_since, rollout.step_since, rollout.weight_since),
        *(rollout.candidate_missing_since or 0.0, rollout.released_at or 0.0),
    ]
    states = draw(st.lists(st.tuples(st.sampled_from(VERSIONS), st.sampled_from(InstanceState)), max_size=6))
    right = split_of(rollout)
    acked = draw(st.lists(st.one_of(st.just(right), st.just(right), st.none(), splits()), max_size=3))
    return Observed(
        now=max(remembered) + draw(st.sampled_from([0.0, 0.5, 30.0, 4000.0])),
        instances=tuple(
            Instance(f"i{n}", version, Endpoint("127.0.0.1", 1), state, BEGIN)
            for n, (version, state) in enumerate(states)
        ),
        wanted=dict.fromkeys(VERSIONS, draw(st.integers(1, 2))),
        nodes=tuple(NodeState(f"n{n}", split, connected=True) for n, split in enumerate(acked)),
        window=draw(st.dictionaries(st.sampled_from(VERSIONS), tallies())),
        step=draw(st.dictionaries(st.sampled_from(VERSIONS), tallies())),
        counting_since=draw(times),
    )


@st.composite
def commands(draw: st.DrawFn) -> Command:
    """Anything that a person may ask for, sensible or not."""
    verb = draw(st.sampled_from(VERBS))
    return Command(
        id=draw(st.uuids()).hex,
        verb=verb,
        actor="somebody",
        reason=draw(st.sampled_from(["", "a reason"])),
        version=draw(st.sampled_from([None, *VERSIONS])),
        weight=draw(st.one_of(st.none(), st.integers(-1, FULL_WEIGHT + 1))),
        full=draw(st.booleans()),
        revision=draw(st.sampled_from([None, 1, 2])),
        policy=draw(st.one_of(st.none(), policies)),
    )


@st.composite
def situations(draw: st.DrawFn, phase: Phase, most_commands: int = 2) -> tuple[Rollout, Observed]:
    """A rollout, and what is seen."""
    rollout = draw(rollouts(phase))
    asked = draw(st.lists(commands(), max_size=most_commands, unique_by=lambda command: command.id))
    return rollout, replace(draw(facts(rollout)), commands=tuple(asked))


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
        window={},
        step={},
        nodes=(NodeState("n", split_of(rollout), connected=True),),
    )
    decision = decide(rollout, nothing)
    assert EventKind.VERDICT not in {event.kind for event in decision.events}
    on_weight = (
        rollout.phase is Phase.PROGRESSING
        and rollout.step < len(rollout.policy.ladder)
        and isinstance(rollout.policy.ladder[rollout.step], WeightStep)
    )
    if on_weight and rollout.policy.on_timeout == "hold":
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


@settings(many, max_examples=100)
@given(tallies(), tallies(), st.builds(ErrorGate, st.integers(0, FULL_WEIGHT), st.integers(1, 50)))
def test_more_errors_never_make_a_candidate_look_better(candidate: Tally, stable: Tally, gate: ErrorGate) -> None:
    now = judge_errors(gate, candidate, stable, "a window")
    assert not (now.worse and now.proven)
    assert now.worse or now.proven or candidate.requests < gate.min_requests
    assume(candidate.errors < candidate.requests)
    more = judge_errors(gate, replace(candidate, errors=candidate.errors + 1), stable, "a window")
    assert more.worse or not now.worse
