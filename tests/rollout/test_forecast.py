"""What a policy will take, in time and candidate requests."""

from dataclasses import replace
from math import ceil, inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.model.rollout import (
    ApproveStep,
    BakeStep,
    DifferenceGate,
    ErrorGate,
    HoldStep,
    LatencyGate,
    Phase,
    Policy,
    ShadowStep,
    WeightStep,
)
from abreast.model.shadow import ShadowPolicy
from abreast.rollout.forecast import StepForecast, forecast
from abreast.rollout.gates import answers_needed, errors_planned, judge_errors, judge_latency, latency_planned
from tests.rollout.play import under_way
from tests.rollout.traffic import Traffic, assessed

STEPS = (
    WeightStep(100),
    WeightStep(1000, 300.0),
    HoldStep(30.0),
    ApproveStep("go?"),
    WeightStep(10_000),
    BakeStep(60.0),
)
POLICY = Policy(steps=STEPS, at_least_s=60.0, at_most_s=600.0, errors=ErrorGate(budget=100), latency=None)
WATCHED = replace(POLICY, latency=LatencyGate())


def test_without_a_rate_it_says_how_many_requests_and_no_more() -> None:
    first, second = (ceil(errors_planned(POLICY, *weights)) for weights in ((100, 1000), (1000, 10_000)))
    assert forecast(POLICY) == (
        StepForecast(STEPS[0], 100, first, None, 60.0, 600.0, "errors"),
        StepForecast(STEPS[1], 1000, second, None, 300.0, 600.0, "errors"),
        StepForecast(STEPS[2], 1000, 0, None, 30.0, 30.0),
        StepForecast(STEPS[3], 1000, 0, None, 0.0, None),
        StepForecast(STEPS[4], 10_000, 0, None, 0.0, 0.0),
        StepForecast(STEPS[5], 10_000, 0, None, 60.0, 60.0),
    )
    assert all(step.fits for step in forecast(POLICY)), "as far as it is known"


@pytest.mark.parametrize("budget", [10, 25, 100, 500])
@pytest.mark.parametrize(("weight", "next_"), [(100, 1000), (1000, 2500), (2500, 5000), (100, 10_000)])
def test_a_step_needs_so_many_requests_as_the_next_one_may_cost(budget: int, weight: int, next_: int) -> None:
    """4.3 · next weight / budget where errors are rare, which is what people are told to reckon with."""
    steps = (WeightStep(weight), WeightStep(next_), WeightStep(10_000))
    policy = replace(POLICY, steps=steps, errors=ErrorGate(budget=budget))
    assert forecast(policy)[0].requests == pytest.approx(4.3 * next_ / budget, rel=0.1, abs=1)


@pytest.mark.parametrize(("bad", "times"), [(0.0, 1.0), (0.001, 1.5), (0.005, 3.0), (0.01, 4.0)])
def test_failures_that_stable_has_too_make_it_longer(bad: float, times: float) -> None:
    steps = (WeightStep(5000), WeightStep(10_000))
    policy = replace(POLICY, steps=steps, errors=ErrorGate(budget=25))
    rare, often = forecast(policy)[0].requests, forecast(policy, bad=bad)[0].requests
    assert often == rare if not bad else often > times * rare


def test_the_gate_that_takes_longest_is_named() -> None:
    policy = replace(WATCHED, errors=ErrorGate(budget=5000))
    assert [step.gate for step in forecast(policy)] == ["latency", "latency", "", "", "", ""]
    assert forecast(policy)[0].requests == ceil(latency_planned(policy, 100, 1000))
    assert forecast(replace(WATCHED, errors=ErrorGate(budget=1)))[0].gate == "errors"
    both = forecast(WATCHED)[0].requests
    assert both == max(ceil(errors_planned(WATCHED, 100, 1000)), ceil(latency_planned(WATCHED, 100, 1000)))


@pytest.mark.parametrize(
    ("rate_per_s", "least_s", "fits"),
    [
        (1000.0, 60.0, True),
        (100.0, 60.0, True),
        (40.0, 108.0, True),
        (8.0, 540.0, True),
        (6.5, 600.0, False),
        (1.0, 600.0, False),
    ],
)
def test_a_slow_service_needs_longer_than_the_shortest_time(rate_per_s: float, least_s: float, *, fits: bool) -> None:
    first = forecast(POLICY, rate_per_s)[0]
    assert first.requests_s == pytest.approx(first.requests / (rate_per_s / 100))
    assert first.least_s == pytest.approx(least_s, rel=0.05)
    assert first.fits is fits


def test_a_short_step_is_at_least_two_windows_long() -> None:
    """No window is more than a third of a proof, so it takes a third one to complete it."""
    policy = replace(POLICY, steps=(WeightStep(100, 1.0),), errors=ErrorGate(budget=5000, window_s=10.0))
    assert forecast(policy, 1e6)[0].least_s == 20.0


@settings(deadline=None, max_examples=40)
@given(st.floats(min_value=0.001, max_value=1e6), st.sampled_from([0.0, 0.01, 1.0]))
def test_a_step_is_never_forecast_outside_of_its_bounds(rate_per_s: float, bad: float) -> None:
    for step in forecast(WATCHED, rate_per_s, bad):
        assert step.most_s is None or step.least_s <= step.most_s


def test_what_is_forecast_comes_true() -> None:
    """In traffic that is as good as it was reckoned with; windows may round it up by one of them."""
    rate = 200
    steps = forecast(WATCHED, float(rate))
    assert steps[0].requests_s is not None
    needed_s = max(steps[0].requests_s, steps[0].least_s)
    both = Traffic(rate // 100), Traffic(rate - rate // 100)
    rollout = under_way(Phase.PROGRESSING, WATCHED, step=0, weight=100)

    def proven(seconds: float) -> bool:
        assessment = assessed(WATCHED, round(seconds), both, next_weight=1000)
        return judge_errors(rollout, assessment).proven and judge_latency(rollout, assessment).proven

    assert not proven(0.7 * needed_s)
    assert proven(1.2 * needed_s + 2 * 20)


def test_a_rate_of_nothing_never_has_enough() -> None:
    first = forecast(POLICY, 0.0)[0]
    assert first.requests_s == inf
    assert first.least_s == 600.0
    assert not first.fits


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
        StepForecast(ShadowStep(2000), 0, answers_needed(policy.differences), None, 60.0, 3600.0, "differences"),
    )
    assert answers_needed(DifferenceGate(tolerance=100)) < answers_needed(DifferenceGate(tolerance=10))


def test_a_shadow_step_without_requests_never_has_enough() -> None:
    step = forecast(Policy(), 0.0)[0]
    assert step.requests_s == inf
    assert step.least_s == step.most_s == 3600.0
    assert (step.gate, step.fits) == ("differences", False)


def test_the_end_of_copying_needs_no_answers() -> None:
    assert forecast(Policy(steps=(ShadowStep(0, 5.0),)), 10.0)[0] == StepForecast(
        ShadowStep(0, 5.0), 0, 0, None, 5.0, 5.0
    )


def test_where_nobody_counts_a_step_takes_its_own_time_and_no_requests() -> None:
    blind = replace(POLICY, errors=ErrorGate(watch=False), at_least_s=5.0)
    step = forecast(blind, 10.0)[0]
    assert (step.requests, step.least_s) == (0, 5.0)
    assert step.fits
