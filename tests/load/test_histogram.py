"""Percentiles from logarithmic buckets are within one percent of the exact ones."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.load.histogram import Histogram

durations = st.lists(st.floats(2e-6, 1000), min_size=1, max_size=200)


def filled(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def exact(values: list[float], percent: float) -> float:
    return sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]


@given(durations, st.sampled_from([1, 25, 50, 90, 99, 99.9, 100]))
def test_a_percentile_is_within_one_percent_of_the_exact_one(values: list[float], percent: float) -> None:
    assert filled(values).percentile_s(percent) == pytest.approx(exact(values, percent), rel=0.0101)


@given(durations)
def test_percentiles_never_fall_and_never_pass_the_maximum(values: list[float]) -> None:
    histogram = filled(values)

    told = [histogram.percentile_s(percent) for percent in (0, 10, 50, 90, 99, 100)]
    assert told == sorted(told)
    assert told[-1] <= histogram.maximum_s == max(values)


@given(durations, durations)
def test_merging_is_the_same_as_having_seen_both(first: list[float], second: list[float]) -> None:
    merged = filled(first)
    merged.merge(filled(second))

    both = filled(first + second)
    assert merged.buckets == both.buckets
    assert (merged.count, merged.maximum_s) == (both.count, both.maximum_s)
    assert merged.mean_s == pytest.approx(both.mean_s)


def test_an_empty_one_says_nothing_and_divides_by_nothing() -> None:
    assert Histogram().percentile_s(99) == 0.0
    assert Histogram().mean_s == 0.0


def test_nothing_and_less_than_a_microsecond_count_as_a_microsecond() -> None:
    histogram = filled([0.0, 1e-9, -0.001])

    assert histogram.count == 3
    assert set(histogram.buckets) == {0}


@given(durations)
def test_json_keeps_the_percentiles(values: list[float]) -> None:
    histogram = filled(values)

    back = Histogram.from_dict(json.loads(json.dumps(histogram.as_dict())))

    assert back.buckets == histogram.buckets
    assert back.count == histogram.count
    assert back.percentile_s(50) == pytest.approx(histogram.percentile_s(50), rel=0.02, abs=1e-6)


def test_json_tells_the_numbers_that_people_read() -> None:
    data = filled([0.010] * 99 + [1.0]).as_dict()

    assert data["p50_ms"] == pytest.approx(10, rel=0.01)
    assert data["p999_ms"] == pytest.approx(1000, rel=0.01)
    assert data["max_ms"] == 1000


def test_something_else_is_not_taken_for_a_histogram() -> None:
    with pytest.raises(TypeError, match="not a histogram"):
        Histogram.from_dict({"buckets": [], "total_s": 0.0, "max_ms": 1})
