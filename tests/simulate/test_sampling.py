"""Numbers are drawn from the distributions that they claim."""

from math import comb, exp, factorial, sqrt
from random import Random
from statistics import mean, variance

import pytest

from abreast.analysis.latency import top
from abreast.simulate.sampling import binomial, bucket, latency_slices, poisson

DRAWS = 20_000


@pytest.mark.parametrize("expected", [0.01, 0.7, 5.0, 95.0, 255.0, 900.0])
def test_poisson_has_its_mean_and_its_variance(expected: float) -> None:
    random = Random(1)
    drawn = [poisson(random, expected) for _ in range(DRAWS)]

    assert mean(drawn) == pytest.approx(expected, abs=5 * sqrt(expected / DRAWS))
    assert variance(drawn) == pytest.approx(expected, rel=5 * sqrt((2 + 1 / expected) / DRAWS))


def test_poisson_has_its_small_chances() -> None:
    random = Random(2)
    drawn = [poisson(random, 1.5) for _ in range(DRAWS)]

    for count in range(5):
        chance = exp(-1.5) * 1.5**count / factorial(count)
        assert drawn.count(count) / DRAWS == pytest.approx(chance, abs=5 * sqrt(chance / DRAWS))


def test_nobody_comes_when_nobody_is_expected() -> None:
    assert [poisson(Random(3), 0.0) for _ in range(100)] == [0] * 100


@pytest.mark.parametrize(("trials", "share"), [(3, 0.2), (95, 0.01), (600, 0.3)])
def test_binomial_has_its_mean_and_its_variance(trials: int, share: float) -> None:
    random = Random(4)
    drawn = [binomial(random, trials, share) for _ in range(DRAWS)]

    assert max(drawn) <= trials
    assert mean(drawn) == pytest.approx(trials * share, abs=5 * sqrt(trials * share / DRAWS))
    assert variance(drawn) == pytest.approx(trials * share * (1 - share), rel=0.08)


def test_binomial_has_its_small_chances() -> None:
    random = Random(5)
    drawn = [binomial(random, 4, 0.3) for _ in range(DRAWS)]

    for count in range(5):
        chance = comb(4, count) * 0.3**count * 0.7 ** (4 - count)
        assert drawn.count(count) / DRAWS == pytest.approx(chance, abs=5 * sqrt(chance / DRAWS))


@pytest.mark.parametrize(("share", "drawn"), [(0.0, 0), (-0.1, 0), (1.0, 7), (1.2, 7)])
def test_what_is_certain_is_not_drawn(share: float, drawn: int) -> None:
    assert binomial(Random(6), 7, share) == drawn


@pytest.mark.parametrize(
    ("latency_us", "bound"), [(0, 1), (1, 1), (99, 99), (100, 100), (109, 100), (12_345, 12_000), (999_999, 990_000)]
)
def test_buckets_have_two_digits(latency_us: int, bound: int) -> None:
    assert bucket(latency_us) == bound


def test_every_latency_lies_in_its_bucket() -> None:
    random = Random(7)
    for _ in range(2000):
        latency_us = random.randrange(1, 10**8)
        assert bucket(latency_us) <= latency_us < top(bucket(latency_us))


def test_latencies_are_log_normal_around_their_median() -> None:
    slices = latency_slices(20.0, 0.5, 1.0, 1.0)

    assert list(slices) == sorted(slices)
    assert slices[len(slices) // 2] == pytest.approx(20_000, rel=0.01)
    assert slices[round(len(slices) * 0.8413)] == pytest.approx(20_000 * exp(0.5), rel=0.01)


def test_a_slow_tail_leaves_the_rest_alone() -> None:
    before, after = latency_slices(20.0, 0.5, 1.0, 1.0), latency_slices(20.0, 0.5, 0.05, 2.0)
    ninetieth, ninety_ninth = round(len(before) * 0.9), round(len(before) * 0.99)

    assert after[ninetieth] == before[ninetieth]
    assert after[ninety_ninth] == pytest.approx(2 * before[ninety_ninth], abs=1)
