"""The lane of latency: against stable's own past, within the tolerance, and never by what a second says of itself."""

from math import log

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.analysis.assessment import Counted
from abreast.analysis.lanes import Limits
from abreast.analysis.latency_lane import LatencyLane
from abreast.analysis.tick import WAITING_S, Side, Tick

USUAL = {9000: 104, 15_000: 70, 24_000: 18, 40_000: 7, 90_000: 1}
"""Of two hundred requests: stable's q50, q90 and q99 lie at the ends of the buckets of 9.0, 24 and 40 ms."""


def scaled(latencies: dict[int, int], factor: float) -> dict[int, int]:
    return {int(bound * factor): count for bound, count in latencies.items()}


def side(latencies: dict[int, int], waiting: int = 0, ages: int = len(WAITING_S)) -> Side:
    counts = (waiting,) * ages + (0,) * (len(WAITING_S) - ages)
    return Side(sum(latencies.values()), 0, latencies, counts)


def run(lane: LatencyLane, seconds: int, candidate: Side, stable: Side, at: int = 0) -> int:
    for second in range(at, at + seconds):
        lane.add(Tick(second, candidate, stable))
    return at + seconds


def learned(limits: Limits | None = None) -> tuple[LatencyLane, int]:
    """A lane that knows stable's past, with the candidate as fast."""
    lane = LatencyLane(limits or Limits(), 0.1)
    return lane, run(lane, 40, side(USUAL), side(USUAL))


def test_edges_are_stable_s_quantiles_and_slower_ones_of_both_are_counted() -> None:
    lane, _ = learned()
    known = lane.evidence()
    assert [(each.quantile, each.edge_us) for each in known.quantiles] == [(0.5, 9100), (0.9, 25_000), (0.99, 41_000)]
    assert known.quantiles[2].attempt == Counted(20, 4000, 20, 4000)
    assert known.quantiles[0].attempt == Counted(1920, 4000, 1920, 4000)


@pytest.mark.parametrize("last", [{9000: 100}, {500_000: 10_000}, {}])
def test_no_second_has_a_say_in_its_own_edges(last: dict[int, int]) -> None:
    """Also not the one that begins a window: the edges come from what was before it."""
    lane, at = learned()
    before = [each.edge_us for each in lane.evidence().quantiles]
    run(lane, 1, side({}), side(last), at)
    assert [each.edge_us for each in lane.evidence().quantiles] == before


def test_edges_stay_for_a_window_and_follow_stable_afterwards() -> None:
    lane, at = learned()
    at = run(lane, 19, side({}), side({bound * 10: 20 * many for bound, many in USUAL.items()}), at)
    assert lane.evidence().quantiles[0].edge_us == 9100
    at = run(lane, 1, side({}), side(USUAL), at)
    run(lane, 1, side({}), side(USUAL), at)
    assert [each.edge_us for each in lane.evidence().quantiles] == [91_000, 250_000, 410_000]


def test_before_stable_has_a_past_nothing_is_said() -> None:
    lane = LatencyLane(Limits(), 0.1)
    run(lane, 60, side({900_000: 5}), side({9000: 3}))
    known = lane.evidence()
    assert [each.edge_us for each in known.quantiles] == [0, 0, 0]
    assert known.quantiles[0].attempt == Counted()
    assert not lane.proven_worse
    assert not lane.proven_fine


def test_where_little_is_left_of_stable_s_traffic_its_last_edges_stay() -> None:
    """At the last steps stable answers few: the candidate must not be unwatched then."""
    lane, at = learned()
    for window in range(30):
        run(lane, 3, side({90_000: 1}), side({9000: 1}), at + 3600 + 20 * window)
    known = lane.evidence()
    assert known.quantiles[2].edge_us == 41_000
    assert sum(lane.state()["past"].values()) < 200
    assert lane.proven_worse


@pytest.mark.parametrize(("factor", "worse", "fine"), [(1.0, False, True), (1.15, False, True), (3.0, True, False)])
def test_slower_than_the_tolerance_is_worse_and_within_it_is_fine(factor: float, *, worse: bool, fine: bool) -> None:
    lane, at = learned()
    lane.begin(0.1)
    run(lane, 400, side(scaled(USUAL, factor)), side(USUAL), at)
    assert (lane.proven_worse, lane.proven_fine) == (worse, fine)


def test_the_tolerance_is_the_policy_s() -> None:
    wide, at = learned(Limits(tolerance=3.0))
    run(wide, 400, side(scaled(USUAL, 3.0)), side(USUAL), at)
    assert not wide.proven_worse


