"""How many candidate requests a proof takes, before any has come."""

from functools import lru_cache
from math import exp, inf, log
from typing import Final

from abreast.analysis.process import Test

_HALVINGS: Final = 40
_KEPT: Final = 1024


@lru_cache(maxsize=_KEPT)
def requests_needed(test: Test, weight: float, bad: float = 0.0) -> float:
    """Candidate requests until ``test`` refuses its null, if ``bad`` is the share of bad ones of either version.

    ``weight`` is the candidate's share of the requests (0 to 1). Expected growth only, windows and caps left out:
    with rare errors it is 4.3 / δ of a step's test. Infinite where evidence would not grow.
    """
    if not 0 < weight < 1:
        return inf
    rates = [_rate(test, bet, weight, bad) for bet in test.bets]
    best = max(rates)
    if best <= 0:
        return inf
    # The best bet alone would do it by then, with its share of the stake at the latest.
    low, high = test.needed / best, (test.needed + log(len(rates))) / best
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _evidence(rates, middle) >= test.needed else (middle, high)
    return high


def _rate(test: Test, bet: float, weight: float, bad: float) -> float:
    """Expected growth of ℓ_θ for each candidate request."""
    share = test.rho * weight / (test.rho * weight + 1 - weight)
    b = 1 / (1 + (bet - 1) * share)
    a = bet * b
    stable = (1 - weight) / weight
    return bad * log(a) + bad * stable * log(b) - test.delta * (a - 1)


def _evidence(rates: list[float], requests: float) -> float:
    logs = [requests * rate for rate in rates]
    highest = max(logs)
    return highest + log(sum(exp(each - highest) for each in logs) / len(logs))
