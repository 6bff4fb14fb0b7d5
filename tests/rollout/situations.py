"""Rollouts and facts drawn by hypothesis, the odd ones included that no history leads to."""

from dataclasses import replace
from typing import TypeVar, get_args

from hypothesis import strategies as st

from abreast.analysis.assessment import Assessment
from abreast.model.rollout import (
    ApproveStep,
    BakeStep,
    DataGate,
    DifferenceGate,
    ErrorGate,
    HoldStep,
    LadderStep,
    LatencyGate,
    Phase,
    Policy,
    Rollout,
    ShadowStep,
    WeightStep,
)
from abreast.model.service import Endpoint, Instance, InstanceState
from abreast.model.traffic import Split
from abreast.model.units import FULL_WEIGHT
from abreast.rollout.observed import Command, DataState, Differences, NodeState, Observed, Tally, Verb
from abreast.rollout.steps import weight_at
from abreast.rollout.transitions import HALTED
from abreast.rollout.turn import shadow_at, split_of
from abreast.rollout.watch import next_weight
from tests.rollout.play import differing
from tests.rollout.traffic import Traffic, assessed

T = TypeVar("T")

BEGIN = 1_000_000.0
VERSIONS = ("v1", "v2", "v3")
VERBS: tuple[Verb, ...] = get_args(Verb)

traffic = st.builds(
    Traffic, st.sampled_from([0, 1, 20, 200]), st.sampled_from([0.0, 0.01, 0.3, 1.0]), st.sampled_from([10, 50])
)
weights = st.integers(0, FULL_WEIGHT)
times = st.floats(0.0, 5000.0).map(lambda seconds: BEGIN + seconds)
spans = st.sampled_from([0.0, 1.0, 60.0, 600.0])


def maybe(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """Or nothing."""
    return st.one_of(st.none(), strategy)


def climbing(steps: list[LadderStep]) -> tuple[LadderStep, ...]:
    """The same steps with their weights in order, as the spec demands."""
    ordered = iter(sorted(step.weight for step in steps if isinstance(step, WeightStep)))
    return tuple(replace(step, weight=next(ordered)) if isinstance(step, WeightStep) else step for step in steps)


ladders = st.lists(
    st.one_of(
        st.builds(ShadowStep, st.one_of(st.just(0), weights), maybe(spans)),
        st.builds(
            WeightStep, st.integers(1, FULL_WEIGHT - 1), st.one_of(st.none(), spans), st.one_of(st.none(), weights)
        ),
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
    errors=st.builds(ErrorGate, st.sampled_from([1, 25, 500, 5000, FULL_WEIGHT]), st.sampled_from([1.0, 10.0])),
    latency=maybe(st.builds(LatencyGate, st.sampled_from([0, 2000]), st.sampled_from([1.0, 20.0]), spans)),
    differences=st.builds(DifferenceGate, st.sampled_from([0, 10, 500])),
    data=maybe(st.builds(DataGate, st.sampled_from([0, 5]), st.booleans(), maybe(spans))),
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
    if effective is Phase.PROGRESSING:
        made = replace(made, shadow=shadow_at(made, step))
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
def assessments(draw: st.DrawFn, rollout: Rollout) -> Assessment:
    """What any traffic may have shown: none, some, a lot; good, bad, on one side only."""
    seconds = draw(st.sampled_from([0, 0, 1, 10, 40]))
    both = (draw(traffic), draw(traffic))
    return assessed(rollout.policy, seconds, both, next_weight=next_weight(rollout))


@st.composite
def differences(draw: st.DrawFn) -> Differences:
    """Anything that comparing can show, nothing and much included."""
    compared = draw(st.sampled_from([0, 0, 1, 100, 10_000, 100_000]))
    if not compared:
        return Differences()
    candidate_only, control_only = (draw(st.integers(0, min(compared, 300))) for _ in range(2))
    return differing(candidate_only, compared, control_only, tolerance=draw(st.sampled_from([0, 10, 500])))


@st.composite
def splits(draw: st.DrawFn) -> Split:
    """What some gateway may have acknowledged, also of another rollout."""
    stable = draw(st.sampled_from(VERSIONS))
    candidate = draw(st.sampled_from([None, *(name for name in VERSIONS if name != stable)]))
    weight = draw(weights) if candidate else 0
    return Split(stable, candidate, weight, f"r{draw(st.integers(1, 5))}" if candidate else "")


@st.composite
def data_states(draw: st.DrawFn) -> DataState:
    """Anything that a database may say."""
    sides = st.lists(st.sampled_from(VERSIONS), unique=True).map(tuple)
    ready = draw(sides)
    return DataState(
        ready=ready,
        ready_since=draw(times),
        fenced=tuple(name for name in draw(sides) if name not in ready),
        unfenceable=draw(st.sampled_from([{}, {"v2": "products"}])),
        contractible=draw(st.sampled_from(["", "v1", "v2"])),
        doing=draw(st.sampled_from(["", "backfill, 50%"])),
        failed=draw(st.sampled_from(["", "", "m.yaml:3: there is no table 'x'"])),
        drift=draw(st.sampled_from([None, 0, 1, 9])),
        rows=1000,
        checked_at=draw(times),
    )


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
        step=draw(st.dictionaries(st.sampled_from(VERSIONS), tallies())),
        counting_since=draw(times),
        assessment=draw(assessments(rollout)),
        differences=draw(differences()),
        data=draw(maybe(data_states())),
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
