"""A small part of the acceptance, seeded: every figure is measured, and holds on the runs that there is time for."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

import pytest

from abreast.analysis.lanes import Limits
from abreast.simulate.acceptance import Claim, Figure, Unit, claims, judge, runs_of
from abreast.simulate.batch import Batch
from abreast.simulate.course import Outcome, Way
from abreast.simulate.truth import TRUTHS

SEEDS = {Unit.REQUESTS: 40, Unit.SECONDS: 10, Unit.SHARE: 4}
SLOW = {"stalls-1s": 2, "stalls-5s": 2, "few": 1, "silence": 1}
MARGIN_SEEDS = 150
SOON_S = 120


def fewer(claim: Claim) -> Claim:
    """At the margin a share of runs is measured, not the absence of any: more of them, cut shorter."""
    batch = claim.batch
    if batch.truth.name.startswith("margin"):
        return replace(claim, batch=replace(batch, seeds=MARGIN_SEEDS, way=replace(batch.way, longest_s=SOON_S)))
    return replace(claim, batch=replace(batch, seeds=SLOW.get(batch.truth.name, SEEDS[claim.unit])))


def test_every_figure_is_met_on_a_few_seeds() -> None:
    figures = judge([fewer(claim) for claim in claims()], 1, lambda _ended: None)
    assert {figure.name: figure.found for figure in figures if not figure.met} == {}


def test_the_figures_are_those_of_the_design() -> None:
    bars = [(claim.name, claim.bar) for claim in claims()]
    assert len({name for name, _ in bars}) == len(bars)
    found = [bar for name, bar in bars if "until rollback" in name]
    assert found == [50, 60, 220, 300, 1200, 2100]
    assert [bar for name, bar in bars if "promoted within" in name] == [420, 420]
    assert [bar for name, bar in bars if "rolled back within" in name] == [20, 20]
    assert [bar for name, bar in bars if "margin" in name] == [0.05] * 4


@pytest.mark.parametrize("name", ["same-0", "same-0.01", "same-0.1", "same-1", "same-5"])
def test_identical_versions_are_run_2000_times(name: str) -> None:
    (claim,) = [each for each in claims() if each.batch.truth.name == name and each.unit is Unit.SHARE]
    assert claim.batch.seeds == 2000
    assert claim.bar == 0.01


def test_a_quick_look_takes_a_part() -> None:
    assert runs_of(claims(quick=True)) < runs_of(claims()) / 10
    assert [claim.name for claim in claims(quick=True)] == [claim.name for claim in claims()]


def test_a_batch_that_two_claims_share_is_run_once() -> None:
    way = Way((0.05,), Limits(tolerance=None), longest_s=60, stay=True)
    batch = Batch(TRUTHS["broken"], way, ("abreast",), 5)

    def slowest(outcomes: Sequence[Outcome]) -> float:
        return max(outcome.at_s for outcome in outcomes)

    told: list[int] = []
    figures = judge(
        [Claim(name, batch, slowest, bar, Unit.SECONDS) for name, bar in (("lax", 60), ("strict", 1))], 1, told.append
    )
    assert sum(told) == 5
    assert [figure.met for figure in figures] == [True, False]
    assert figures[0].found == figures[1].found
    assert figures[0].runs == 5


def test_what_never_happens_is_missed() -> None:
    figure = Figure("never", 10, inf, Unit.SECONDS, 5)
    assert not figure.met
    assert figure.as_dict() == {"name": "never", "bar": 10, "found": None, "met": False, "unit": "s", "runs": 5}
