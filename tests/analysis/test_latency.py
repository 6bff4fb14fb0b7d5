"""Who is slow: edges at bucket borders, and each request counted once, however its waiting was seen."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.analysis.latency import ENOUGH, HALF_LIFE_S, Edge, Past, Slow, Waiting, top
from abreast.analysis.tick import WAITING_S, Side


def bucket(us: int) -> int:
    """The lower bound of the bucket that Envoy counts a latency in: its first two digits."""
    text = str(us)
    return int(text[:2].ljust(len(text), "0"))


@given(st.integers(0, 10**9))
def test_a_bucket_ends_where_the_next_begins(us: int) -> None:
    bound = bucket(us)
    assert bound <= us < top(bound)
    assert bucket(top(bound)) == top(bound)
    assert top(bound) - bound <= max(1, bound / 10)


@given(st.integers(1, 10**8), st.integers(1, 10**8))
def test_an_edge_is_rounded_up_for_surely_slow_and_down_for_maybe_slow(edge_us: int, us: int) -> None:
    edge, bound = Edge.at(edge_us), bucket(us)
    surely, maybe = bound >= edge.surely_us, bound >= edge.maybe_us
    assert surely == (bound >= edge_us), "all of its bucket is at the edge or above"
    assert maybe == (top(bound) > edge_us), "something of its bucket is"


@pytest.mark.parametrize(
    ("edge_us", "surely_us", "maybe_us"),
    [
        (120, 120, 120),
        (125, 130, 120),
        (13.2, 14, 13),
        (1000, 1000, 1000),
        (995, 1000, 990),
        (0, 0, 0),
        (264e3, 27e4, 26e4),
    ],
)
def test_edges(edge_us: float, surely_us: int, maybe_us: int) -> None:
    edge = Edge.at(edge_us)
    assert (edge.surely_us, edge.maybe_us) == (surely_us, maybe_us)


@pytest.mark.parametrize(
    ("edge_us", "age_s"), [(900, 0.25), (250_000, 0.25), (250_001, 0.5), (3e6, 4.0), (64e6, 64.0), (65e6, None)]
)
def test_the_age_that_counts_is_the_first_that_is_surely_slow(edge_us: float, age_s: float | None) -> None:
    age = Edge.at(edge_us).age
    assert (None if age is None else WAITING_S[age]) == age_s


def past_of(latencies: dict[int, int]) -> Past:
    past = Past()
    past.add(latencies)
    return past


def test_quantiles_lie_at_the_end_of_their_bucket() -> None:
    past = past_of({1000: 500, 2000: 400, 5000: 90, 9900: 10})
    assert past.edges() == (1100, 2100, 5100)
    past.add({1000: 2})
    assert past.edges() == (1100, 2100, 5100)
    past.add({9900: 1})
    assert past.edges() == (1100, 5100, 10_000)


@given(st.dictionaries(st.integers(1, 10**7).map(bucket), st.integers(1, 500), min_size=1, max_size=12))
def test_of_stable_s_past_no_more_than_its_part_is_slower_than_each_quantile(latencies: dict[int, int]) -> None:
    edges, total = past_of(latencies).edges(), sum(latencies.values())
    if total < ENOUGH:
        assert edges is None
        return
    assert edges is not None
    for quantile, edge_us in zip((0.5, 0.9, 0.99), edges, strict=True):
        slower = sum(count for bound, count in latencies.items() if bound >= edge_us)
        with_its_bucket = sum(count for bound, count in latencies.items() if top(bound) >= edge_us)
        assert slower <= (1 - quantile) * total + 1e-9 <= with_its_bucket + 2e-9
    assert all(low <= high for low, high in pairwise(edges))


def test_too_little_is_no_past() -> None:
    assert Past().edges() is None
    assert past_of({1000: ENOUGH - 1}).edges() is None
    assert past_of({1000: ENOUGH}).edges() == (1100, 1100, 1100)


def test_the_past_fades() -> None:
    past = past_of({1000: 400})
    past.age(HALF_LIFE_S)
    past.add({2000: 210})
    assert past.edges() == (2100, 2100, 2100)
    past.age(40 * HALF_LIFE_S)
    assert past.state() == {}
    assert past.edges() is None


def test_a_past_through_json_and_back() -> None:
    past = past_of({1000: 400, 90: 7})
    past.age(17)
    again = Past.restored(orjson.loads(orjson.dumps(past.state())))
    for each in (past, again):
        each.add({1000: 3, 40: 600})
        each.age(20)
    assert again.state() == past.state()
    assert again.edges() == past.edges() == (41, 1100, 1100)


# --- requests, one by one -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """``silent``: it ends without a latency, as resets and time-outs do."""

    start_us: int
    takes_us: int
    silent: bool = False

    @property
    def end_us(self) -> int:
        return self.start_us + self.takes_us


def sides(requests: list[Request], unseen: list[int]) -> list[Side]:
    """What each second shows of the requests. ``unseen``: by how much waiting ones are under-counted, second by second.

    The gateway does not tell ages: those in flight that cannot have started lately are all it knows of.
    """
    shown = []
    for second in range(max((each.end_us for each in requests), default=0) // 1_000_000 + 2):
        begin_us, end_us = second * 1_000_000, (second + 1) * 1_000_000
        ended = [each for each in requests if begin_us <= each.end_us < end_us]
        ages = sorted(end_us - each.start_us for each in requests if each.start_us < end_us <= each.end_us)
        older = [len(ages) - bisect_right(ages, age_s * 1e6) for age_s in WAITING_S]
        less = unseen[second % len(unseen)] if unseen else 0
        latencies = Counter(bucket(each.takes_us) for each in ended if not each.silent)
        shown.append(Side(len(ended), 0, latencies, tuple(max(0, count - less) for count in older)))
    return shown


def counted(shown: list[Side], edge: Edge, waiting: Waiting | None = None) -> list[Slow]:
    waiting = waiting or Waiting(0)
    return [waiting.slow(side, edge) for side in shown]


def total(slows: list[Slow]) -> tuple[int, int, int]:
    return sum(each.surely for each in slows), sum(each.maybe for each in slows), sum(each.seen for each in slows)


loud = st.builds(Request, st.integers(0, 6_000_000), st.one_of(st.integers(1, 900_000), st.integers(1, 70_000_000)))
edges_us = st.sampled_from([900, 240_000, 250_000, 255_000, 400_000, 1_200_000, 30_000_000, 66_000_000])


@given(st.lists(loud, max_size=40), edges_us, st.lists(st.integers(0, 5), max_size=7))
@settings(deadline=None)
def test_each_request_is_counted_exactly_once_however_its_waiting_is_seen(
    requests: list[Request], edge_us: int, unseen: list[int]
) -> None:
    edge = Edge.at(edge_us)
    slows = counted(sides(requests, unseen), edge)
    assert total(slows) == (
        sum(bucket(each.takes_us) >= edge_us for each in requests),
        sum(top(bucket(each.takes_us)) > edge_us for each in requests),
        len(requests),
    )


@given(st.lists(loud, max_size=40), edges_us, st.lists(st.integers(0, 5), max_size=7))
@settings(deadline=None)
def test_at_no_time_are_more_counted_than_are_slow(requests: list[Request], edge_us: int, unseen: list[int]) -> None:
    slows = counted(sides(requests, unseen), Edge.at(edge_us))
    for second, slow in enumerate(slows):
        assert 0 <= slow.surely <= slow.maybe <= slow.seen
        now_us = (second + 1) * 1_000_000
        surely, _, seen = total(slows[: second + 1])
        assert surely <= sum(min(each.takes_us, now_us - each.start_us) >= edge_us for each in requests)
        assert seen <= sum(each.start_us < now_us for each in requests)


@given(st.lists(st.builds(Request, st.integers(0, 6_000_000), st.integers(1, 9_000_000), st.booleans()), max_size=40))
@settings(deadline=None)
def test_requests_that_end_without_a_latency_are_counted_if_they_were_seen_to_wait_and_forgotten_then(
    requests: list[Request],
) -> None:
    """Of those, and only of those, some may be missed or counted as one of their like: never more than there were."""
    waiting, edge = Waiting(0), Edge.at(250_000)
    surely, _, seen = total(counted(sides(requests, []), edge, waiting))
    silent = sum(each.silent for each in requests)
    slow = sum(each.takes_us >= edge.surely_us for each in requests if not each.silent)
    assert slow - silent <= surely <= slow + silent
    assert seen <= len(requests)


def test_after_time_outs_the_next_ones_that_hang_are_seen_again() -> None:
    """Ten hang and time out; ten more do: all twenty were slow, and nothing is remembered of them."""
    requests = [Request(second * 1_000_000, 3_000_000, silent=True) for second in (0, 5) for _ in range(10)]
    waiting = Waiting(0)
    assert total(counted(sides(requests, []), Edge.at(100_000), waiting)) == (20, 20, 20)
    assert waiting.counted == 0


def test_a_number_that_falls_and_rises_while_the_same_requests_wait_counts_them_once() -> None:
    """Long polls: ten in flight for good, seen as at least 10, 7, 10, 4, 10… of them."""
    waiting, edge = Waiting(0), Edge.at(100_000)
    fresh = [waiting.slow(Side(5, 0, {900: 5}, (seen,) * 9), edge).surely for seen in (10, 7, 10, 4, 10, 0, 10)]
    assert fresh == [10, 0, 0, 0, 0, 0, 0]


def test_those_in_flight_when_counting_began_are_left_out() -> None:
    """Nothing says when they came; a version that has kept connections open for days is not slow."""
    waiting, edge = Waiting(), Edge.at(100_000)
    assert waiting.slow(Side(5, 0, {900: 5}, (300,) * 9), edge) == Slow(0, 0, 5)
    assert waiting.slow(Side(5, 0, {900: 5}, (302,) * 9), edge) == Slow(2, 2, 7)
    assert waiting.slow(Side(6, 0, {900: 5, 9_000_000: 1}, (301,) * 9), edge) == Slow(0, 0, 5)


def test_a_hung_version_is_slow_long_before_its_time_outs() -> None:
    requests = [Request(n * 100_000, 15_000_000, silent=True) for n in range(150)]
    slows = counted(sides(requests, []), Edge.at(20_000))
    assert slows[0].surely == 8  # those of the first 750 ms
    assert total(slows[:5])[0] == 48
    assert all(each.seen == each.surely for each in slows)


def test_an_edge_beyond_all_ages_waits_for_the_end() -> None:
    requests = [Request(0, 70_000_000)]
    slows = counted(sides(requests, []), Edge.at(66_000_000))
    assert [second for second, slow in enumerate(slows) if slow.surely] == [70]
