"""Whole seconds, made of readings at any times."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.analysis.tick import WAITING_S, Side
from abreast.envoy.counts import EnvoyCounts, Totals
from abreast.envoy.seconds import KEPT_S, Seconds
from abreast.ports import Latencies, VersionCounts
from tests.fakes.clock import FakeClock

BEGIN = 1000.0


class Readings:
    """Seconds, read by a test; ``old`` says how many of a version's requests are older than an age."""

    def __init__(self) -> None:
        self.old: dict[str, dict[float, int]] = {}
        self.seconds = Seconds(lambda version, age_s: self.old.get(version, {}).get(age_s, 0))

    def read(self, at: float, requests: int = 0, bad: int = 0, *, version: str = "v2", in_flight: int = 0) -> None:
        """A reading at that time, with what came since the one before."""
        codes = {code: count for code, count in ((200, requests - bad), (500, bad)) if count}
        latencies = Latencies({5000: requests} if requests else {})
        self.seconds.begin(at)
        self.seconds.add(version, VersionCounts(codes, latencies, in_flight))

    def told(self, since: float = 0.0, version: str = "v2") -> list[tuple[float, int, int]]:
        """End, requests and errors of each second after ``since``."""
        return [(at, sides[version].requests, sides[version].errors) for at, sides in self.seconds.since(since)]


@pytest.fixture
def readings() -> Readings:
    return Readings()


def test_readings_of_one_second_are_one(readings: Readings) -> None:
    for at, bad in ((1000.1, 0), (1000.4, 1), (1000.9, 2)):
        readings.read(at, 10, bad)
    assert readings.told() == [], "it is not over"
    readings.read(1001.2, 100)
    assert readings.told() == [(1001.0, 30, 3)]
    [(_, sides)] = readings.seconds.since(0.0)
    assert sides["v2"].latencies == {5000: 30}


def test_a_second_without_a_reading_is_no_second_and_what_it_held_comes_with_the_next(readings: Readings) -> None:
    readings.read(1000.5, 1)
    readings.read(1004.5, 2)
    readings.read(1005.5, 3)
    assert readings.told() == [(1001.0, 1, 0), (1005.0, 2, 0)]


def test_only_what_ended_later_is_told(readings: Readings) -> None:
    for second in range(5):
        readings.read(BEGIN + second, second)
    assert [at for at, *_ in readings.told(1002.0)] == [1003.0, 1004.0]
    assert [at for at, *_ in readings.told(1001.9)] == [1002.0, 1003.0, 1004.0]
    assert readings.told(1004.0) == []


def test_versions_keep_apart(readings: Readings) -> None:
    readings.read(1000.0, 5)
    readings.read(1000.2, 7, 1, version="v1")
    readings.read(1001.0)
    assert readings.told() == [(1001.0, 5, 0)]
    assert readings.told(version="v1") == [(1001.0, 7, 1)]


def test_a_version_that_did_nothing_is_there_with_nothing(readings: Readings) -> None:
    readings.read(1000.0)
    readings.read(1001.0)
    [(_, sides)] = readings.seconds.since(0.0)
    assert sides == {"v2": Side()}


def test_what_waits_is_asked_for_as_it_was_when_the_second_ended(readings: Readings) -> None:
    readings.read(1000.2, in_flight=9)
    readings.read(1000.7, in_flight=4)
    readings.old["v2"] = {0.25: 4, 0.5: 3, 1.0: 1}
    readings.read(1001.1, 4)
    readings.old["v2"] = {0.25: 50}
    readings.read(1002.1)
    first, second = (sides["v2"] for _, sides in readings.seconds.since(0.0))
    assert first.waiting == (4, 3, 1, 0, 0, 0, 0, 0, 0)
    assert second.waiting == Side().waiting, "nothing is in flight any more, whatever is remembered"


def test_what_nobody_asks_for_is_forgotten(readings: Readings) -> None:
    for second in range(int(3 * KEPT_S)):
        readings.read(BEGIN + second, 1)
    now = BEGIN + 3 * KEPT_S - 1
    ends = [at for at, *_ in readings.told()]
    assert ends == [now - KEPT_S + each for each in range(int(KEPT_S) + 1)]


def test_after_a_long_sleep_it_goes_on(readings: Readings) -> None:
    readings.read(1000.0, 1)
    readings.read(1000.0 + 10 * KEPT_S, 2)
    assert readings.told() == [], "older than anybody asks for"
    readings.read(1001.0 + 10 * KEPT_S)
    assert readings.told() == [(1001.0 + 10 * KEPT_S, 2, 0)]


