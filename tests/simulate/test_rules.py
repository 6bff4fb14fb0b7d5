"""Abreast's rule is the engine's verdict; the z-test is the textbook's, looked at too often."""

from dataclasses import replace
from math import sqrt

import pytest

from abreast.analysis.lanes import Limits
from abreast.analysis.tick import Side, Tick
from abreast.simulate.rules import Abreast, Decision, Rule, ZTest

ERRORS_ONLY = Limits(tolerance=None)


def decisions(rule: Rule, seconds: int, candidate: Side, stable: Side) -> list[Decision]:
    return [rule.decide(Tick(1000.0 + at, candidate, stable)) for at in range(seconds)]


def first(found: list[Decision], wanted: Decision) -> int:
    """The second (from 1) of the first one."""
    return found.index(wanted) + 1


def test_abreast_rolls_back_what_fails() -> None:
    rule = Abreast(ERRORS_ONLY, 0.1, 60)
    found = decisions(rule, 60, Side(5, 5), Side(95))
    assert first(found, Decision.ROLL_BACK) <= 15
    assert rule.engine.assessment().errors.hard.proven


def test_abreast_advances_when_it_is_proven_and_no_sooner_than_the_step_lasts() -> None:
    quick = first(decisions(Abreast(ERRORS_ONLY, 0.1, 0), 200, Side(5), Side(95)), Decision.ADVANCE)
    steady = first(decisions(Abreast(ERRORS_ONLY, 0.1, 60), 200, Side(5), Side(95)), Decision.ADVANCE)
    assert 20 <= quick <= 50
    assert steady == 60


def test_abreast_proves_each_step_anew() -> None:
    rule = Abreast(ERRORS_ONLY, 0.1, 0)
    assert decisions(rule, 60, Side(5), Side(95))[-1] is Decision.ADVANCE
    rule.moved(0.25)
    again = decisions(rule, 90, Side(10), Side(90))
    assert again[0] is Decision.HOLD
    assert again[-1] is Decision.ADVANCE


def test_abreast_waits_for_latencies_where_they_are_watched() -> None:
    found = decisions(Abreast(replace(ERRORS_ONLY, tolerance=0.2), 0.1, 0), 300, Side(5), Side(95))
    assert set(found) == {Decision.HOLD}


def test_a_z_test_is_looked_at_in_its_seconds_only() -> None:
    found = decisions(ZTest(0.05, 60, step_s=120), 240, Side(5), Side(95))
    assert [at + 1 for at, decision in enumerate(found) if decision is Decision.ADVANCE] == [120, 180, 240]


def test_a_z_test_counts_a_step_from_its_beginning() -> None:
    rule = ZTest(0.05, 60, step_s=60)
    assert decisions(rule, 60, Side(5), Side(95))[-1] is Decision.ADVANCE
    rule.moved(0.25)
    assert first(decisions(rule, 120, Side(25), Side(75)), Decision.ADVANCE) == 60


@pytest.mark.parametrize(("errors", "decision"), [(15, Decision.HOLD), (16, Decision.ROLL_BACK)])
def test_a_z_test_is_significant_where_the_textbook_says(errors: int, decision: Decision) -> None:
    # 300 and 5,700 requests, 190 of stable's failed.
    pooled = (errors + 190) / 6000
    z = (errors / 300 - 190 / 5700) / sqrt(pooled * (1 - pooled) * (1 / 300 + 1 / 5700))
    assert (z >= 1.6449) == (decision is Decision.ROLL_BACK)

    rule = ZTest(0.05, 1, step_s=100)
    assert rule.decide(Tick(0.0, Side(300, errors), Side(5700, 190))) is decision


def test_a_z_test_without_two_sides_holds() -> None:
    assert set(decisions(ZTest(0.01, 1, step_s=100), 50, Side(), Side(95, 5))) == {Decision.HOLD}
    assert set(decisions(ZTest(0.01, 1, step_s=100), 50, Side(5, 5), Side())) == {Decision.HOLD}
