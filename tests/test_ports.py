"""The values that ports speak in: histograms and counts that add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.ports import Latencies, VersionCounts

BUCKETS = st.dictionaries(st.integers(1, 10_000_000), st.integers(1, 1000), max_size=20)


class TestLatencies:
    """A histogram: bucket bounds in microseconds, quantiles in milliseconds."""

    def test_an_empty_one_has_no_quantiles(self) -> None:
        assert (Latencies().count, Latencies().quantile(0.5)) == (0, None)

    @pytest.mark.parametrize(
        ("share", "latency_ms"),
        [(0.0, 1.0), (0.5, 1.0), (0.9, 1.0), (0.91, 5.0), (0.99, 5.0), (0.991, 250.0), (1.0, 250.0)],
    )
    def test_a_quantile_is_the_bucket_that_reaches_it(self, share: float, latency_ms: float) -> None:
        assert Latencies({250_000: 10, 1000: 900, 5000: 90}).quantile(share) == latency_ms

    def test_they_add_up_bucket_by_bucket(self) -> None:
        assert Latencies({1000: 2, 2000: 1}) + Latencies({1000: 1, 9000: 4}) == Latencies({1000: 3, 2000: 1, 9000: 4})

    @given(BUCKETS, BUCKETS)
    def test_adding_keeps_every_latency_and_both_summands(self, first: dict[int, int], second: dict[int, int]) -> None:
        left, right = Latencies(dict(first)), Latencies(dict(second))
        total = left + right
        assert total.count == left.count + right.count
        assert (left.buckets, right.buckets) == (first, second)
        assert total == right + left

    def test_for_a_picture_a_decade_has_twelve_buckets(self) -> None:
        found = Latencies({1000: 3, 1050: 2, 1200: 1, 1300: 4, 10_000: 5}).coarse()
        assert found == [(1.0, 6), (pytest.approx(1.211528), 4), (10.0, 5)]

    @given(BUCKETS)
    def test_a_picture_has_every_latency_in_order_and_none_below_its_bucket(self, buckets: dict[int, int]) -> None:
        found = Latencies(buckets).coarse()
        assert sum(count for _, count in found) == Latencies(buckets).count
        assert [bound for bound, _ in found] == sorted({bound for bound, _ in found})
        if found:
            assert found[0][0] <= min(buckets) / 1000 * 1.000001 <= found[0][0] * 10 ** (1 / 12) * 1.00001
        assert len(found) <= 12 * 7 + 1

    @given(BUCKETS.filter(bool))
    def test_quantiles_rise_from_the_least_to_the_greatest(self, buckets: dict[int, int]) -> None:
        found = [Latencies(buckets).quantile(share / 20) for share in range(21)]
        values = [each for each in found if each is not None]
        assert values == sorted(values)
        assert (len(values), values[0], values[-1]) == (21, min(buckets) / 1000, max(buckets) / 1000)


class TestVersionCounts:
    """One version's tick."""

    def test_errors_are_server_errors_and_no_answer_at_all(self) -> None:
        counts = VersionCounts({0: 1, 200: 90, 404: 4, 499: 2, 500: 2, 503: 1})
        assert (counts.requests, counts.errors) == (100, 4)

    def test_they_add_up_and_what_is_in_flight_is_the_later_ones(self) -> None:
        earlier = VersionCounts({200: 5, 500: 1}, Latencies({1000: 6}), in_flight=9)
        later = VersionCounts({200: 1, 0: 2}, Latencies({2000: 3}), in_flight=4)
        total = earlier + later
        assert total == VersionCounts({200: 6, 500: 1, 0: 2}, Latencies({1000: 6, 2000: 3}), in_flight=4)
        assert (total.requests, total.errors) == (9, 3)

    def test_nothing_is_nothing(self) -> None:
        assert (VersionCounts().requests, VersionCounts().errors, VersionCounts().latencies.count) == (0, 0, 0)
