"""Each kind of step: is it done, what is missing, and when does time alone change that?"""

from dataclasses import replace

import pytest

from abreast.analysis.assessment import Assessment
from abreast.model.checks import Check, PromqlGate
from abreast.model.rollout import (
    ApproveStep,
    ErrorGate,
    HoldStep,
    LadderStep,
    LatencyGate,
    Phase,
    Policy,
    Rollout,
    ShadowStep,
    WeightStep,
)
from abreast.model.traffic import Split
from abreast.rollout.observed import Differences, NodeState, Observed
from abreast.rollout.steps import Progress, evidence, progress, step_from, weight_at
from tests.rollout.play import BEGIN, POLICY, at, differing, under_way
from tests.rollout.traffic import BAD, BROKEN, GOOD, SLOW, Both, Traffic, assessed


def seen(seconds: float, both: Both | None = None, acked: Split | None = None) -> Observed:
    """So many seconds after the step began, all of them with that traffic, or with none."""
    split = at(1000) if acked is None else acked
    return Observed(
        now=BEGIN + seconds,
        nodes=(NodeState("gateway-1", split, connected=True),),
        assessment=assessed(POLICY, round(seconds), both) if both else Assessment(),
    )


def stepping(step: LadderStep, policy: Policy = POLICY, **fields: object) -> Rollout:
    policy = replace(policy, steps=(step,), at_least_s=60.0, at_most_s=600.0)
    return under_way(Phase.PROGRESSING, policy, step=0, **fields)


WATCHED = replace(POLICY, latency=LatencyGate())
FEW: Both = (Traffic(1), Traffic(9))
"""Too few for a proof in a minute."""


def watched(seconds: float, both: Both) -> Observed:
    """The same where latency has a say."""
    return replace(seen(seconds), assessment=assessed(WATCHED, round(seconds), both))


def judged(step: LadderStep, observed: Observed, policy: Policy = POLICY, **fields: object) -> Progress:
    return progress(stepping(step, policy, **fields), observed, at(1000))


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
        found = judged(ApproveStep(text), seen(600, GOOD))
        assert found == Progress(done=False, because=f"a person has to {words}breast promote")


class TestWeight:
    """Obedience, time, evidence: all three."""

    def test_it_is_done_with_proof_after_its_time(self) -> None:
        found = judged(WeightStep(1000), seen(60.0, GOOD))
        assert found.done
        assert found.because.startswith("errors: not worse: at most 1.2 points more of its requests fail")

    def test_the_sentences_of_all_gates_are_kept(self) -> None:
        found = judged(WeightStep(1000), watched(180.0, GOOD), policy=WATCHED)
        assert found.done
        assert found.because.startswith("errors: not worse: ")
        assert "; latency: not slower than stable's own quantiles (" in found.because

    def test_not_before_its_time(self) -> None:
        found = judged(WeightStep(1000), seen(50.0, GOOD))
        assert (found.done, found.because, found.wake_at) == (False, "weight 10 %: 10 s of 1 m left", BEGIN + 60)

    def test_its_own_time_goes_before_the_policys(self) -> None:
        assert judged(WeightStep(1000, for_s=45.0), seen(45.0, GOOD)).done
        assert judged(WeightStep(1000, for_s=0.0), seen(45.0, GOOD)).done
        assert not judged(WeightStep(1000, for_s=90.0), seen(60.0, GOOD)).done

    @pytest.mark.parametrize(("both", "unproven"), [(None, True), (FEW, True), (BAD, False), (BROKEN, False)])
    def test_not_without_proof(self, both: Both | None, unproven: bool) -> None:
        found = judged(WeightStep(1000), seen(60.0, both))
        assert not found.done
        assert found.because.startswith("errors at weight 10 %: ")
        assert (found.wake_at, found.overdue, found.unproven) == (BEGIN + 600, False, unproven)

    def test_not_without_the_proof_of_each_gate(self) -> None:
        found = judged(WeightStep(1000), watched(60.0, GOOD), policy=WATCHED)
        assert (found.done, found.unproven) == (False, True)
        assert found.because.startswith("latency at weight 10 %: p90 undecided: ")
        slow = judged(WeightStep(1000), watched(180.0, SLOW), policy=WATCHED)
        assert (slow.done, slow.unproven) == (False, False)

    def test_what_was_proven_before_it_began_is_not_its_own(self) -> None:
        """In the very turn in which a step begins, what is known is of the step before."""
        known = replace(seen(60.0, GOOD), now=BEGIN)
        entered = judged(WeightStep(1000, for_s=0.0), known)
        assert (entered.done, entered.unproven) == (False, True)
        assert entered.because.startswith("errors at weight 10 %: undecided: no candidate request in this step yet")
        assert judged(WeightStep(1000, for_s=0.0), replace(known, now=BEGIN + 0.5)).done
        later = judged(WeightStep(1000, for_s=0.0), replace(known, now=BEGIN + 60), weight_since=BEGIN + 60)
        assert not later.done, "its weight was ordered just now"
        watching = judged(WeightStep(1000, for_s=0.0), replace(watched(180.0, GOOD), now=BEGIN), policy=WATCHED)
        assert "not watched" not in watching.because

    def test_overdue_after_at_most(self) -> None:
        found = judged(WeightStep(1000), seen(600.0))
        assert (found.overdue, found.unproven, found.wake_at) == (True, True, None)

    @pytest.mark.parametrize("acked", [at(100), at(1000, number=2), Split("v1")])
    def test_not_before_every_gateway_obeys(self, acked: Split) -> None:
        found = judged(WeightStep(1000), seen(60.0, GOOD, acked=acked))
        assert (found.done, found.because) == (False, "not every gateway obeys yet")
        assert not judged(WeightStep(1000), seen(600.0, GOOD, acked=acked)).unproven

    def test_not_while_a_side_is_sheltered(self) -> None:
        found = judged(WeightStep(1000), seen(60.0, GOOD), sheltering="candidate")
        assert (found.done, found.because) == (False, "the candidate has no ready instance")
        assert judged(WeightStep(1000), seen(600.0, GOOD), sheltering="stable").overdue


