"""The interval: everything before anything is known, the truth afterwards, and narrower with every request."""

from math import log
from random import Random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.analysis.eprocess import OK_BETS, WORSE_BETS, Evidence
from abreast.analysis.interval import ERROR, Interval
from abreast.analysis.process import Stratum

strata = st.builds(
    lambda good_c, bad_c, good_s, bad_s: Stratum(bad_c, good_c + bad_c, bad_s, good_s + bad_s),
    *[st.integers(0, 200)] * 4,
)


def interval_of(*seen: Stratum) -> Interval:
    interval = Interval()
    for stratum in seen:
        interval.add(stratum)
    return interval


def draw(random: Random, seen: int, share: float) -> int:
    return sum(random.random() < share for _ in range(seen))


def test_nothing_seen_rules_nothing_out() -> None:
    assert Interval().bounds == (-1.0, 1.0)
    assert interval_of(Stratum(0, 0, 5, 10), Stratum(5, 10, 0, 0)).bounds == (-1.0, 1.0)
    assert interval_of(Stratum(1, 1, 0, 1)).bounds == (-1.0, 1.0)


@given(st.builds(lambda stratum, times: [stratum] * times, strata, st.integers(1, 6)), st.floats(-0.5, 0.5))
@settings(deadline=None, max_examples=60)
def test_it_holds_what_neither_side_s_e_process_refuses(seen: list[Stratum], delta: float) -> None:
    low, high = interval_of(*seen).bounds
    for bets, refused in ((WORSE_BETS, delta < low - 1e-9), (OK_BETS, delta > high + 1e-9)):
        evidence = Evidence.of(bets)
        for stratum in seen:
            evidence = evidence.after(*stratum, delta=delta)
        if abs(delta - (low if bets is WORSE_BETS else high)) > 1e-9:
            assert refused == (evidence.log_e >= log(2 / ERROR))


@given(st.lists(strata, max_size=12))
@settings(deadline=None, max_examples=100)
def test_its_ends_are_shares_and_in_order(seen: list[Stratum]) -> None:
    low, high = interval_of(*seen).bounds
    assert -1 <= low <= high <= 1


@pytest.mark.parametrize(("p_c", "p_s"), [(0.01, 0.01), (0.05, 0.001), (0.3, 0.3), (0.02, 0.1)])
def test_it_holds_the_truth_at_all_times_in_95_of_100_runs(p_c: float, p_s: float) -> None:
    """Looked at twenty times in each run; a run misses if it ever does."""
    random, runs, missed = Random(f"{p_c} {p_s}"), 100, 0
    for _ in range(runs):
        interval, missing = Interval(), False
        for _ in range(20):
            interval.add(Stratum(draw(random, 20, p_c), 20, draw(random, 80, p_s), 80))
            low, high = interval.bounds
            missing |= not low <= p_c - p_s <= high
        missed += missing
    assert missed <= ERROR * runs


def test_it_narrows_with_every_request_towards_the_truth() -> None:
    interval, widths = Interval(), []
    for _ in range(6):
        for _ in range(400):
            interval.add(Stratum(1, 20, 2, 200))
        low, high = interval.bounds
        assert low <= 0.04 <= high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert 0.01 < widths[-1] < 0.8 * widths[0] < 0.02


def test_no_errors_at_all_rule_out_what_would_have_shown() -> None:
    """Some 4.4 of an expected number: "at most 1.7 % worse" is what is said at low traffic."""
    low, high = interval_of(*[Stratum(0, 5, 0, 95)] * 60).bounds
    assert low < -0.001
    assert 0.012 < high < 0.025
    assert interval_of(*[Stratum(0, 5, 0, 95)] * 600).bounds[1] < high / 5


def test_where_no_single_difference_is_held_it_spans_what_there_was() -> None:
    low, high = interval_of(*[Stratum(0, 1, 0, 500)] * 60, *[Stratum(0, 5, 1, 1)] * 60).bounds
    assert -1 < low < high < 0


def test_a_drift_that_hits_both_alike_does_not_move_it() -> None:
    low, high = interval_of(*[Stratum(n % 30, 60, n % 30 * 10, 600) for n in range(600)]).bounds
    assert low <= 0 <= high
    assert high - low < 0.1


def test_through_json_and_back() -> None:
    interval = interval_of(Stratum(1, 7, 3, 100), Stratum(0, 9, 1, 90))
    state = interval.state()
    kept = orjson.dumps(state)
    again = Interval.restored(orjson.loads(kept))
    for each in (interval, again):
        each.add(Stratum(3, 20, 1, 90))
    assert again.bounds == interval.bounds
    assert again.state() == interval.state()
    assert orjson.dumps(state) == kept
    assert len(kept) < 500
