"""Evidence: never more than chance allows under the null, and growing where the null is wrong."""

from collections.abc import Sequence
from functools import cache
from itertools import product
from math import comb, exp, inf, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.analysis.eprocess import OK_BETS, WORSE_BETS, Evidence
from abreast.analysis.lanes import LATENCY_BETS

COUNTS = range(1, 7)
SHARES = (0.0, 0.001, 0.05, 0.3, 0.5, 0.8, 1.0)
RHOS = (0.5, 1.0, 1.1, 1.25)
DELTAS = (0.0, 0.0005, 0.025, 0.25)


@cache
def likelihoods(seen: int, share: float) -> list[float]:
    """How likely each number of bad ones is."""
    return [comb(seen, bad) * share**bad * (1 - share) ** (seen - bad) for bad in range(seen + 1)]


def expected(
    evidence: Evidence, counts: tuple[int, int], shares: tuple[float, float], rho: float, delta: float
) -> float:
    """The mean e-value over every outcome of one stratum: exact, by counting all."""
    (seen_c, seen_s), (p_c, p_s) = counts, shares
    return sum(
        chance_c * chance_s * exp(evidence.after(bad_c, seen_c, bad_s, seen_s, rho=rho, delta=delta).log_e)
        for bad_c, chance_c in enumerate(likelihoods(seen_c, p_c))
        for bad_s, chance_s in enumerate(likelihoods(seen_s, p_s))
    )


def expectations(
    bet: float, counts: tuple[int, int], rho: float, delta: float, pairs: Sequence[tuple[float, float]]
) -> list[float]:
    """The mean e-value of one bet for each of ``pairs`` (p_c, p_s); what each outcome is worth is asked once."""
    seen_c, seen_s = counts
    nothing = Evidence.of((bet,))
    worth = [
        [exp(nothing.after(bad_c, seen_c, bad_s, seen_s, rho=rho, delta=delta).log_e) for bad_s in range(seen_s + 1)]
        for bad_c in range(seen_c + 1)
    ]
    return [
        sumprod(
            likelihoods(seen_c, p_c),
            [sumprod(likelihoods(seen_s, p_s), row) for row in worth],
        )
        for p_c, p_s in pairs
    ]


def sumprod(ones: Sequence[float], others: Sequence[float]) -> float:
    return sum([one * other for one, other in zip(ones, others, strict=True)])


@pytest.mark.parametrize("bet", sorted({*WORSE_BETS, *LATENCY_BETS}))
def test_a_candidate_that_is_not_worse_has_no_evidence_against_it_on_average(bet: float) -> None:
    for counts, rho, delta in product(product(COUNTS, COUNTS), RHOS, DELTAS):
        limits = [(rho * p_s + delta, p_s) for p_s in SHARES if rho * p_s + delta <= 1]
        pairs = [(part * limit, p_s) for limit, p_s in limits for part in (1.0, 0.5, 0.0)]
        assert max(expectations(bet, counts, rho, delta, pairs)) <= 1 + 1e-9, (counts, rho, delta)


@pytest.mark.parametrize("bet", OK_BETS)
def test_a_candidate_that_is_worse_by_the_margin_has_no_evidence_for_it_on_average(bet: float) -> None:
    for counts, rho, delta in product(product(COUNTS, COUNTS), RHOS, DELTAS):
        limits = [(rho * p_s + delta, p_s) for p_s in SHARES if rho * p_s + delta <= 1]
        pairs = [(p_c, p_s) for limit, p_s in limits for p_c in (limit, (1 + limit) / 2, 1.0)]
        assert max(expectations(bet, counts, rho, delta, pairs)) <= 1 + 1e-9, (counts, rho, delta)


@pytest.mark.parametrize("bets", [WORSE_BETS, OK_BETS])
def test_the_mixture_of_bets_is_as_fair_also_stratum_after_stratum(bets: tuple[float, ...]) -> None:
    """The second stratum is weighed on top of each outcome of the first."""
    p_s, rho, delta = 0.3, 1.0, 0.2
    first, second = (2, 3), (3, 1)
    total = 0.0
    for bad_c, bad_s in product(range(first[0] + 1), range(first[1] + 1)):
        chance = likelihoods(first[0], 0.5)[bad_c] * likelihoods(first[1], p_s)[bad_s]
        before = Evidence.of(bets).after(bad_c, first[0], bad_s, first[1], rho=rho, delta=delta)
        total += chance * expected(before, second, (0.5, p_s), rho, delta)
    assert total <= 1 + 1e-9