def test_a_clock_that_trembles_at_a_border_makes_no_second_twice(readings: Readings) -> None:
    for at, requests in ((1000.9, 1), (1001.01, 10), (1000.99, 100), (1001.2, 1000), (1002.0, 0)):
        readings.read(at, requests)
    assert readings.told() == [(1001.0, 1, 0), (1002.0, 1110, 0)]


def test_a_clock_that_was_set_back_tells_no_second_twice_and_loses_none(readings: Readings) -> None:
    for at in (1000.0, 1001.0, 1002.0, 1003.0):
        readings.read(at, 1)
    asked = readings.told()
    readings.read(990.5, 7)
    readings.read(991.5, 8)
    readings.read(992.5)
    assert asked == [(1001.0, 1, 0), (1002.0, 1, 0), (1003.0, 1, 0)]
    # The last one before it was set back was not over: it is told with the first one after.
    assert readings.told(990.0) == [(991.0, 8, 0), (992.0, 8, 0)]


times = st.lists(st.tuples(st.floats(0.01, 3.0), st.integers(0, 50)), min_size=1, max_size=60)
"""Seconds since the reading before, and what came meanwhile."""


@given(times)
@settings(deadline=None)
def test_nothing_is_lost_nor_told_twice_however_it_is_read(steps: list[tuple[float, int]]) -> None:
    readings, now, asked_until, got = Readings(), BEGIN, 0.0, 0
    for pause_s, requests in steps:
        now += pause_s
        readings.read(now, requests)
        for at, seen, _ in readings.told(asked_until):
            assert asked_until < at <= now
            assert at == int(at)
            asked_until, got = at, got + seen
    readings.read(now + 1.0)
    got += sum(seen for _, seen, _ in readings.told(asked_until))
    assert got == sum(requests for _, requests in steps)


def test_each_second_is_handed_in_once_by_its_number(readings: Readings) -> None:
    for second in range(4):
        readings.read(BEGIN + second, second, in_flight=1)
        readings.seconds.add_users({200: second})
    first, *rest = readings.seconds.finished("b", 0)
    assert [(each.number, each.at) for each in (first, *rest)] == [(1, 1001.0), (2, 1002.0), (3, 1003.0)]
    assert [(each.number, each.node) for each in readings.seconds.finished("b", 2)] == [(3, "b")]
    assert list(readings.seconds.finished("b", 3)) == []
    assert [each.users for each in rest] == [{200: 1}, {200: 2}]
    assert rest[1].versions["v2"].counts == VersionCounts({200: 2}, Latencies({5000: 2}), 1)
    assert [each.sides for each in (first, *rest)] == [sides for _, sides in readings.seconds.since(0.0)]


def test_numbers_go_on_where_a_clock_was_set_back(readings: Readings) -> None:
    for at in (1000.0, 1001.0, 1002.0, 990.0, 991.0):
        readings.read(at, 1)
    assert [(each.number, each.at) for each in readings.seconds.finished("b", 2)] == [(3, 991.0)]


def test_a_second_of_an_envoy_says_what_users_got_and_when_the_last_request_began() -> None:
    clock = FakeClock(BEGIN)
    counts = EnvoyCounts(clock)
    for total, bad in ((4, 0), (9, 2), (9, 2)):
        clock.time += 1.0
        codes = {"v2": {200: total - bad, 503: bad}}
        counts.feed("gateway-1.0", Totals(codes, codes))
    first, second = counts.finished("b")
    assert (first.since, first.users, second.users) == (BEGIN, {200: 4}, {200: 3, 503: 2})
    assert [each.versions["v2"].last_request_at for each in (first, second)] == [BEGIN + 1, BEGIN + 2]
    assert second.versions["v2"].counts.codes == {200: 3, 503: 2}


def test_hung_requests_of_an_envoy_are_in_its_seconds() -> None:
    clock = FakeClock(BEGIN)
    counts = EnvoyCounts(clock)
    for _ in range(5):
        clock.time += 1.0
        counts.feed("gateway-1.0", Totals({"v2": {200: 0}}, in_flight={"v2": 6}))
    ages = [tuple(sides["v2"].waiting) for _, sides in counts.seconds(BEGIN)]
    older = [dict(zip(WAITING_S, each, strict=True)) for each in ages]
    assert [each[1.0] for each in older] == [0, 6, 6, 6], "they had begun by the first reading"
    assert [each[2.0] for each in older] == [0, 0, 6, 6]
    assert [each[4.0] for each in older] == [0, 0, 0, 0]
    assert all(each[64.0] == 0 for each in older)
