"""Processes are fair under the null, whoever looks, stops or changes weights when: every course, counted exactly."""

from collections.abc import Callable
from dataclasses import replace
from math import comb, exp

import pytest

from abreast.analysis.eprocess import OK_BETS, WORSE_BETS
from abreast.analysis.lanes import LATENCY_BETS
from abreast.analysis.process import Process, Stakes, Stratum
from abreast.analysis.process import Test as Design

WORSE = Design(WORSE_BETS, 1.1, 0.0005, 0.004, 10.0, 3, share_cap=True, stakes=Stakes(5, 2160))


def copied(process: Process) -> Process:
    """Another one in the same state."""
    return Process.restored(process.test, process.state())


def outcomes(counts: tuple[int, int], p_c: float, p_s: float) -> list[tuple[float, Stratum]]:
    """Every stratum with those counts, and its probability."""
    seen_c, seen_s = counts

    def chance(bad: int, seen: int, share: float) -> float:
        return comb(seen, bad) * share**bad * (1 - share) ** (seen - bad)

    return [
        (chance(bad_c, seen_c, p_c) * chance(bad_s, seen_s, p_s), Stratum(bad_c, seen_c, bad_s, seen_s))
        for bad_c in range(seen_c + 1)
        for bad_s in range(seen_s + 1)
    ]


def best(
    process: Process, course: list[tuple[float, tuple[int, int], float, float]], worth: Callable[[Process], float]
) -> float:
    """The most that ``worth`` can be on average, for one who stops, or changes the weight, whenever it suits. Exact."""
    now = worth(process)
    if not course:
        return now
    (at, counts, p_c, p_s), later = course[0], course[1:]
    ways = [process]
    if process.test.stakes is not None:
        other = copied(process)
        other.changed()
        now = max(now, worth(other))
        ways.append(other)
    means = []
    for way in ways:
        mean = 0.0
        for chance, stratum in outcomes(counts, p_c, p_s):
            if chance:
                then = copied(way)
                then.add(at, stratum)
                mean += chance * best(then, later, worth)
        means.append(mean)
    return max(now, *means)


# At (seconds), (candidate's, stable's requests), and stable's share of bad ones: three windows of 10 s.
COURSES = [
    [(1.0, (1, 2), 0.3), (8.0, (2, 1), 0.3), (12.0, (1, 2), 0.3), (25.0, (1, 1), 0.3)],
    [(1.0, (2, 2), 0.05), (11.0, (2, 1), 0.6), (31.0, (1, 3), 0.05)],
    [(9.0, (1, 3), 0.02), (10.0, (1, 3), 0.5), (19.0, (2, 1), 0.02)],
]


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize(
    ("bets", "rho", "delta"), [(WORSE_BETS, 1.1, 0.0005), (WORSE_BETS, 1.0, 0.25), (LATENCY_BETS, 1.0, 0.0)]
)
@pytest.mark.parametrize(("parts", "share_cap"), [(1.0, False), (3.0, True)])
def test_no_way_of_stopping_or_changing_weights_makes_more_of_the_stakes_than_1(
    course: list[tuple[float, tuple[int, int], float]],
    bets: tuple[float, ...],
    rho: float,
    delta: float,
    parts: float,
    share_cap: bool,
) -> None:
    test = Design(bets, rho, delta, 0.004, 10.0, parts, share_cap=share_cap, stakes=Stakes(2, 2))
    at_border = [(at, counts, rho * p_s + delta, p_s) for at, counts, p_s in course]
    assert best(Process(test), at_border, lambda process: exp(process.log_e)) <= 1 + 1e-9


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("delta", [0.0025, 0.1])
def test_nor_does_any_way_of_stopping_make_more_of_the_evidence_that_a_step_may_be_passed(
    course: list[tuple[float, tuple[int, int], float]], delta: float
) -> None:
    test = Design(OK_BETS, 1.25, delta, 0.05, 10.0, 3)
    at_margin = [(at, counts, 1.25 * p_s + delta, p_s) for at, counts, p_s in course]
    assert best(Process(test), at_margin, lambda process: exp(process.log_e)) <= 1 + 1e-9


def test_the_stakes_are_used_up_to_the_last_bit() -> None:
    """Were they far below 1 the bound above would hold as well, and proofs would take longer than they have to."""
    test = replace(WORSE, stakes=Stakes(2, 2), share_cap=False, delta=0.0)
    course = [(1.0, (1, 2), 0.001, 0.001), (11.0, (1, 2), 0.001, 0.001), (21.0, (2, 1), 0.001, 0.001)]
    assert best(Process(test), course, lambda process: exp(process.log_e)) > 0.99


def test_a_true_null_is_refused_ever_no_more_often_than_alpha() -> None:
    """The optimal adversary's chance to see ``proven`` once, exact: it is possible, and below α."""
    test = Design(WORSE_BETS, 1.0, 0.0, 0.25, 10.0, 1, stakes=Stakes(1, 2))
    course = [(at, (2, 2), 0.3, 0.3) for at in (1.0, 6.0, 11.0)]
    chance = best(Process(test), course, lambda process: float(process.proven))
    assert 0.005 < chance <= 0.25


def test_beyond_the_null_stopping_well_makes_more_than_1() -> None:
    course = [(at, (2, 2), 0.9, 0.1) for at in (1.0, 11.0, 21.0)]
    assert best(Process(replace(WORSE, stakes=None)), course, lambda process: exp(process.log_e)) > 3
