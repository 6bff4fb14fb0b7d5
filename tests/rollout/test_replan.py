"""A changed spec changes what is to come, and is refused what it would change of the past."""

from dataclasses import replace

import pytest

from abreast.model.errors import RefusedError, UsageError
from abreast.model.rollout import (
    ApproveStep,
    BakeStep,
    DifferenceGate,
    ErrorGate,
    Group,
    HoldStep,
    Phase,
    Policy,
    Rollout,
    ShadowStep,
    Step,
    WeightStep,
)
from abreast.model.service import Service, UserKey, Version
from abreast.model.shadow import ShadowPolicy
from abreast.rollout.replan import replan, require_same, require_versions
from tests.rollout.play import serving, under_way

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
        changed(ONE, TEN, ShadowStep(2000), HALF, FULL),
        replace(POLICY, differences=DifferenceGate(100), shadow=ShadowPolicy(at_most_per_s=1.0)),
        replace(POLICY, at_least_s=5.0, errors=ErrorGate(budget=1), on_failure="freeze", drain_s=99.0),
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
        (changed(ShadowStep(2000), ONE, TEN), "1 is done: `weight 1 %`; the changed spec says: `shadow 20 %`"),
        (
            changed(ONE, ShadowStep(50, 5.0)),
            "under way: `weight 10 %`; the changed spec says: `shadow 0.5 % for 5s`",
        ),
        (
            changed(ONE, WeightStep(1000, shadow=50)),
            "under way: `weight 10 %`; the changed spec says: `weight 10 % with shadow 0.5 %`",
        ),
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


def test_a_shadow_step_under_way_is_quoted_with_its_time() -> None:
    copying = replace(ON_TEN, policy=changed(ShadowStep(2000, 300.0), ONE, FULL), step=0, weight=0, shadow=2000)
    with pytest.raises(RefusedError, match=r"step 1 is under way: `shadow 20 % for 5m`; .* `shadow 20 % for 10m`"):
        replan(copying, changed(ShadowStep(2000, 600.0), ONE, FULL))
    with pytest.raises(RefusedError, match="the changed spec says: `shadow 10 % for 5m`"):
        replan(copying, changed(ShadowStep(1000, 300.0), ONE, FULL))
    policy = changed(ShadowStep(2000, 300.0), WeightStep(100, shadow=0), FULL)
    assert replan(copying, policy) == replace(copying, policy=policy)


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


SERVICE = Service("shop", tuple(Version(name, run=("serve",)) for name in ("v1", "v2", "v3")), "v1")


def only(*names: str) -> Service:
    """The service with these versions alone."""
    return replace(SERVICE, versions=tuple(each for each in SERVICE.versions if each.name in names))


class TestVersionsInUse:
    """A version that is run or routed to cannot be left out of the spec."""

    @pytest.mark.parametrize("phase", [each for each in Phase if each not in {Phase.COMPLETED, Phase.ROLLED_BACK}])
    def test_both_sides_while_a_rollout_is_active(self, phase: Phase) -> None:
        require_versions(only("v1", "v2"), under_way(phase))
        for kept, missing in (("v1", "v2"), ("v2", "v1")):
            with pytest.raises(UsageError, match=f"versions: {missing} is missing in the spec"):
                require_versions(only(kept), under_way(phase))

    def test_the_loser_until_it_is_released(self) -> None:
        warm = under_way(Phase.ROLLED_BACK)
        with pytest.raises(UsageError, match="v2 is missing") as caught:
            require_versions(only("v1"), warm)
        assert caught.value.remedy == "put v2 back until its instances are retired (abreast status)"
        require_versions(only("v1"), replace(warm, released_at=1.0))

    def test_only_who_serves_once_all_is_over(self) -> None:
        require_versions(only("v2"), under_way(Phase.COMPLETED))
        with pytest.raises(UsageError, match="v2 is missing"):
            require_versions(only("v1"), under_way(Phase.COMPLETED))


class TestWhatCannotChange:
    """Some keys hold for as long as the service, or the rollout, lives."""

    def test_the_service(self) -> None:
        with pytest.raises(RefusedError, match="'other' is another service than 'shop'"):
            require_same(SERVICE, replace(SERVICE, name="other"), serving())

    def test_who_is_one_user_while_a_rollout_is_active(self) -> None:
        after = replace(SERVICE, users=(UserKey("header", "x-other"),))
        with pytest.raises(RefusedError, match=r"users\.by: .* would move users between the versions"):
            require_same(SERVICE, after, under_way(Phase.PROGRESSING))
        require_same(SERVICE, after, serving())


def test_the_group_of_a_rollout_under_way_stays() -> None:
    other = replace(POLICY, group=Group("spring", ("cart", "shop")))
    with pytest.raises(RefusedError, match="group: another group or order during a rollout would leave"):
        replan(under_way(Phase.PROGRESSING, POLICY), other)
    assert replan(under_way(Phase.ROLLED_BACK, POLICY), other).policy.group == other.group
