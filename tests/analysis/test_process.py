"""Processes: no window is worth more than its cap, stakes come in time, proofs stay. Fairness: test_fairness.py."""

from dataclasses import replace
from itertools import pairwise
from math import exp, log
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.analysis.eprocess import OK_BETS, WORSE_BETS, Evidence
from abreast.analysis.process import CHANGES_STAKE, FIRST_STAKE, WINDOWS_STAKE, Process, Stakes, Stratum
from abreast.analysis.process import Test as Design

WORSE = Design(WORSE_BETS, 1.1, 0.0005, 0.004, 10.0, 3, share_cap=True, stakes=Stakes(5, 2160))
PLAIN = replace(WORSE, share_cap=False, stakes=None)
OK = Design(OK_BETS, 1.25, 0.025, 0.05, 10.0, 3)

Step = tuple[str, float, Stratum]

strata = st.builds(
    lambda good_c, bad_c, good_s, bad_s: Stratum(bad_c, good_c + bad_c, bad_s, good_s + bad_s),
    *[st.integers(0, 30)] * 4,
)
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(st.sampled_from(["tick", "tick", "tick", "change"]), st.sampled_from([0.0, 1.0, 4.0, 25.0]), strata),
    max_size=25,
)


def run(process: Process, course: list[Step], at: float = 0.0) -> list[float]:
    """What the evidence was after each step."""
    seen = []
    for kind, gap_s, stratum in course:
        at += gap_s
        if kind == "change":
            process.changed()
        else:
            process.add(at, stratum)
        seen.append(process.log_e)
    return seen


def copied(process: Process) -> Process:
    """Another one in the same state."""
    return Process.restored(process.test, process.state())


def test_within_one_window_and_without_a_cap_it_is_the_plain_e_process() -> None:
    process = Process(replace(PLAIN, parts=0.001))
    evidence = Evidence.of(WORSE_BETS)
    for second, stratum in enumerate([Stratum(1, 5, 2, 95), Stratum(0, 7, 1, 80), Stratum(3, 3, 0, 2)]):
        process.add(second, stratum)
        evidence = evidence.after(*stratum, rho=1.1, delta=0.0005)
        assert process.log_e == pytest.approx(evidence.log_e, abs=1e-12)


@given(steps)
@settings(deadline=None, max_examples=100)
def test_caps_only_ever_lower_evidence(course: list[Step]) -> None:
    for test in (WORSE, replace(OK, stakes=Stakes(2, 4))):
        free = run(Process(replace(test, parts=1e-6, share_cap=False)), course)
        loose = run(Process(replace(test, share_cap=False)), course)
        tight = run(Process(replace(test, share_cap=True)), course)
        assert all(max(one, two) <= three + 1e-9 for one, two, three in zip(tight, loose, free, strict=True))


@given(steps)
@settings(deadline=None, max_examples=100)
def test_peaks_stay_and_are_what_was_seen(course: list[Step]) -> None:
    process, highest = Process(WORSE), Process(WORSE).log_e
    for step in course:
        at = process.state()["window"]
        run(process, [step], at=10.0 * (at or 0))
        if step[0] == "tick":
            highest = max(highest, process.log_e)
        assert process.peak >= highest - 1e-9
        assert process.ceiling >= process.log_e - 1e-12
    before = process.peak
    for second in range(50):
        process.add(1e6 + second, Stratum(0, 5, 95, 95))
    assert process.peak == before
    assert process.log_e < before


def test_a_proof_does_not_go_away() -> None:
    process = Process(PLAIN)
    for second in range(60):
        process.add(second, Stratum(5, 5, 0, 95))
    assert process.proven
    for second in range(60, 600):
        process.add(second, Stratum(0, 5, 95, 95))
    assert process.log_e < 0
    assert process.proven


def burst(process: Process, begin: float, end: float, stratum: Stratum) -> float:
    """How much evidence a burst adds, second by second; a healthy second in the window after it closes that."""
    before = process.log_e
    second = begin
    while second < end:
        process.add(second, stratum)
        second += 1
    return process.log_e - before


@pytest.mark.parametrize("parts", [3, 5])
def test_one_window_adds_its_part_of_the_proof_and_no_more(parts: float) -> None:
    process = Process(replace(PLAIN, parts=parts))
    assert burst(process, 10, 20, Stratum(50, 50, 0, 50)) == pytest.approx(PLAIN.needed / parts)
    assert burst(process, 20, 30, Stratum(50, 50, 0, 50)) == pytest.approx(PLAIN.needed / parts)
    assert not process.proven


