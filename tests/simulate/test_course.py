"""A run ends with its rule's verdict, and says after how many requests."""

from dataclasses import replace

import pytest

from abreast.analysis.lanes import Limits
from abreast.model.rollout import HoldStep, Policy, WeightStep
from abreast.simulate.course import RULES, End, Way, rule_named, run
from abreast.simulate.truth import TRUTHS

WAY = Way((0.05, 0.25), Limits(tolerance=None), longest_s=1500)
STAY = replace(WAY, ladder=(0.05,), stay=True)


def test_a_policys_way_is_its_weights_before_everyone() -> None:
    steps = (WeightStep(100), HoldStep(60.0), WeightStep(2500), WeightStep(10_000))
    way = Way.of(Policy(steps=steps, at_least_s=30.0))
    assert way.ladder == (0.01, 0.25)
    assert way.weights == (0.01, 0.25, 1.0)
    assert way.at_least_s == 30.0
    assert way.limits.budget == Policy().errors.budget / 10_000


def test_without_latencies_the_lane_of_latency_is_off() -> None:
    way = Way((0.05,), Limits())
    assert way.at(TRUTHS["same-0"]).limits.tolerance is None
    assert way.at(TRUTHS["slow-tail"]) is way


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_its_judge(name: str) -> None:
    assert rule_named(name, WAY) is not rule_named(name, WAY)


def test_a_rule_that_is_not_there_has_none() -> None:
    with pytest.raises(KeyError, match="spinnaker"):
        rule_named("spinnaker", WAY)


def test_a_broken_candidate_is_rolled_back_by_all_in_their_time() -> None:
    outcomes = run(TRUTHS["broken"], 0, tuple(RULES), STAY)
    assert [outcome.rule for outcome in outcomes] == list(RULES)
    assert {outcome.end for outcome in outcomes} == {End.ROLLED_BACK}
    at_s = {outcome.rule: outcome.at_s for outcome in outcomes}
    assert at_s["flagger"] == 360
    assert at_s["argo"] == 1200
    assert at_s["z-test"] == 60
    assert at_s["abreast"] <= 15
    for outcome in outcomes:
        assert outcome.requests_c == outcome.failed_c == pytest.approx(5 * outcome.at_s, abs=5 * outcome.at_s**0.5 + 5)
        assert outcome.late_s == outcome.at_s


def test_where_the_weight_stays_company_changes_nothing() -> None:
    alone = run(TRUTHS["worse-1"], 3, ("flagger",), STAY)
    beside = run(TRUTHS["worse-1"], 3, ("argo", "flagger"), STAY)
    assert beside[1] == alone[0]


def test_a_healthy_candidate_goes_up_the_ladder() -> None:
    outcome, flagger = run(TRUTHS["same-0"], 1, ("abreast", "flagger"), WAY)
    assert outcome.end is End.PROMOTED
    assert 120 <= outcome.at_s <= 200
    assert outcome.late_s is None
    assert flagger.end is End.PROMOTED
    assert flagger.at_s == 120


def test_the_last_step_leads_to_the_goal() -> None:
    """A nearer goal needs less proof."""
    goals = (0.1, 1.0)
    near, far = (
        run(TRUTHS["same-0"], 1, ("abreast",), replace(WAY, ladder=(0.05,), goal=goal, at_least_s=0))[0]
        for goal in goals
    )
    assert near.at_s < far.at_s / 3


def test_nobody_decides_without_traffic_but_the_thresholds() -> None:
    outcomes = run(TRUTHS["silence"], 0, tuple(RULES), replace(STAY, longest_s=1300))
    ends = {outcome.rule: outcome.end for outcome in outcomes}
    assert ends == {
        "abreast": End.UNDECIDED,
        "flagger": End.ROLLED_BACK,
        "argo": End.ROLLED_BACK,
        "z-test": End.UNDECIDED,
        "z-test-1s": End.UNDECIDED,
    }
    assert outcomes[0].at_s == 1300


def test_late_is_since_it_became_worse() -> None:
    (outcome,) = run(TRUTHS["late-25"], 0, ("abreast",), WAY)
    assert outcome.end is End.ROLLED_BACK
    assert outcome.late_s is not None
    assert 3 <= outcome.late_s <= 25
    assert outcome.late_s < outcome.at_s - 60