class TestChecks:
    """What others are asked for holds a step that is done otherwise."""

    GATE = PromqlGate("p99", "http://127.0.0.1:9090", "vector(1)", at_most=2.0)

    @pytest.mark.parametrize("step", [WeightStep(1000), HoldStep(30.0)])
    def test_it_waits_for_an_answer_of_its_own(self, step: LadderStep) -> None:
        policy = replace(POLICY, promql=(self.GATE,))
        held = judged(step, seen(60.0, GOOD), policy=policy)
        assert held == Progress(done=False, because="promql p99: no answer yet", wake_at=BEGIN + 600)
        overdue = judged(step, seen(600.0, GOOD), policy=policy)
        assert (overdue.done, overdue.overdue, overdue.unproven, overdue.wake_at) == (False, True, False, None)
        passed = {"p99": Check("p99", "promql", passed=True, at=BEGIN + 10, detail="1, at most 2")}
        assert judged(step, replace(seen(60.0, GOOD), checks=passed), policy=policy).done

    def test_nobody_is_asked_before_the_gates_of_abreast_are_content(self) -> None:
        held = judged(WeightStep(1000), seen(60.0), policy=replace(POLICY, promql=(self.GATE,)))
        assert held.because.startswith("errors at weight 10 %: ")


def test_evidence_is_named_by_its_gates() -> None:
    def gates(step: int, **fields: object) -> list[str]:
        rollout = under_way(Phase.PROGRESSING, replace(WATCHED, steps=(ShadowStep(2000), *POLICY.steps)), step=step)
        return [gate for gate, _ in evidence(replace(rollout, **fields), seen(60.0))]  # type: ignore[arg-type]  # by name

    assert [gates(step) for step in range(7)] == [
        ["differences"],
        ["errors", "latency"],
        ["errors", "latency"],
        [],
        [],
        ["errors", "latency"],
        [],
    ]
    assert gates(1, policy=POLICY) == ["errors"]


ENOUGH = differing(0, 6000)
"""Proof of 0.1 %."""


def copied(step: ShadowStep, observed: Observed, **fields: object) -> Progress:
    """How far a shadow step is at weight 0, whose gateways copy."""
    split = at(0, shadow=step.share)
    nodes = (NodeState("gateway-1", split, connected=True),)
    policy = stepping(step).policy
    rollout = under_way(Phase.PROGRESSING, policy, step=0, weight=0, shadow=step.share, **fields)
    return progress(rollout, replace(observed, nodes=observed.nodes and nodes), split)