def test_a_window_is_worth_no_more_than_the_odds_that_one_burst_fell_on_the_candidate() -> None:
    process = Process(replace(WORSE, stakes=None))
    assert burst(process, 10, 20, Stratum(50, 50, 0, 50)) == pytest.approx(log(2))
    assert burst(process, 20, 30, Stratum(90, 90, 0, 10)) == pytest.approx(log(100 / 90))
    assert burst(process, 30, 40, Stratum(1, 1, 0, 99)) == pytest.approx(WORSE.needed / 3)


def test_windows_close_at_their_borders_wherever_they_began() -> None:
    process = Process(PLAIN)
    third = PLAIN.needed / 3
    assert burst(process, 17, 20, Stratum(50, 50, 0, 50)) == pytest.approx(third)
    assert burst(process, 20, 21, Stratum(50, 50, 0, 50)) == pytest.approx(third)
    process.add(987_654.0, Stratum(0, 0, 0, 50))
    assert burst(process, 987_655, 987_656, Stratum(50, 50, 0, 50)) == pytest.approx(third)


def test_losses_have_no_cap() -> None:
    process = Process(PLAIN)
    for second in range(10):
        process.add(second, Stratum(0, 50, 50, 50))
    assert process.log_e < -50


def test_a_weight_change_makes_no_two_windows_of_one() -> None:
    """Whatever the change does to the stakes, bets that were in before gain a window's cap and no more."""
    whole, cut = Process(replace(WORSE, stakes=Stakes(4, 2160))), Process(replace(WORSE, stakes=Stakes(4, 2160)))
    for process in (whole, cut):
        for second in range(10, 14):
            process.add(second, Stratum(5, 5, 0, 95))
        if process is cut:
            process.changed()
        for second in range(14, 20):
            process.add(second, Stratum(5, 5, 0, 95))
    fresh = 0.25 / 4
    assert exp(cut.log_e) <= exp(whole.log_e) + fresh + 1e-9
    assert exp(cut.log_e) >= exp(whole.log_e) + fresh - 1e-9
    assert burst(cut, 20, 21, Stratum(50, 50, 0, 950)) == pytest.approx(WORSE.needed / 3, rel=1e-3)


def test_what_is_left_of_a_cut_window_s_cap_may_be_gained_after_the_cut() -> None:
    process = Process(replace(WORSE, stakes=Stakes(4, 2160), share_cap=False))
    process.add(10, Stratum(0, 5, 1, 95))
    process.changed()
    assert burst(process, 11, 20, Stratum(50, 50, 0, 50)) == pytest.approx(WORSE.needed / 3)


@pytest.mark.parametrize(("back_s", "windows"), [(1.0, 2), (10.0, 2), (3600.0, 3)])
def test_a_clock_that_trembles_at_a_border_makes_no_more_windows_and_one_that_is_set_back_goes_on(
    back_s: float, windows: int
) -> None:
    """Were a window far ahead kept, nothing could be proven before the time is reached again."""
    process = Process(PLAIN)
    before = process.log_e
    for at in (3599.5, 3600.0, 3600.5 - back_s, 3601.0 - back_s):
        process.add(at, Stratum(50, 50, 0, 50))
    assert process.log_e - before == pytest.approx(windows * PLAIN.needed / 3)
    for window in range(5):
        process.add(3601.0 - back_s + 10 * window, Stratum(50, 50, 0, 50))
    assert process.proven


def stakes_of(process: Process) -> float:
    """All that was put in, where nothing was ever said."""
    return sum(exp(a) for a in process.state()["a"])


def test_fresh_stakes_come_with_windows_and_changes_and_never_exceed_1() -> None:
    process = Process(replace(WORSE, stakes=Stakes(2, 4)))
    nothing = Stratum(0, 0, 0, 5)
    process.add(5, nothing)
    assert stakes_of(process) == pytest.approx(0.5)
    process.changed()
    assert stakes_of(process) == pytest.approx(0.625)
    process.add(15, nothing)
    assert stakes_of(process) == pytest.approx(0.6875)
    process.add(35, nothing)  # two windows at once
    assert stakes_of(process) == pytest.approx(0.8125)
    for round_ in range(50):
        process.changed()
        process.add(45 + 10 * round_, nothing)
        assert stakes_of(process) <= 1 + 1e-12
    assert stakes_of(process) == pytest.approx(1.0)
    assert process.log_e == pytest.approx(0.0)
    assert pytest.approx(1.0) == FIRST_STAKE + CHANGES_STAKE + WINDOWS_STAKE


