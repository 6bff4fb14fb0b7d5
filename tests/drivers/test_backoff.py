"""Waiting longer and longer."""

from random import Random

import pytest

from abreast.drivers.backoff import Backoff
from abreast.drivers.timing import Timing


class Steady(Random):
    """Randomness without any."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def test_it_doubles_up_to_its_most() -> None:
    backoff = Backoff(Timing(), Steady())
    assert [backoff.next_s(0) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_it_begins_anew_after_a_minute_of_readiness() -> None:
    backoff = Backoff(Timing(), Steady())
    assert [backoff.next_s(ready_s) for ready_s in (0, 0, 59.9, 60, 0)] == [0.5, 1, 2, 0.5, 1]


def test_jitter_spreads_it_by_a_fifth() -> None:
    waits = [Backoff(Timing(), Random(seed)).next_s(0) for seed in range(200)]
    assert 0.4 <= min(waits) < 0.41
    assert 0.59 < max(waits) <= 0.6


def test_jitter_never_exceeds_the_most() -> None:
    backoff = Backoff(Timing(), Random(1))
    assert max(backoff.next_s(0) for _ in range(100)) == 30


def test_it_can_fail_for_ever() -> None:
    backoff = Backoff(Timing(), Steady())
    assert [backoff.next_s(0) for _ in range(5000)][-1] == pytest.approx(30)