def compared(seconds: float, differences: Differences = ENOUGH) -> Observed:
    return replace(seen(seconds), differences=differences)


class TestShadow:
    """Obedience, time, evidence: all three, as at a weight; the evidence is of answers that were compared."""

    def test_it_is_done_with_enough_equal_answers_after_its_time(self) -> None:
        found = copied(ShadowStep(2000), compared(60.0))
        assert found.done
        assert found.because.startswith("differences: no more than 0.1 % differ: ")

    def test_not_before_its_time(self) -> None:
        found = copied(ShadowStep(2000), compared(40.0))
        assert (found.done, found.because, found.wake_at) == (False, "shadow 20 %: 20 s of 1 m left", BEGIN + 60)

    def test_its_own_time_goes_before_the_policys(self) -> None:
        assert copied(ShadowStep(2000, for_s=5.0), compared(5.0)).done
        assert not copied(ShadowStep(2000, for_s=90.0), compared(60.0)).done

    def test_requests_of_users_are_no_evidence_for_it(self) -> None:
        found = copied(ShadowStep(2000), replace(seen(60.0, GOOD), differences=Differences()))
        assert (found.done, found.because) == (False, "differences at shadow 20 %: undecided: no answers compared yet")
        assert (found.wake_at, found.unproven) == (BEGIN + 600, True)

    def test_answers_that_were_compared_are_no_evidence_for_a_weight(self) -> None:
        assert not judged(WeightStep(1000), compared(60.0)).done
        assert judged(WeightStep(1000, shadow=500), seen(60.0, GOOD)).done

    @pytest.mark.parametrize(
        ("differences", "unproven"), [(differing(0, 100), True), (differing(2, 100), True), (differing(50, 100), False)]
    )
    def test_not_without_proof(self, differences: Differences, unproven: bool) -> None:
        found = copied(ShadowStep(2000), compared(60.0, differences))
        assert (found.done, found.overdue, found.unproven) == (False, False, unproven)
        assert found.because.startswith("differences at shadow 20 %: ")

    def test_overdue_after_at_most(self) -> None:
        found = copied(ShadowStep(2000), compared(600.0, Differences()))
        assert (found.done, found.overdue, found.unproven, found.wake_at) == (False, True, True, None)

    def test_not_before_every_gateway_copies(self) -> None:
        step = ShadowStep(2000)
        rollout = stepping(step, weight=0, shadow=2000)
        behind = replace(compared(60.0), nodes=(NodeState("gateway-1", at(0), connected=True),))
        found = progress(rollout, behind, at(0, shadow=2000))
        assert (found.done, found.because) == (False, "not every gateway obeys yet")

    def test_not_while_a_side_is_sheltered(self) -> None:
        found = copied(ShadowStep(2000), compared(60.0), sheltering="candidate")
        assert (found.done, found.because) == (False, "the candidate has no ready instance")

    def test_a_share_of_0_needs_no_evidence_but_its_time(self) -> None:
        nothing = compared(60.0, Differences())
        assert copied(ShadowStep(0), nothing).done
        assert copied(ShadowStep(0), nothing).because == "nothing is copied any more"
        assert not copied(ShadowStep(0), compared(59.0, Differences())).done
        assert copied(ShadowStep(0, for_s=0.0), compared(0.0, Differences())).done

    def test_it_leaves_the_weight_as_it_is(self) -> None:
        policy = Policy(steps=(ShadowStep(2000), WeightStep(100), ShadowStep(5000), WeightStep(1000)))
        rollout = under_way(Phase.PROGRESSING, policy)
        assert [weight_at(rollout, step) for step in range(4)] == [0, 100, 100, 1000]
        assert [step_from(rollout, weight) for weight in (0, 100, 101)] == [1, 1, 3]


def test_where_nobody_counts_a_weight_step_ends_by_its_time() -> None:
    blind = replace(POLICY, errors=ErrorGate(watch=False), latency=None, at_least_s=10.0)
    rollout = under_way(Phase.PROGRESSING, blind)
    split = at(rollout.weight)
    obeying = (NodeState("gateway-1", split, connected=True),)
    begun = Observed(rollout.step_since + 1, nodes=obeying)
    assert not progress(rollout, begun, split).done
    found = progress(rollout, replace(begun, now=rollout.step_since + 11), split)
    assert (found.done, found.because) == (True, "no gate of ours has to be proven")