def test_a_clock_that_is_set_back_puts_no_stake_in() -> None:
    process = Process(replace(WORSE, stakes=Stakes(2, 4)))
    for at in (5000, 3000, 1000):
        process.add(at, Stratum(0, 0, 0, 5))
    assert stakes_of(process) == pytest.approx(0.5)


def test_where_all_is_staked_at_the_start_changes_add_nothing() -> None:
    process = Process(OK)
    process.add(1, Stratum(0, 50, 0, 50))
    before = process.state()
    process.changed()
    assert process.state() == before
    assert stakes_of(process) == pytest.approx(1.0)


def seconds_to_proof(test: Design, healthy_s: int, *, change: bool) -> int:
    """How long a late regression, 5 of 100 requests bad, lasts until it is proven."""
    process = Process(test)
    for second in range(healthy_s):
        process.add(second, Stratum(0, 100, second % 2, 100))
    if change:
        process.changed()
    for second in range(healthy_s, healthy_s + 5000):
        process.add(second, Stratum(5, 100, 0, 100))
        if process.proven:
            return second - healthy_s
    return 5000


def test_a_late_regression_after_a_long_healthy_past_is_found_much_sooner_with_fresh_stakes() -> None:
    fresh, stale = replace(WORSE, share_cap=False), PLAIN
    at_once = seconds_to_proof(fresh, 0, change=False)
    late = seconds_to_proof(fresh, 3600, change=False)
    after_change = seconds_to_proof(fresh, 3600, change=True)
    assert at_once <= after_change < late <= at_once + 90
    assert seconds_to_proof(stale, 3600, change=True) > 5 * late


@given(steps, st.integers(0, 25))
@settings(deadline=None, max_examples=100)
def test_saved_and_loaded_anywhere_it_goes_on_as_if_nothing_had_been(course: list[Step], cut: int) -> None:
    for test in (WORSE, OK):
        process, at = Process(test), 0.0
        other = Process(test)
        for place, (kind, gap_s, stratum) in enumerate(course):
            at += gap_s
            if place == cut:
                other = Process.restored(test, orjson.loads(orjson.dumps(other.state())))
            for each in (process, other):
                if kind == "change":
                    each.changed()
                else:
                    each.add(at, stratum)
        assert other.log_e == pytest.approx(process.log_e, abs=1e-12)
        assert other.state() == process.state()


def test_a_state_that_was_taken_does_not_change_any_more() -> None:
    process = Process(WORSE)
    process.add(3, Stratum(1, 5, 0, 95))
    state: dict[str, Any] = process.state()
    kept = orjson.dumps(state)
    for second in range(4, 40):
        process.add(second, Stratum(1, 5, 0, 95))
    assert orjson.dumps(state) == kept
    assert len(kept) < 500


@pytest.mark.parametrize("stratum", [Stratum(0, 0, 5, 10), Stratum(5, 10, 0, 0), Stratum(0, 0, 0, 0)])
def test_one_side_alone_says_nothing(stratum: Stratum) -> None:
    process = Process(PLAIN)
    process.add(1, Stratum(1, 9, 1, 80))
    before = process.log_e
    for second in range(2, 9):
        process.add(second, stratum)
    assert process.log_e == before


def test_evidence_against_grows_with_each_bad_one_of_the_candidate_s_and_falls_with_stable_s() -> None:
    logs = []
    for bad_c, bad_s in [(0, 2), (0, 1), (0, 0), (1, 0), (2, 0)]:
        process = Process(replace(PLAIN, parts=0.001))
        process.add(1, Stratum(bad_c, 10, bad_s, 10))
        logs.append(process.log_e)
    assert all(one < two for one, two in pairwise(logs))


def test_figures_of_any_size_overflow_nothing() -> None:
    for test in (WORSE, OK):
        process = Process(test)
        for second, stratum in enumerate(
            [Stratum(1e7, 1e7, 0, 1e7), Stratum(0, 1e7, 1e7, 1e7), Stratum(0, 1e-3, 0, 1e9)]
        ):
            process.add(second * 10, stratum)
            assert -1e9 < process.log_e < 1e3