def test_a_candidate_in_the_bucket_that_its_edge_cuts_is_neither_worse_nor_fine() -> None:
    """Its edge at q50 is 10.92 ms, so 10 ms to 11 ms are slower in part: nothing can be said either way."""
    lane, at = learned()
    lane.begin(1.0)
    run(lane, 400, side({10_000: 100}), side({9000: 52, 15_000: 48}), at)
    median = lane.evidence().quantiles[0]
    assert median.step.bad_c == 0, "surely slow is none"
    assert not median.fine.proven, "maybe slow are all"
    lane.begin(1.0)
    run(lane, 400, side({9900: 100}), side({9000: 52, 15_000: 48}), at + 400)
    assert lane.evidence().quantiles[0].fine.proven


def test_only_the_tail_slower_is_worse_too() -> None:
    """p99 doubled, and nothing else."""
    lane, at = learned()
    lane.begin(1.0)
    run(lane, 400, side({**USUAL, 40_000: 0, 80_000: 7}), side(USUAL), at)
    assert lane.proven_worse
    assert not lane.proven_fine


def test_a_hung_candidate_is_slow_long_before_its_time_outs() -> None:
    """20 requests a second, none is ever answered; what waits is all there is, and it is enough."""
    lane, at = learned()
    before = lane.evidence()
    for second in range(120):
        ages = tuple(max(0, int(20 * (second + 1 - age_s))) for age_s in WAITING_S)
        lane.add(Tick(at + second, Side(waiting=ages), side(USUAL)))
        if second == 3:
            after = lane.evidence()
            was, now = before.quantiles[0].attempt, after.quantiles[0].attempt
            assert (now.bad_c - was.bad_c, now.seen_c - was.seen_c) == (75, 75)
            assert after.worse.log_e > before.worse.log_e + 1
    assert lane.proven_worse


def test_connections_kept_open_on_both_say_nothing_however_their_number_is_seen() -> None:
    """Long polls, ten of the candidate's and two hundred of stable's; how many are old is only known as "at least"."""
    lane, at = learned()
    before = lane.evidence().quantiles[2].attempt
    for second in range(300):
        seen_c, seen_s = 10 - second % 4, 200 - second % 3
        lane.add(Tick(at + second, side({9000: 5}, seen_c), side({9000: 95}, seen_s)))
    after = lane.evidence().quantiles[2].attempt
    assert (after.bad_c - before.bad_c, after.bad_s - before.bad_s) == (10, 200)
    assert not lane.proven_worse


def test_requests_that_waited_through_the_warming_up_are_excused_when_they_end() -> None:
    lane, at = learned()
    before = lane.evidence().quantiles[0].attempt
    lane.add(Tick(at, side({}, 7, ages=2), side(USUAL), warming=True))
    lane.add(Tick(at + 1, side({900_000: 7}), side(USUAL)))
    after = lane.evidence().quantiles[0].attempt
    assert (after.bad_c, after.seen_c) == (before.bad_c, before.seen_c)


def test_a_clock_that_is_set_back_does_not_make_the_past_grow() -> None:
    lane, at = learned()
    run(lane, 5, side(USUAL), side(USUAL), at + 1_000_000)
    run(lane, 5, side(USUAL), side(USUAL), at)
    assert sum(lane.state()["past"].values()) <= 2000


def test_the_peak_is_the_highest_average_that_there_was() -> None:
    lane = LatencyLane(Limits(), 0.1)
    at = run(lane, 40, side({}), side(USUAL))
    lane.begin(0.1)
    highest = log(0.5)
    for second in range(180):
        factor = 2.0 if second % 60 < 20 else 1.0
        at = run(lane, 1, side(scaled(USUAL, factor)), side({bound: 9 * many for bound, many in USUAL.items()}), at)
        known = lane.evidence().worse
        highest = max(highest, known.log_e)
        assert known.peak == pytest.approx(highest, abs=1e-9)
    assert highest > 1
    assert lane.evidence().worse.log_e < highest - 1


rates = st.lists(st.sampled_from([{}, {9000: 5}, {24_000: 3, 300_000: 1}, USUAL]), min_size=1, max_size=5)


@given(rates, rates, st.integers(0, 60), st.integers(0, 5))
@settings(deadline=None, max_examples=40)
def test_saved_and_loaded_anywhere_it_goes_on_as_if_nothing_had_been(
    candidate: list[dict[int, int]], stable: list[dict[int, int]], cut: int, waiting: int
) -> None:
    lane, other = LatencyLane(Limits(), 0.1), LatencyLane(Limits(), 0.1)
    for second in range(60):
        if second == cut:
            state = orjson.loads(orjson.dumps(other.state()))
            other = LatencyLane(Limits(), 0.1)
            other.restore(state)
        ours, theirs = candidate[second % len(candidate)], stable[second % len(stable)]
        for each in (lane, other):
            each.add(Tick(second, side(ours, waiting * second % 7, ages=3), side(theirs), warming=second % 9 == 0))
    assert other.evidence() == lane.evidence()
    assert other.state() == lane.state()
