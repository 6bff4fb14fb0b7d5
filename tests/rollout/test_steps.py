"""Each kind of step: is it done, what is missing, and when does time alone change that?"""

from dataclasses import replace

import pytest

from abreast.model.rollout import ApproveStep, HoldStep, Phase, Policy, Rollout, WeightStep
from abreast.model.traffic import Split
from abreast.rollout.observed import NodeState, Observed, Tally
from abreast.rollout.steps import Progress, progress, step_from, weight_at
from tests.rollout.play import BEGIN, POLICY, at, under_way


def seen(seconds: float, requests: int = 0, errors: int = 0, acked: Split | None = None) -> Observed:
    """So many seconds after the step began."""
    split = at(1000) if acked is None else acked
    return Observed(
        now=BEGIN + seconds,
        nodes=(NodeState("gateway-1", split, connected=True),),
        step={"v2": Tally(requests, errors), "v1": Tally(10 * requests, 0)},
    )


def stepping(step: WeightStep | HoldStep | ApproveStep, **fields: object) -> Rollout:
    policy = replace(POLICY, steps=(step,), at_least_s=60.0, at_most_s=600.0)
    return under_way(Phase.PROGRESSING, policy, step=0, **fields)


def judged(step: WeightStep | HoldStep | ApproveStep, observed: Observed, **fields: object) -> Progress:
    return progress(stepping(step, **fields), observed, at(1000))


@pytest.mark.parametrize(
    ("step", "weight"),
    [(0, 100), (1, 1000), (2, 1000), (3, 1000), (4, 5000), (5, 5000)],
)
def test_holds_and_approvals_keep_the_weight_before_them(step: int, weight: int) -> None:
    assert weight_at(under_way(Phase.PROGRESSING), step) == weight


def test_before_the_first_weight_nobody_is_on_the_candidate() -> None:
    policy = Policy(steps=(HoldStep(10.0), WeightStep(1000)))
    assert weight_at(under_way(Phase.PROGRESSING, policy), 0) == 0


@pytest.mark.parametrize(("weight", "step"), [(0, 0), (100, 0), (101, 1), (1000, 1), (1001, 4), (5000, 4), (5001, 5)])
def test_after_a_weight_by_hand_the_first_step_not_below_it_is_next(weight: int, step: int) -> None:
    assert step_from(under_way(Phase.PROGRESSING), weight) == step


class TestHold:
    """Time, and nothing else."""

    def test_it_ends_by_time_alone(self) -> None:
        before = judged(HoldStep(30.0), seen(29.5))
        assert (before.done, before.because, before.wake_at) == (False, "hold: 0.5 s of 30 s left", BEGIN + 30)
        assert judged(HoldStep(30.0), seen(30.0)).done

    def test_it_is_never_overdue(self) -> None:
        assert not judged(HoldStep(3600.0), seen(700.0)).overdue


class TestApprove:
    """A person, and nothing else."""

    @pytest.mark.parametrize(("text", "words"), [("", "approve: a"), ("see Grafana", "approve (see Grafana): a")])
    def test_it_waits_for_ever(self, text: str, words: str) -> None:
        found = judged(ApproveStep(text), seen(1e6, requests=100))
        assert found == Progress(done=False, because=f"a person has to {words}breast promote")


class TestWeight:
    """Obedience, time, evidence: all three."""

    def test_it_is_done_with_enough_good_requests_after_its_time(self) -> None:
        found = judged(WeightStep(1000), seen(60.0, requests=20))
        assert found.done
        assert found.because.startswith("within 5 %: 0.00 % of candidate requests failed")

    def test_not_before_its_time(self) -> None:
        found = judged(WeightStep(1000), seen(40.0, requests=20))
        assert (found.done, found.because, found.wake_at) == (False, "weight 10 %: 20 s of 1 m left", BEGIN + 60)

    def test_its_own_time_goes_before_the_policys(self) -> None:
        assert judged(WeightStep(1000, for_s=5.0), seen(5.0, requests=20)).done
        assert judged(WeightStep(1000, for_s=0.0), seen(0.0, requests=20)).done
        assert not judged(WeightStep(1000, for_s=90.0), seen(60.0, requests=20)).done

    @pytest.mark.parametrize(("requests", "errors"), [(0, 0), (19, 0), (20, 2)])
    def test_not_without_proof(self, requests: int, errors: int) -> None:
        found = judged(WeightStep(1000), seen(60.0, requests=requests, errors=errors))
        assert not found.done
        assert found.because.startswith("errors at 10 %: ")
        assert (found.wake_at, found.overdue, found.unproven) == (BEGIN + 600, False, errors == 0)

    def test_overdue_after_at_most(self) -> None:
        found = judged(WeightStep(1000), seen(600.0))
        assert (found.overdue, found.unproven, found.wake_at) == (True, True, None)

    @pytest.mark.parametrize("acked", [at(100), at(1000, number=2), Split("v1")])
    def test_not_before_every_gateway_obeys(self, acked: Split) -> None:
        found = judged(WeightStep(1000), seen(60.0, requests=20, acked=acked))
        assert (found.done, found.because) == (False, "not every gateway obeys yet")
        assert not judged(WeightStep(1000), seen(600.0, requests=20, acked=acked)).unproven

    def test_not_while_a_side_is_sheltered(self) -> None:
        found = judged(WeightStep(1000), seen(60.0, requests=20), sheltering="candidate")
        assert (found.done, found.because) == (False, "the candidate has no ready instance")
        assert judged(WeightStep(1000), seen(600.0, requests=20), sheltering="stable").overdue
