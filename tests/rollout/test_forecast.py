"""What a policy will take, in time and candidate requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.model.rollout import (
    ApproveStep,
    BakeStep,
    DifferenceGate,
    ErrorGate,
    HoldStep,
    Policy,
    ShadowStep,
    WeightStep,
)
from abreast.model.shadow import ShadowPolicy
from abreast.rollout.forecast import StepForecast, forecast
from abreast.rollout.gates import answers_needed

STEPS = (
    WeightStep(100),
    WeightStep(1000, 300.0),
    HoldStep(30.0),
    ApproveStep("go?"),
    WeightStep(10_000),
    BakeStep(60.0),
)
POLICY = Policy(steps=STEPS, at_least_s=60.0, at_most_s=600.0, errors=ErrorGate(min_requests=20, window_s=60.0))


def test_without_a_rate_it_says_how_many_requests_and_no_more() -> None:
    assert forecast(POLICY) == (
        StepForecast(STEPS[0], 100, 20, None, 60.0, 600.0),
        StepForecast(STEPS[1], 1000, 20, None, 300.0, 600.0),
        StepForecast(STEPS[2], 1000, 0, None, 30.0, 30.0),
        StepForecast(STEPS[3], 1000, 0, None, 0.0, None),
        StepForecast(STEPS[4], 10_000, 0, None, 0.0, 0.0),
        StepForecast(STEPS[5], 10_000, 0, None, 60.0, 60.0),
    )


@pytest.mark.parametrize(
    ("rate_per_s", "requests_s", "least_s", "blind"),
    [
        (1000.0, 2.0, 60.0, False),
        (20.0, 100.0, 100.0, True),
        (1.0, 2000.0, 600.0, True),
    ],
)
def test_a_slow_service_needs_longer_than_the_shortest_time(
    rate_per_s: float, requests_s: float, least_s: float, *, blind: bool
) -> None:
    first = forecast(POLICY, rate_per_s)[0]
    assert first.requests_s == pytest.approx(requests_s)
    assert first.least_s == pytest.approx(least_s)
    assert first.blind is blind


@given(st.floats(min_value=0.001, max_value=1e6))
def test_a_step_is_never_forecast_outside_of_its_bounds(rate_per_s: float) -> None:
    for step in forecast(POLICY, rate_per_s):
        assert step.most_s is None or step.least_s <= step.most_s


def test_a_rate_of_nothing_never_has_enough() -> None:
    first = forecast(POLICY, 0.0)[0]
    assert first.requests_s == float("inf")
    assert first.least_s == 600.0
    assert first.blind


def test_a_longer_step_stretches_the_longest_time() -> None:
    policy = Policy(steps=(WeightStep(100, 900.0),), at_most_s=600.0)
    assert forecast(policy)[0].most_s == 900.0


@pytest.mark.parametrize(
    ("share", "weight", "at_most_per_s", "rate_per_s", "copies_per_s"),
    [
        (2000, 0, 100.0, 100.0, 20.0),
        (2000, 0, 5.0, 100.0, 5.0),
        (2000, 5000, 100.0, 100.0, 10.0),
        (10_000, 0, 1000.0, 40.0, 40.0),
    ],
)
def test_a_shadow_step_waits_for_copies_of_what_stable_answers(
    share: int, weight: int, at_most_per_s: float, rate_per_s: float, copies_per_s: float
) -> None:
    steps = (*((WeightStep(weight),) if weight else ()), ShadowStep(share, 60.0))
    policy = Policy(steps=steps, at_most_s=1e6, shadow=ShadowPolicy(at_most_per_s=at_most_per_s))
    step = forecast(policy, rate_per_s)[-1]
    needed = answers_needed(policy.differences)
    assert (step.weight, step.requests) == (weight, needed)
    assert step.requests_s == pytest.approx(needed / copies_per_s)
    assert step.least_s == pytest.approx(max(60.0, needed / copies_per_s))


def test_a_shadow_step_without_a_rate_says_how_many_answers_and_no_more() -> None:
    policy = Policy(steps=(ShadowStep(2000),), differences=DifferenceGate(tolerance=100))
    assert forecast(policy) == (
        StepForecast(ShadowStep(2000), 0, answers_needed(policy.differences), None, 60.0, 3600.0),
    )
    assert answers_needed(DifferenceGate(tolerance=100)) < answers_needed(DifferenceGate(tolerance=10))


def test_a_shadow_step_without_requests_never_has_enough() -> None:
    step = forecast(Policy(), 0.0)[0]
    assert step.requests_s == float("inf")
    assert step.least_s == step.most_s == 3600.0


def test_the_end_of_copying_needs_no_answers() -> None:
    assert forecast(Policy(steps=(ShadowStep(0, 5.0),)), 10.0)[0] == StepForecast(
        ShadowStep(0, 5.0), 0, 0, None, 5.0, 5.0
    )
