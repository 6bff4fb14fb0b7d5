"""Who asks what, and when: from the seed alone."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from abreast.load.plan import Plan, Request
from abreast.load.schedule import Shot, schedule


def shots(**change: object) -> list[Shot]:
    values: dict[str, object] = {"url": "http://127.0.0.1:1", "rate_per_s": 100.0, "count": 10_000, **change}
    return list(schedule(Plan(**values)))  # type: ignore[arg-type]  # keyword by keyword in the tests


def test_constant_arrivals_do_not_drift() -> None:
    made = shots(rate_per_s=300.0, count=3001)

    assert [shot.number for shot in made] == list(range(3001))
    assert made[0].at_s == 0
    assert made[3000].at_s == pytest.approx(10.0, abs=1e-12)
    assert {round(later.at_s - former.at_s, 9) for former, later in pairwise(made)} == {round(1 / 300, 9)}


def test_poisson_arrivals_have_exponential_gaps_with_the_same_mean() -> None:
    made = shots(arrivals="poisson")

    gaps = [later.at_s - former.at_s for former, later in pairwise(made)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(0.01, rel=0.05)
    assert spread == pytest.approx(mean, rel=0.05), "an exponential's deviation is its mean"
    assert min(gaps) > 0


def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    requests = (Request("/a"), Request("/b"))

    assert shots(seed=7, arrivals="poisson", requests=requests) == shots(seed=7, arrivals="poisson", requests=requests)
    assert shots(seed=7, requests=requests) != shots(seed=8, requests=requests)


def test_users_are_spread_evenly_over_the_population() -> None:
    counts = Counter(shot.user for shot in shots(users=100))

    assert set(counts) == set(range(100))
    assert max(counts.values()) < 150


def test_requests_come_in_the_mix_of_their_weights() -> None:
    mix = (Request("/often", weight=3), Request("/seldom", weight=1))

    counts = Counter(shot.kind for shot in shots(requests=mix))

    assert counts[0] / counts.total() == pytest.approx(0.75, abs=0.02)


def test_users_do_not_depend_on_the_mix() -> None:
    alone = [shot.user for shot in shots(count=50)]
    mixed = [shot.user for shot in shots(count=50, requests=(Request("/a"), Request("/b")))]

    assert alone == mixed
