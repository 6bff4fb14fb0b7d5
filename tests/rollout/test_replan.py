"""A changed spec changes what is to come, and is refused what it would change of the past."""

from dataclasses import replace

import pytest

from abreast.model.errors import RefusedError
from abreast.model.rollout import ApproveStep, BakeStep, ErrorGate, HoldStep, Phase, Policy, Rollout, Step, WeightStep
from abreast.rollout.replan import replan

ONE, TEN, HALF, FULL = WeightStep(100), WeightStep(1000), WeightStep(5000), WeightStep(10_000)
POLICY = Policy(steps=(ONE, TEN, HALF, FULL, BakeStep(60.0)))
ON_TEN = Rollout("shop", 1, "v1", "v2", POLICY, Phase.PROGRESSING, 0.0, 0.0, 0.0, step=1)


def changed(*steps: Step) -> Policy:
    """The policy with other steps."""
    return replace(POLICY, steps=steps)


@pytest.mark.parametrize(
    "policy",
    [
        changed(ONE, TEN, FULL, BakeStep(60.0)),
        changed(ONE, TEN, HoldStep(5.0), ApproveStep(), WeightStep(2500), HALF, FULL),
        changed(ONE, TEN, HALF, FULL, BakeStep(7200.0)),
        replace(POLICY, at_least_s=5.0, errors=ErrorGate(limit=1), on_failure="freeze", drain_s=99.0),
    ],
)
def test_what_is_to_come_follows_the_spec(policy: Policy) -> None:
    assert replan(ON_TEN, policy) == replace(ON_TEN, policy=policy)


def test_the_same_policy_changes_nothing() -> None:
    assert replan(ON_TEN, replace(POLICY)) is ON_TEN


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            changed(ONE, WeightStep(2000), FULL),
            "step 2 is under way: `weight 10 %`; the changed spec says: `weight 20 %`",
        ),
        (changed(ONE, WeightStep(1000, 5.0)), "under way: `weight 10 %`; the changed spec says: `weight 10 % for 5s`"),
        (changed(WeightStep(500), TEN), "step 1 is done: `weight 1 %`; the changed spec says: `weight 5 %`"),
        (changed(TEN, HALF, FULL), "step 1 is done: `weight 1 %`; the changed spec says: `weight 10 %`"),
        (changed(ONE, FULL), "step 2 is under way: `weight 10 %`; the changed spec says: no such step"),
        (changed(HoldStep(5.0), ONE, TEN), "step 1 is done: `weight 1 %`; the changed spec says: `hold 5s`"),
    ],
)
@pytest.mark.parametrize("stop", [None, Phase.PAUSED, Phase.FROZEN])
def test_what_is_done_or_under_way_is_quoted_against_the_spec(policy: Policy, message: str, stop: Phase | None) -> None:
    rollout = replace(ON_TEN, phase=stop, resume_to=Phase.PROGRESSING) if stop else ON_TEN
    with pytest.raises(RefusedError) as caught:
        replan(rollout, policy)
    assert message in caught.value.message
    assert "back as step" in caught.value.remedy


@pytest.mark.parametrize("phase", [Phase.PROMOTING, Phase.BAKING, Phase.RETIRING])
def test_once_all_users_are_moved_the_ladder_is_past(phase: Phase) -> None:
    rollout = replace(ON_TEN, phase=phase, step=3)
    with pytest.raises(RefusedError, match=r"step 3 is done: `weight 50 %`.*no such step"):
        replan(rollout, changed(ONE, TEN, FULL, BakeStep(60.0)))
    longer = changed(ONE, TEN, HALF, WeightStep(7500), FULL, BakeStep(60.0))
    with pytest.raises(
        RefusedError, match=r"step 4 is past, all users are moved: no such step.*`weight 75 %`"
    ) as caught:
        replan(rollout, longer)
    assert "remove step 4 again" in caught.value.remedy


def test_promotion_without_the_rest_of_the_steps_leaves_them_past_all_the_same() -> None:
    skipped = replace(ON_TEN, phase=Phase.PROMOTING, step=1)
    with pytest.raises(RefusedError, match="step 3 is done"):
        replan(skipped, changed(ONE, TEN, FULL, BakeStep(60.0)))


def test_a_ladder_that_is_climbed_gets_no_further_steps() -> None:
    with pytest.raises(RefusedError, match="step 4"):
        replan(replace(ON_TEN, step=3), changed(ONE, TEN, HALF, WeightStep(7500), FULL))


@pytest.mark.parametrize(
    ("phase", "state"), [(Phase.BAKING, "under way"), (Phase.RETIRING, "done"), (Phase.PROMOTING, None)]
)
def test_a_bake_can_change_until_it_begins(phase: Phase, state: str | None) -> None:
    rollout = replace(ON_TEN, phase=phase, step=3)
    policy = changed(ONE, TEN, HALF, FULL, BakeStep(7200.0))
    if state is None:
        assert replan(rollout, policy).policy == policy
        return
    with pytest.raises(
        RefusedError, match=f"the bake is {state}: `bake 1m`; the changed spec says: `bake 2h`"
    ) as caught:
        replan(rollout, policy)
    assert "rollout.retire.after" in caught.value.remedy


@pytest.mark.parametrize("phase", [Phase.BAKING, Phase.RETIRING])
def test_when_the_old_version_stops_may_change_to_the_last(phase: Phase) -> None:
    policy = replace(POLICY, retire_after_s=1.0, unused_for_s=1.0)
    assert replan(replace(ON_TEN, phase=phase, step=3), policy).policy == policy


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.ROLLING_BACK, Phase.ROLLED_BACK])
def test_without_a_step_under_way_everything_may_change(phase: Phase) -> None:
    policy = changed(HALF, FULL)
    assert replan(replace(ON_TEN, phase=phase), policy).policy == policy


def test_a_completed_rollout_keeps_the_policy_it_had() -> None:
    completed = replace(ON_TEN, phase=Phase.COMPLETED, step=3)
    assert replan(completed, changed(HALF, FULL)) is completed
