"""The evidence of an attempt follows the rollout: what is kept, what begins anew, and when."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.analysis.assessment import Assessment, Counted
from abreast.analysis.engine import Engine
from abreast.analysis.lanes import Limits
from abreast.model.rollout import (
    ApproveStep,
    BakeStep,
    ErrorGate,
    HoldStep,
    LatencyGate,
    Phase,
    Policy,
    Rollout,
    ShadowStep,
    WeightStep,
)
from abreast.model.service import Instance, InstanceState
from abreast.model.units import FULL_WEIGHT
from abreast.rollout.observed import Observed
from abreast.rollout.watch import LIVE, Watch, is_alone, is_live, is_warming, limits_of, next_weight
from tests.rollout.play import BEGIN, POLICY, instances, serving, under_way
from tests.rollout.traffic import BAD, GOOD, SLOW, Both, assessed, ticks

WATCHED = replace(POLICY, latency=LatencyGate())
FIRST = under_way(Phase.PROGRESSING, WATCHED, step=0, weight=100)
SECOND = replace(FIRST, step=1, weight=1000, step_since=BEGIN + 60, weight_since=BEGIN + 60)
HOLDING = replace(SECOND, step=2, step_since=BEGIN + 120)


def watching(rollout: Rollout, seconds: int = 60, both: Both = GOOD, watch: Watch | None = None) -> Watch:
    """After so many seconds at that place of the rollout."""
    watch = watch or Watch()
    watch.follow(rollout)
    for tick in ticks(seconds, both, begin=rollout.step_since):
        watch.add(tick)
    return watch


class TestLimits:
    """What the policy tolerates, as the engine wants to hear it."""

    def test_each_is_the_policys(self) -> None:
        policy = replace(
            POLICY, errors=ErrorGate(budget=25, window_s=7.0), latency=LatencyGate(tolerance=1500, window_s=9.0)
        )
        limits = limits_of(policy)
        assert (limits.budget, limits.window_s) == (0.0025, 7.0)
        assert (limits.tolerance, limits.latency_window_s) == (0.15, 9.0)
        assert limits_of(POLICY).tolerance is None

    def test_the_default_policy_has_the_default_limits(self) -> None:
        found, default = limits_of(Policy()), Limits()
        assert (found.budget, found.window_s) == (default.budget, default.window_s)
        assert (found.tolerance, found.latency_window_s) == (default.tolerance, default.latency_window_s)
        assert found.changes == default.changes == 5, "1, 10, 25, 50 and 100 %"

    def test_stakes_last_for_the_longest_time(self) -> None:
        steps = (WeightStep(100), HoldStep(30.0), WeightStep(1000), WeightStep(FULL_WEIGHT), BakeStep(300.0))
        limits = limits_of(Policy(steps=steps, at_least_s=60.0, at_most_s=600.0))
        assert (limits.changes, limits.longest_s) == (3, 3 * 600 + 300)
        assert limits_of(Policy(steps=(), at_least_s=60.0, at_most_s=600.0)) == replace(
            limits, changes=1, longest_s=600.0
        )


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 1000), (1, 5000), (2, 5000), (3, 5000), (4, 10_000), (5, 10_000)],
)
def test_the_next_weight_is_that_of_the_next_weight_step(step: int, expected: int) -> None:
    assert next_weight(under_way(Phase.PROGRESSING, step=step)) == expected


def test_a_next_weight_of_nothing_is_taken_for_the_least() -> None:
    policy = replace(POLICY, steps=(ShadowStep(2000), WeightStep(0), ApproveStep()))
    assert next_weight(under_way(Phase.PROGRESSING, policy, step=0)) == 1
    assert next_weight(under_way(Phase.PROGRESSING, policy, step=2)) == FULL_WEIGHT


def test_it_is_live_where_users_may_be_on_the_candidate() -> None:
    assert {phase for phase in Phase if is_live(under_way(phase))} == LIVE
    assert not is_live(serving())


def test_the_candidate_is_alone_where_the_gateways_send_everybody_to_it() -> None:
    assert not is_alone(FIRST)
    assert is_alone(replace(FIRST, sheltering="stable"))
    assert is_alone(under_way(Phase.BAKING))
    assert not is_alone(under_way(Phase.BAKING, sheltering="candidate"))


class TestWarming:
    """Slow because it has only just started."""

    @staticmethod
    def seen(now: float, *found: Instance) -> Observed:
        return Observed(now=BEGIN + now, instances=found)

    def test_each_new_instance_of_the_candidates_counts(self) -> None:
        old, new = instances({"v2": 2}, {})
        new = replace(new, since=BEGIN + 100)
        assert [is_warming(FIRST, self.seen(now, old)) for now in (0, 59, 60, 99)] == [True, True, False, False]
        assert [is_warming(FIRST, self.seen(now, old, new)) for now in (100, 159, 160)] == [True, True, False]

    def test_others_do_not(self) -> None:
        (stable,) = instances({"v1": 1}, {})
        starting = replace(stable, version="v2", state=InstanceState.STARTING)
        assert not is_warming(FIRST, self.seen(1, stable, starting))
        (candidate,) = instances({"v2": 1}, {})
        assert is_warming(FIRST, self.seen(1, candidate))
        assert not is_warming(replace(FIRST, policy=POLICY), self.seen(1, candidate)), "nobody asks for latency"
        patient = replace(WATCHED, latency=LatencyGate(warm_up_s=0.0))
        assert not is_warming(replace(FIRST, policy=patient), self.seen(0, candidate))


class TestFollow:
    """Same place: the evidence goes on; another step: it is proven anew; another attempt: all is forgotten."""

    def test_before_there_is_an_attempt_it_says_nothing(self) -> None:
        watch = Watch()
        for tick in ticks(60, BAD):
            watch.add(tick)
        assert watch.assessment == Assessment()
        assert watch.state() == {}

    def test_it_is_the_engine_of_the_policy_and_the_step(self) -> None:
        assert watching(FIRST).assessment == assessed(WATCHED, 60, GOOD, next_weight=1000)
        assert watching(SECOND).assessment != watching(FIRST).assessment

    def test_following_the_same_place_changes_nothing(self) -> None:
        watch = watching(FIRST)
        before = watch.state()
        for _ in range(3):
            watch.follow(FIRST)
            watch.follow(replace(FIRST, revision=99, reason="another", held=True, phase=Phase.PAUSED))
        assert watch.state() == before

    def test_another_step_is_proven_anew_and_what_speaks_against_the_candidate_stays(self) -> None:
        watch = watching(FIRST, 20, BAD)
        before = watch.assessment.errors
        watch.follow(SECOND)
        after = watch.assessment.errors
        assert (after.attempt, after.step) == (before.attempt, Counted())
        assert after.fine.log_e == 0
        assert after.fine.needed == before.fine.needed
        assert after.worse.log_e >= before.worse.log_e > 0
        assert watching(SECOND, 20, BAD, watch).assessment.errors.worse.proven, "both steps' evidence together"

    def test_what_the_next_step_has_to_prove_is_for_its_own_next_weight(self) -> None:
        watch = watching(SECOND, 60, GOOD, watching(FIRST))
        alone = watching(SECOND)
        assert watch.assessment.errors.fine.log_e == pytest.approx(alone.assessment.errors.fine.log_e)
        assert watch.assessment.errors.step == alone.assessment.errors.step
        assert watching(FIRST).assessment.errors.fine.log_e > alone.assessment.errors.fine.log_e, "10 % costs less"

    def test_fresh_stakes_come_with_another_weight_alone(self) -> None:
        def stakes(watch: Watch) -> list[float]:
            found: list[float] = watch.state()["engine"]["errors"]["a"]
            return found

        watch = watching(FIRST, 0)
        before = stakes(watch)
        watch.follow(replace(FIRST, step=1, step_since=BEGIN + 10))
        assert stakes(watch) == before
        watch.follow(SECOND)
        raised = stakes(watch)
        assert all(now > then for now, then in zip(raised, before, strict=True))
        watch.follow(HOLDING)
        assert stakes(watch) == raised

    @pytest.mark.parametrize(
        "other",
        [
            replace(FIRST, number=2),
            replace(FIRST, attempt_since=BEGIN + 60),
            replace(FIRST, policy=replace(WATCHED, errors=ErrorGate(budget=25))),
            replace(FIRST, policy=replace(WATCHED, latency=LatencyGate(tolerance=100))),
            replace(FIRST, policy=POLICY),
        ],
    )
    def test_another_attempt_or_other_limits_begin_anew(self, other: Rollout) -> None:
        watch = watching(FIRST, 60, BAD)
        assert watch.assessment.errors.worse.proven
        watch.follow(other)
        assert watch.assessment == Engine(limits_of(other.policy)).assessment()

    def test_what_the_limits_do_not_speak_of_may_change_under_way(self) -> None:
        watch = watching(FIRST, 60, BAD)
        before = watch.assessment
        watch.follow(replace(FIRST, policy=replace(WATCHED, on_failure="freeze", drain_s=1.0)))
        assert watch.assessment == before

    def test_a_weight_by_hand_is_another_place(self) -> None:
        watch = watching(FIRST)
        watch.follow(replace(FIRST, weight=500, weight_since=BEGIN + 30))
        assert watch.assessment.errors.step == Counted()


def restored(watch: Watch, rollout: Rollout) -> Watch:
    """Through JSON, as a control plane that was killed."""
    state: dict[str, Any] = orjson.loads(orjson.dumps(watch.state()))
    return Watch.restored(rollout, state)


class TestState:
    """A restarted control plane goes on where it was."""

    @given(st.integers(0, 90), st.sampled_from([GOOD, BAD, SLOW]), st.sampled_from([FIRST, SECOND, HOLDING]))
    @settings(deadline=None, max_examples=12)
    def test_saved_and_restored_it_goes_on_as_if_nothing_had_been(
        self, seconds: int, both: Both, rollout: Rollout
    ) -> None:
        one = watching(rollout, 45, both, watching(FIRST))
        other = restored(one, rollout)
        other.follow(rollout)
        assert other.assessment == one.assessment
        for tick in ticks(seconds, both, begin=rollout.step_since + 45):
            one.add(tick)
            other.add(tick)
        one.follow(replace(rollout, step=3, step_since=BEGIN + 500))
        other.follow(replace(rollout, step=3, step_since=BEGIN + 500))
        assert other.assessment == one.assessment
        assert other.state() == one.state()

    def test_a_step_that_was_recorded_but_not_followed_is_followed_then(self) -> None:
        watch = restored(watching(FIRST), SECOND)
        assert watch.assessment.errors.step.seen_c == 60 * 20
        watch.follow(SECOND)
        assert watch.assessment.errors.step == Counted()
        assert watch.assessment.errors.attempt.seen_c == 60 * 20

    @pytest.mark.parametrize("other", [replace(FIRST, number=2), replace(FIRST, attempt_since=BEGIN + 1)])
    def test_the_state_of_another_attempt_is_left_out(self, other: Rollout) -> None:
        watch = restored(watching(FIRST, 60, BAD), other)
        assert watch.assessment == Assessment()
        watch.follow(other)
        assert watch.assessment == Engine(limits_of(WATCHED)).assessment()

    def test_the_state_of_other_limits_is_left_out_as_soon_as_it_is_followed(self) -> None:
        changed = replace(FIRST, policy=replace(WATCHED, errors=ErrorGate(budget=25)))
        watch = restored(watching(FIRST, 60, BAD), changed)
        watch.follow(changed)
        assert not watch.assessment.errors.worse.proven

    def test_no_state_is_a_new_one(self) -> None:
        assert Watch.restored(FIRST, {}).state() == {}

    def test_it_is_small(self) -> None:
        steps = watching(HOLDING, 600, BAD, watching(SECOND, 600, SLOW, watching(FIRST, 600)))
        assert len(orjson.dumps(steps.state())) < 8_000
