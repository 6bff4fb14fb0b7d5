"""The rollout's state: what it says of itself, and that it is stored exactly."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.model.rollout import (
    DEFAULT_STEPS,
    ROLLOUT_JSON,
    ApproveStep,
    BakeStep,
    ErrorGate,
    HoldStep,
    Phase,
    Policy,
    Rollout,
    Step,
    WeightStep,
)
from abreast.model.units import FULL_WEIGHT

ROLLOUT = Rollout(
    service="shop",
    number=3,
    stable="v1",
    candidate="v2",
    policy=Policy(),
    phase=Phase.PROGRESSING,
    phase_since=10.0,
    started_at=5.0,
    attempt_since=5.0,
)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (WeightStep(25), "weight 0.25 %"),
        (HoldStep(90.0), "hold 1m30s"),
        (ApproveStep(), "approve"),
        (ApproveStep("look at p99"), "approve (look at p99)"),
        (BakeStep(3600.0), "bake 1h"),
    ],
)
def test_a_step_reads_as_it_is_named(step: Step, text: str) -> None:
    assert str(step) == text


def test_the_default_steps_rise_to_all_users_and_bake() -> None:
    weights = [step.weight for step in DEFAULT_STEPS if isinstance(step, WeightStep)]
    assert weights == sorted(set(weights))
    assert weights[-1] == FULL_WEIGHT
    assert isinstance(DEFAULT_STEPS[-1], BakeStep)


def test_the_ladder_ends_before_all_users_are_moved() -> None:
    policy = Policy(steps=(HoldStep(1.0), WeightStep(100), ApproveStep(), WeightStep(FULL_WEIGHT), BakeStep(60.0)))
    assert policy.ladder == (HoldStep(1.0), WeightStep(100), ApproveStep())
    assert policy.bake_s == 60.0
    assert Policy(steps=(WeightStep(FULL_WEIGHT),)).bake_s == 0


@pytest.mark.parametrize("phase", Phase)
def test_only_finished_rollouts_make_room_for_another(phase: Phase) -> None:
    finished = phase in {Phase.COMPLETED, Phase.ROLLED_BACK}
    assert dataclasses.replace(ROLLOUT, phase=phase).active is not finished


@pytest.mark.parametrize("phase", [Phase.PROMOTING, Phase.BAKING, Phase.RETIRING, Phase.COMPLETED])
@pytest.mark.parametrize("stop", [None, Phase.PAUSED, Phase.FROZEN])
def test_a_promoted_rollout_stays_promoted_while_it_is_paused(phase: Phase, stop: Phase | None) -> None:
    rollout = dataclasses.replace(ROLLOUT, phase=stop or phase, resume_to=phase if stop else None)
    assert rollout.promoted


def test_before_promotion_the_way_back_is_abort() -> None:
    assert not ROLLOUT.promoted
    assert not dataclasses.replace(ROLLOUT, phase=Phase.PAUSED, resume_to=Phase.PROGRESSING).promoted


def test_the_next_stable_is_the_version_that_won() -> None:
    assert ROLLOUT.serving == "v1"
    assert dataclasses.replace(ROLLOUT, phase=Phase.COMPLETED).serving == "v2"
    assert dataclasses.replace(ROLLOUT, phase=Phase.ROLLED_BACK).serving == "v1"
    assert dataclasses.replace(ROLLOUT, phase=Phase.COMPLETED, candidate=None).serving == "v1"


def test_each_rollout_moves_users_differently_and_a_retry_moves_the_same() -> None:
    assert ROLLOUT.salt != dataclasses.replace(ROLLOUT, number=4).salt
    assert ROLLOUT.salt == dataclasses.replace(ROLLOUT, attempt_since=99.0).salt


TIMES = st.floats(min_value=0, max_value=1e12)
STEPS = st.one_of(
    st.builds(WeightStep, st.integers(0, FULL_WEIGHT), st.none() | TIMES),
    st.builds(HoldStep, TIMES),
    st.builds(ApproveStep, st.text()),
    st.builds(BakeStep, TIMES),
)
POLICIES = st.builds(
    Policy, steps=st.lists(STEPS).map(tuple), at_least_s=TIMES, errors=st.builds(ErrorGate, st.integers(0, 10_000))
)


@given(POLICIES, st.sampled_from(Phase), st.none() | st.sampled_from(Phase), st.text(), TIMES)
def test_a_rollout_is_stored_and_loaded_exactly(
    policy: Policy, phase: Phase, resume_to: Phase | None, reason: str, since: float
) -> None:
    rollout = dataclasses.replace(
        ROLLOUT, policy=policy, phase=phase, resume_to=resume_to, reason=reason, phase_since=since
    )
    assert ROLLOUT_JSON.validate_json(ROLLOUT_JSON.dump_json(rollout)) == rollout
