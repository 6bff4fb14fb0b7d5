"""Drawing numbers, fast and with nothing but the standard library: cumulative tables, made once, then one bisection."""

from bisect import bisect_left
from functools import lru_cache
from math import exp, lgamma, log, sqrt
from random import Random
from statistics import NormalDist
from typing import Final

_LARGEST_MEAN: Final = 256.0
"""A larger mean is drawn in two halves: a sum of Poisson numbers is one."""

_MANY: Final = 256
"""Of more trials than that a binomial number is drawn in parts."""

_SLICES: Final = 4000
"""Equally likely latencies that a distribution is cut into: the 99.99th percentile still is one."""


def poisson(random: Random, mean: float) -> int:
    """How many arrive when ``mean`` are expected."""
    drawn = 0
    while mean > _LARGEST_MEAN:
        drawn += bisect_left(_poisson_table(_LARGEST_MEAN), random.random())
        mean -= _LARGEST_MEAN
    return drawn + bisect_left(_poisson_table(mean), random.random()) if mean > 0 else drawn


def binomial(random: Random, trials: int, share: float) -> int:
    """How many of ``trials`` it meets, each with the chance ``share``."""
    if share <= 0:
        return 0
    if share >= 1:
        return trials
    drawn = 0
    while trials > _MANY:
        drawn += bisect_left(_binomial_table(_MANY, share), random.random())
        trials -= _MANY
    return drawn + bisect_left(_binomial_table(trials, share), random.random())


@lru_cache(maxsize=65_536)
def bucket(latency_us: int) -> int:
    """The lower bound of its bucket: two significant digits, as Envoy's histograms have them."""
    whole = max(1, latency_us)
    width = int(10 ** max(0, len(str(whole)) - 2))
    return whole // width * width


@lru_cache(maxsize=256)
def latency_slices(median_ms: float, sigma: float, tail: float, factor: float) -> tuple[int, ...]:
    """Equally likely latencies in µs: log-normal; of the slowest share ``tail`` each takes ``factor`` times as long."""
    normal = NormalDist(log(median_ms * 1000), sigma)
    quantiles = [(place + 0.5) / _SLICES for place in range(_SLICES)]
    return tuple(
        max(1, int(exp(normal.inv_cdf(quantile)) * (factor if quantile >= 1 - tail else 1.0))) for quantile in quantiles
    )


@lru_cache(maxsize=16_384)
def _poisson_table(mean: float) -> tuple[float, ...]:
    last = int(mean + 12 * sqrt(mean) + 12)
    return _summed([exp(count * log(mean) - mean - lgamma(count + 1)) for count in range(last)])


@lru_cache(maxsize=65_536)
def _binomial_table(trials: int, share: float) -> tuple[float, ...]:
    hit, missed, ways = log(share), log(1 - share), lgamma(trials + 1)
    return _summed(
        [
            exp(ways - lgamma(count + 1) - lgamma(trials - count + 1) + count * hit + (trials - count) * missed)
            for count in range(trials + 1)
        ]
    )


def _summed(chances: list[float]) -> tuple[float, ...]:
    """Cumulative; the last is 1, so that rounding cannot draw a number beyond the end."""
    total, sums = 0.0, []
    for chance in chances:
        total += chance
        sums.append(total)
    sums[-1] = 1.0
    return tuple(sums)
