"""The lanes: their α sum to one in a hundred, and their figures are the design's."""

import pytest

from abreast.analysis.lanes import (
    BETA,
    HARD_POINTS,
    LATENCY_BETS,
    LATENCY_POINTS,
    WORSE_ERRORS,
    WORSE_HARD,
    WORSE_LATENCY,
    Limits,
)
from abreast.analysis.latency import QUANTILES
from abreast.analysis.plan import requests_needed
from abreast.analysis.process import Process, Stakes, Stratum


def test_all_lanes_together_roll_back_at_most_one_healthy_rollout_in_a_hundred() -> None:
    """The differences of answers have the tenth of a percent that is left."""
    assert sum((WORSE_ERRORS, WORSE_HARD, WORSE_LATENCY)) == pytest.approx(0.009)
    limits = Limits()
    assert [test.alpha for test in (limits.worse_errors(), limits.worse_hard(), limits.worse_latency())] == [
        WORSE_ERRORS,
        WORSE_HARD,
        WORSE_LATENCY,
    ]


def test_bets_against_are_above_1_and_bets_for_are_below() -> None:
    limits = Limits()
    for against in (limits.worse_errors(), limits.worse_hard(), limits.worse_latency()):
        assert min(against.bets) > 1
        assert against.stakes is not None
    for clear in (limits.ok_errors(0.1), *limits.ok_latency(0.1)):
        assert max(clear.bets) < 1
        assert clear.stakes is None
        assert clear.alpha == BETA
        assert not clear.share_cap


def test_only_hard_failure_is_proven_within_a_window_or_two_whoever_is_hit() -> None:
    limits = Limits()
    assert limits.worse_errors().share_cap
    assert limits.worse_latency().share_cap
    assert not limits.worse_hard().share_cap
    assert limits.worse_hard().window_s == 1.0


@pytest.mark.parametrize("next_weight", [0.05, 0.25, 1.0])
def test_moving_on_may_cost_the_budget_of_all_requests_wherever_it_leads(next_weight: float) -> None:
    limits = Limits(budget=0.002)
    assert limits.ok_errors(next_weight).delta * next_weight == pytest.approx(0.002)
    for test, points in zip(limits.ok_latency(next_weight), LATENCY_POINTS, strict=True):
        assert test.delta * next_weight == pytest.approx(points)
    assert len(limits.ok_latency(next_weight)) == len(QUANTILES)


def test_a_step_that_leads_to_no_traffic_is_judged_like_one_to_the_least_there_is() -> None:
    limits = Limits()
    assert limits.ok_errors(0.0) == limits.ok_errors(0.0001)
    assert limits.ok_latency(0.0) == limits.ok_latency(0.0001)


def test_fresh_stakes_are_spread_over_the_windows_of_the_longest_time() -> None:
    limits = Limits(window_s=10, latency_window_s=20, changes=7, longest_s=3600)
    assert limits.worse_errors().stakes == Stakes(7, 360)
    assert limits.worse_hard().stakes == Stakes(7, 3600)
    assert limits.worse_latency().stakes == Stakes(7, 180)
    assert Limits(longest_s=1).worse_latency().stakes == Stakes(5, 1)


def test_proofs_take_what_the_design_says() -> None:
    """Some 4.3 · next weight / budget candidate requests without errors: 172 from 5 % to 10 % of the traffic."""
    test = Limits().ok_errors(0.1)
    assert requests_needed(test, 0.05) == pytest.approx(4.3 * 0.1 / 0.0025, rel=0.05)
    process, seen = Process(test), 0
    while not process.proven:
        process.add(seen, Stratum(0, 1, 0, 19))
        seen += 1
    assert seen == pytest.approx(requests_needed(test, 0.05), rel=0.05)


@pytest.mark.parametrize(("share_c", "proven"), [(1.0, True), (0.5, True), (HARD_POINTS, False), (0.2, False)])
def test_hard_failure_is_found_within_seconds_and_only_beyond_its_points(share_c: float, *, proven: bool) -> None:
    process = Process(Limits().worse_hard())
    for second in range(15):
        process.add(second, Stratum(100 * share_c, 100, 0, 100))
    assert process.proven is proven


def test_latency_bets_are_on_smaller_factors() -> None:
    assert Limits().worse_latency().bets == LATENCY_BETS
    assert min(LATENCY_BETS) < min(Limits().worse_errors().bets)