def test_the_border_is_nearly_reached() -> None:
    """A bound that were far too careful would hold as well: at rare errors the mean is next to 1."""
    for bet in (*WORSE_BETS, *OK_BETS):
        assert expected(Evidence.of((bet,)), (6, 6), (0.001, 0.001), 1.0, 0.0) > 0.95


def test_outside_of_the_null_the_mean_is_above_1() -> None:
    assert expected(Evidence.of((4.0,)), (6, 6), (0.6, 0.05), 1.0, 0.01) > 2
    assert expected(Evidence.of((0.4,)), (6, 6), (0.1, 0.6), 1.0, 0.2) > 2


@pytest.mark.parametrize("bets", [WORSE_BETS, OK_BETS])
def test_no_evidence_is_0(bets: tuple[float, ...]) -> None:
    nothing = Evidence.of(bets)
    assert nothing.log_e == pytest.approx(0.0, abs=1e-12)
    assert nothing.growth == (0.0,) * len(bets)


@pytest.mark.parametrize("stratum", [(0, 0, 5, 10), (5, 10, 0, 0), (0, 0, 0, 0), (0, 0.0, 3, 7)])
def test_a_stratum_with_nothing_on_one_side_changes_nothing(stratum: tuple[float, float, float, float]) -> None:
    before = Evidence.of(WORSE_BETS).after(3, 10, 1, 10)
    assert before.after(*stratum, delta=0.1) is before


def test_the_evidence_of_strata_is_a_sum_in_any_order() -> None:
    strata = [(3, 100, 1, 90), (0, 5, 2, 800), (7, 7, 0, 1)]
    forth, back = Evidence.of(OK_BETS), Evidence.of(OK_BETS)
    for stratum in strata:
        forth = forth.after(*stratum, delta=0.01)
    for stratum in reversed(strata):
        back = back.after(*stratum, delta=0.01)
    assert forth.growth == pytest.approx(back.growth)


def test_strata_are_not_pooled() -> None:
    """Two endpoints, each with its own share, the same on both sides: pooled it would look like a difference."""
    apart = Evidence.of(WORSE_BETS).after(90, 100, 9, 10).after(1, 10, 10, 100)
    pooled = Evidence.of(WORSE_BETS).after(91, 110, 19, 110)
    assert pooled.log_e > log(1000)
    assert apart.log_e < log(20)


@pytest.mark.parametrize(
    ("stratum", "against", "clear"),
    [
        ((0, 5000, 0, 5000), (-inf, 0.0), (log(20), 10.0)),
        ((50, 5000, 0, 5000), (log(1000), 100.0), (-inf, 0.0)),
        ((50, 5000, 50, 5000), (-inf, 1.0), (-inf, log(20))),
        ((0, 10, 0, 10), (-1.0, 0.0), (0.0, 0.1)),
    ],
)
def test_evidence_of_a_tolerance_of_one_in_a_thousand(
    stratum: tuple[float, float, float, float], against: tuple[float, float], clear: tuple[float, float]
) -> None:
    low, high = against
    assert low <= Evidence.of(WORSE_BETS).after(*stratum, delta=0.001).log_e <= high
    low, high = clear
    assert low <= Evidence.of(OK_BETS).after(*stratum, delta=0.001).log_e <= high


def test_huge_evidence_overflows_nothing() -> None:
    evidence = Evidence.of(WORSE_BETS).after(1e6, 1e6, 0, 1e6)
    assert log(1000) < evidence.log_e < inf
    assert Evidence.of(OK_BETS).after(1e6, 1e6, 0, 1e6).log_e > -inf


@given(st.integers(0, 50), st.integers(1, 50), st.integers(0, 50), st.integers(1, 50), st.sampled_from(DELTAS))
@settings(deadline=None, max_examples=80)
def test_one_bad_answer_more_of_the_candidate_speaks_against_it_and_one_of_stable_s_for_it(
    bad_c: int, good_c: int, bad_s: int, good_s: int, delta: float
) -> None:
    seen_c, seen_s = bad_c + good_c, bad_s + good_s
    for bets, sign in ((WORSE_BETS, 1), (OK_BETS, -1)):
        now = Evidence.of(bets).after(bad_c, seen_c, bad_s, seen_s, delta=delta).log_e
        candidate = Evidence.of(bets).after(bad_c + 1, seen_c, bad_s, seen_s, delta=delta).log_e
        stable = Evidence.of(bets).after(bad_c, seen_c, bad_s + 1, seen_s, delta=delta).log_e
        assert sign * (candidate - now) > 0
        assert sign * (stable - now) < 0
