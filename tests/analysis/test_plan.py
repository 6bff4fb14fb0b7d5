"""The plan: about as many requests as a proof takes then."""

from math import inf
from random import Random

import pytest

from abreast.analysis.lanes import Limits
from abreast.analysis.plan import requests_needed
from abreast.analysis.process import Process, Stratum
from abreast.analysis.process import Test as Design


def taken(test: Design, weight: float, bad: float, seed: int) -> int:
    """Candidate requests until a process proves it: 200 requests a second, drawn one by one."""
    random, process, seen = Random(seed), Process(test), 0
    for second in range(20_000):
        seen_c = sum(random.random() < weight for _ in range(200))
        bad_c = sum(random.random() < bad for _ in range(seen_c))
        bad_s = sum(random.random() < bad for _ in range(200 - seen_c))
        process.add(second, Stratum(bad_c, seen_c, bad_s, 200 - seen_c))
        seen += seen_c
        if process.proven:
            return seen
    raise AssertionError


@pytest.mark.parametrize("next_weight", [0.05, 0.1, 0.5, 1.0])
def test_without_errors_it_is_the_design_s_rule_of_thumb(next_weight: float) -> None:
    assert requests_needed(Limits().ok_errors(next_weight), 0.01) == pytest.approx(4.3 * next_weight / 0.0025, rel=0.06)


@pytest.mark.parametrize(("weight", "next_weight", "bad"), [(0.1, 0.25, 0.001), (0.25, 0.5, 0.002), (0.05, 0.1, 0.01)])
def test_proofs_take_about_what_was_planned(weight: float, next_weight: float, bad: float) -> None:
    test = Limits().ok_errors(next_weight)
    found = sorted(taken(test, weight, bad, seed) for seed in range(9))
    planned = requests_needed(test, weight, bad)
    assert planned / 2 < found[4] < 2 * planned


def test_more_errors_and_a_smaller_budget_take_longer() -> None:
    few, many = (requests_needed(Limits().ok_errors(0.1), 0.05, bad) for bad in (0.0, 0.005))
    tight = requests_needed(Limits(budget=0.001).ok_errors(0.1), 0.05)
    assert few < many < inf
    assert few * 2 < tight


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_without_traffic_on_both_no_number_is_enough(weight: float) -> None:
    assert requests_needed(Limits().ok_errors(0.1), weight) == inf


def test_what_says_nothing_never_ends() -> None:
    """A test against "worse" where both are alike: its evidence does not grow."""
    assert requests_needed(Limits().worse_errors(), 0.1, 0.01) == inf
