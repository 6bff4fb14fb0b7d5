"""Envoy's counts as counters and histograms."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.metrics.catalogue import BOUNDS_S, CLASSES, OUTCOMES
from abreast.metrics.traffic import class_of, histogram, outcome_of
from abreast.ports import Latencies, is_error
from tests.controller.stage import Stage
from tests.metrics.pages import scrape_of

DURATION = "abreast_request_duration_seconds"


@pytest.mark.parametrize(
    ("code", "outcome", "name"),
    [
        (0, "none", "none"),
        (101, "ok", "1xx"),
        (200, "ok", "2xx"),
        (304, "ok", "3xx"),
        (429, "ok", "4xx"),
        (500, "500", "5xx"),
        (501, "5xx", "5xx"),
        (502, "502", "5xx"),
        (503, "503", "5xx"),
        (504, "504", "5xx"),
        (599, "5xx", "5xx"),
        (999, "5xx", "none"),
    ],
)
def test_a_code_has_an_outcome_and_a_class(code: int, outcome: str, name: str) -> None:
    assert (outcome_of(code), class_of(code)) == (outcome, name)


@given(st.integers(0, 2000))
def test_outcomes_are_bounded_and_agree_with_the_gates_on_what_is_an_error(code: int) -> None:
    assert outcome_of(code) in OUTCOMES
    assert class_of(code) in CLASSES
    assert (outcome_of(code) != "ok") == is_error(code)


def test_latencies_are_cumulative_in_seconds() -> None:
    buckets, total_s = histogram(Latencies({0: 1, 5: 1, 990: 2, 1000: 4, 2400: 8, 120_000_000: 16}))
    counts = dict(buckets)
    assert (counts["0.001"], counts["0.0025"], counts["60.0"], counts["+Inf"]) == (4, 16, 16, 32)
    # The middle of [990, 1000) is 995, that of [1000, 1100) is 1050, of [120 s, 130 s) it is 125 s.
    assert total_s == pytest.approx((5 + 2 * 995 + 4 * 1050 + 8 * 2450) / 1e6 + 16 * 125)


@given(st.dictionaries(st.integers(0, 200_000_000), st.integers(1, 1000), max_size=20))
def test_a_histogram_loses_no_latency(buckets: dict[int, int]) -> None:
    found, total_s = histogram(Latencies(buckets))
    assert [float(bound) for bound, _ in found] == [*BOUNDS_S, inf]
    counts = [count for _, count in found]
    assert counts == sorted(counts)
    assert counts[-1] == sum(buckets.values())
    least = sum(lower * count for lower, count in buckets.items()) / 1e6
    assert least <= total_s * (1 + 1e-9)
    assert total_s <= least * 1.051 + 1e-9, "at most half of the widest bucket more"


async def test_every_version_of_the_spec_is_there_from_the_first_scrape() -> None:
    page = await scrape_of(await Stage.climbing())
    for version in ("v1", "v2", "v3"):
        for outcome in OUTCOMES:
            assert page.value("abreast_requests_total", version=version, outcome=outcome) == 0
        assert page.value(f"{DURATION}_count", version=version) == 0


async def test_what_was_counted_is_shown() -> None:
    stage = await Stage.climbing()
    stage.counts.add("v1", {200: 890, 404: 5, 500: 10}, ms=8, in_flight=3)
    stage.clock.time += 7200
    stage.counts.add("v2", {200: 96, 503: 3, 0: 1, 507: 2}, ms=20, in_flight=1)
    stage.counts.add("gone", {200: 4})
    stage.counts.users = {200: 986, 404: 5, 503: 1, 0: 2}
    page = await scrape_of(stage)
    outcomes = {each: page.value("abreast_requests_total", version="v2", outcome=each) for each in OUTCOMES}
    assert outcomes == {"ok": 96, "500": 0, "502": 0, "503": 3, "504": 0, "5xx": 2, "none": 1}
    assert page.value("abreast_requests_total", version="v1", outcome="ok") == 895, "older than any memory of seconds"
    assert page.value("abreast_requests_total", version="gone", outcome="ok") == 4, "a counter does not vanish"
    assert page.value(f"{DURATION}_bucket", version="v1", le="0.01") == 905
    assert page.value(f"{DURATION}_bucket", version="v1", le="0.005") == 0
    assert page.value("abreast_requests_in_flight", version="v1") == 3
    classes = {each: page.value("abreast_user_requests_total", **{"class": each}) for each in CLASSES}
    assert classes == {"1xx": 0, "2xx": 986, "3xx": 0, "4xx": 5, "5xx": 1, "none": 2}
