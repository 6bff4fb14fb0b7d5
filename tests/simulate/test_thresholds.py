"""Flagger's and Argo Rollouts' rules act at the seconds that their documentation implies."""

import pytest

from abreast.analysis.tick import Side, Tick
from abreast.simulate.rules import Decision, Rule
from abreast.simulate.thresholds import Argo, Flagger, p99_us

GOOD = Side(5, 0, {20_000: 5})
BAD = Side(5, 5, {20_000: 5})


def story(rule: Rule, *parts: tuple[int, Side]) -> dict[int, Decision]:
    """For so many seconds each: the seconds (from 1) in which it did not hold, up to the rollback."""
    seen: dict[int, Decision] = {}
    at = 0
    for seconds, candidate in parts:
        for _ in range(seconds):
            at += 1
            decision = rule.decide(Tick(float(at), candidate, GOOD))
            if decision is not Decision.HOLD:
                seen[at] = decision
            if decision is Decision.ROLL_BACK:
                return seen
    return seen


def test_flagger_advances_each_minute() -> None:
    assert story(Flagger(), (180, GOOD)) == dict.fromkeys((60, 120, 180), Decision.ADVANCE)


def test_flagger_rolls_back_a_minute_after_the_fifth_failed_check() -> None:
    assert story(Flagger(), (600, BAD)) == {360: Decision.ROLL_BACK}


def test_flagger_counts_no_traffic_as_failed() -> None:
    assert story(Flagger(), (600, Side())) == {360: Decision.ROLL_BACK}


def test_flagger_forgets_no_failed_check() -> None:
    bad, good = (60, BAD), (60, GOOD)
    seen = story(Flagger(), bad, good, bad, bad, good, bad, bad, good)
    assert seen == {120: Decision.ADVANCE, 300: Decision.ADVANCE, 480: Decision.ROLL_BACK}


@pytest.mark.parametrize(("errors", "passes"), [(3, True), (4, False)])
def test_flagger_wants_99_of_100(errors: int, passes: bool) -> None:
    seen = story(Flagger(), (59, GOOD), (1, Side(5, errors, {20_000: 5})))
    assert bool(seen) == passes


@pytest.mark.parametrize(("slow", "passes"), [(3, True), (4, False)])
def test_flagger_wants_99_of_100_within_half_a_second(slow: int, passes: bool) -> None:
    seen = story(Flagger(), (59, GOOD), (1, Side(5, 0, {20_000: 5 - slow, 600_000: slow})))
    assert bool(seen) == passes


def test_flagger_looks_at_one_minute_only() -> None:
    assert story(Flagger(), (60, BAD), (60, GOOD)) == {120: Decision.ADVANCE}


def test_argo_fails_with_the_fourth_failed_measurement() -> None:
    seen = story(Argo(), (3600, BAD))
    assert seen == {
        600: Decision.ADVANCE,
        **dict.fromkeys(range(601, 1200), Decision.ADVANCE),
        1200: Decision.ROLL_BACK,
    }


def test_argo_advances_by_the_clock() -> None:
    rule = Argo()
    assert story(rule, (600, BAD)) == {600: Decision.ADVANCE}
    rule.moved(0.4)
    assert story(rule, (600, GOOD)) == {600: Decision.ADVANCE}


def test_argo_sees_the_last_two_scrapes_only() -> None:
    blink = ((285, GOOD), (15, BAD))
    assert max(story(Argo(), *blink * 4)) == 1200
    missed = ((200, BAD), (85, BAD), (15, GOOD))
    assert Decision.ROLL_BACK not in story(Argo(), *missed * 12).values()


def test_argo_takes_no_traffic_for_a_failure() -> None:
    assert story(Argo(pause_s=10_000), (3600, Side())) == {1200: Decision.ROLL_BACK}


def test_argo_lets_one_in_25_fail() -> None:
    assert Decision.ROLL_BACK not in story(Argo(), (7200, Side(25, 1, {20_000: 25}))).values()


def test_the_99th_percentile_is_the_bucket_it_lies_in() -> None:
    assert p99_us([]) == 0
    assert p99_us([Side(100, 0, {10_000: 99, 90_000: 1})]) == 10_000
    assert p99_us([Side(50, 0, {10_000: 49, 90_000: 1}), Side(50, 0, {10_000: 49, 80_000: 1})]) == 80_000
