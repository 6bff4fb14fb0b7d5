"""What one turn changes, what it notes, and what the gateways are told in each state."""

from dataclasses import replace

import pytest

from abreast.model.event import EventKind
from abreast.model.rollout import HoldStep, Phase, Rollout, ShadowStep, WeightStep
from abreast.model.service import Endpoint, Instance, InstanceState
from abreast.model.shadow import IsolatedRoute, ShadowPolicy
from abreast.model.traffic import Shadowing, Split
from abreast.rollout.observed import Observed
from abreast.rollout.transitions import Trigger
from abreast.rollout.turn import Turn, shadow_at, share_of, shelter_of, split_of
from tests.rollout.play import BEGIN, POLICY, V1, V2, at, instances, serving, under_way

NOW = BEGIN + 5
COPYING = replace(
    POLICY,
    steps=(
        HoldStep(5.0),
        ShadowStep(2000, 60.0),
        WeightStep(100),
        WeightStep(1000, shadow=500),
        WeightStep(2500, shadow=0),
        ShadowStep(300),
        WeightStep(10_000),
    ),
)


def turn(rollout: Rollout) -> Turn:
    return Turn(rollout, Observed(now=NOW))


def noted(turned: Turn) -> list[tuple[EventKind, str, dict[str, object]]]:
    return [(event.kind, event.reason, dict(event.data)) for event in turned.events]


def test_a_move_is_noted_with_both_phases_and_who_made_it() -> None:
    moved = turn(under_way(Phase.BAKING)).moved(Trigger.BAKED, "ada", "long enough")
    assert (moved.rollout.phase, moved.rollout.phase_since, moved.rollout.reason) == (
        Phase.RETIRING,
        NOW,
        "long enough",
    )
    assert noted(moved) == [(EventKind.PHASE, "long enough", {"before": "baking", "after": "retiring"})]
    assert (moved.events[0].actor, moved.events[0].at, moved.events[0].rollout) == ("ada", NOW, 1)


def test_a_move_that_the_table_lacks_is_an_error_of_ours() -> None:
    with pytest.raises(LookupError, match="not possible in phase"):
        turn(serving()).moved(Trigger.ABORT, "ada", "why not")


def test_rolling_back_orders_weight_0_and_forgets_retiring() -> None:
    retired = under_way(Phase.RETIRING, released_at=NOW, retire_now=True, held=True)
    back = turn(retired).moved(Trigger.UNDO, "ada", "wrong").rollout
    assert (back.weight, back.weight_since, back.released_at, back.retire_now, back.held) == (
        0,
        NOW,
        None,
        False,
        False,
    )


def test_promoting_orders_all_users() -> None:
    moved = turn(under_way(Phase.PROGRESSING)).moved(Trigger.CLIMBED, "abreast", "done")
    assert noted(moved)[1] == (EventKind.WEIGHT, "done", {"before": 1000, "after": 10_000})


def test_halting_remembers_where_to_go_on_also_when_halted_twice() -> None:
    paused = turn(under_way(Phase.BAKING)).moved(Trigger.PAUSE, "ada", "lunch")
    frozen = paused.moved(Trigger.FREEZE, "abreast", "worse")
    assert (paused.rollout.resume_to, frozen.rollout.resume_to) == (Phase.BAKING, Phase.BAKING)
    resumed = frozen.moved(Trigger.RESUME, "ada", "it was the network")
    assert (resumed.rollout.phase, resumed.rollout.resume_to) == (Phase.BAKING, None)


def test_the_same_weight_again_is_no_change() -> None:
    before = turn(under_way(Phase.PROGRESSING))
    assert before.weighted(1000, "ada", "again") is before


def test_a_step_is_noted_with_its_place_and_its_weight() -> None:
    stepped = turn(under_way(Phase.PROGRESSING, held=True)).stepped(4, "abreast", "approved")
    assert (stepped.rollout.step, stepped.rollout.step_since, stepped.rollout.held) == (4, NOW, False)
    assert noted(stepped) == [
        (EventKind.STEP, "approved", {"step": 5, "of": 5, "what": "weight 50 %"}),
        (EventKind.WEIGHT, "step 5: 50 %", {"before": 1000, "after": 5000}),
    ]


def test_past_the_last_step_there_is_nothing_to_note() -> None:
    stepped = turn(under_way(Phase.PROGRESSING)).stepped(5, "abreast", "done")
    assert (stepped.rollout.step, stepped.events) == (5, ())


@pytest.mark.parametrize(("step", "share"), [*enumerate([0, 2000, 2000, 500, 0, 300, 300, 300])])
def test_what_is_copied_in_a_step_is_its_own_share_or_the_last_one_set_before_it(step: int, share: int) -> None:
    assert shadow_at(under_way(Phase.PROGRESSING, COPYING), step) == share


def test_without_shadow_steps_nothing_is_ever_copied() -> None:
    assert {shadow_at(under_way(Phase.PROGRESSING), step) for step in range(len(POLICY.ladder) + 1)} == {0}


class TestShadowed:
    """The share of requests that is copied changes by steps, and ends with everything else."""

    def test_a_change_is_noted_with_both_shares(self) -> None:
        changed = turn(under_way(Phase.PROGRESSING, shadow=100)).shadowed(2000, "ada", "more")
        assert changed.rollout.shadow == 2000
        assert noted(changed) == [(EventKind.SHADOW, "more", {"before": 100, "after": 2000})]
        assert changed.events[0].actor == "ada"

    def test_the_same_share_again_is_no_change(self) -> None:
        before = turn(under_way(Phase.PROGRESSING, shadow=100))
        assert before.shadowed(100, "ada", "again") is before

    def test_entering_a_shadow_step_copies_and_moves_no_user(self) -> None:
        stepped = turn(under_way(Phase.PROGRESSING, COPYING, weight=0, step=0)).stepped(
            1, "abreast", "held long enough"
        )
        assert (stepped.rollout.shadow, stepped.rollout.weight) == (2000, 0)
        assert noted(stepped) == [
            (EventKind.STEP, "held long enough", {"step": 2, "of": 6, "what": "shadow 20 %"}),
            (EventKind.SHADOW, "step 2: shadow 20 %", {"before": 0, "after": 2000}),
        ]

    def test_copying_goes_on_beside_the_next_weight(self) -> None:
        stepped = turn(under_way(Phase.PROGRESSING, COPYING, weight=0, step=1, shadow=2000)).stepped(2, "abreast", "ok")
        assert (stepped.rollout.shadow, stepped.rollout.weight) == (2000, 100)
        assert [kind for kind, _, _ in noted(stepped)] == [EventKind.STEP, EventKind.WEIGHT]

    @pytest.mark.parametrize(
        ("step", "share", "what"), [(3, 500, "10 % with shadow 5 %"), (4, 0, "25 % with shadow 0 %")]
    )
    def test_a_weight_may_bring_a_share_of_its_own(self, step: int, share: int, what: str) -> None:
        before = under_way(Phase.PROGRESSING, COPYING, weight=100, step=step - 1, shadow=2000)
        stepped = turn(before).stepped(step, "abreast", "ok")
        assert stepped.rollout.shadow == share
        assert noted(stepped)[0][2]["what"] == f"weight {what}"
        assert noted(stepped)[1][2] == {"before": 2000, "after": share}

    @pytest.mark.parametrize(
        ("phase", "trigger", "weight"),
        [
            (Phase.PROGRESSING, Trigger.WORSE, 0),
            (Phase.PAUSED, Trigger.ABORT, 0),
            (Phase.PROGRESSING, Trigger.CLIMBED, 10_000),
            (Phase.PROGRESSING, Trigger.FULL, 10_000),
        ],
    )
    def test_it_ends_when_one_side_has_all_users(self, phase: Phase, trigger: Trigger, weight: int) -> None:
        moved = turn(under_way(phase, COPYING, shadow=2000)).moved(trigger, "ada", "so it is")
        assert (moved.rollout.shadow, moved.rollout.weight) == (0, weight)
        assert (EventKind.SHADOW, "so it is", {"before": 2000, "after": 0}) in noted(moved)
        assert split_of(moved.rollout).shadow is None

    @pytest.mark.parametrize("trigger", [Trigger.PAUSE, Trigger.FREEZE])
    def test_it_goes_on_while_a_person_is_waited_for(self, trigger: Trigger) -> None:
        moved = turn(under_way(Phase.PROGRESSING, COPYING, shadow=2000)).moved(trigger, "ada", "wait")
        assert split_of(moved.rollout).shadow == Shadowing(2000, COPYING.shadow.at_most_per_s)

    @pytest.mark.parametrize(
        ("fields", "copied"),
        [
            ({}, True),
            ({"weight": 0}, True),
            ({"weight": 9999}, True),
            ({"weight": 10_000}, False),
            ({"sheltering": "candidate"}, False),
            ({"sheltering": "stable"}, False),
            ({"shadow": 0}, False),
            ({"released_at": NOW}, False),
            ({"phase": Phase.PENDING, "weight": 0}, False),
        ],
    )
    def test_nothing_is_copied_where_a_side_is_missing(self, fields: dict[str, object], copied: bool) -> None:
        rollout = under_way(Phase.PROGRESSING, COPYING, shadow=2000)
        changed = replace(rollout, **fields)  # type: ignore[arg-type]  # the fields of a Rollout, by name
        assert (split_of(changed).shadow is not None) is copied

    def test_the_policy_s_budget_and_isolated_routes_go_with_it(self) -> None:
        isolated = (IsolatedRoute(("POST",), "/carts"),)
        policy = replace(COPYING, shadow=ShadowPolicy(at_most_per_s=7.0, isolated=isolated))
        split = split_of(under_way(Phase.PROGRESSING, policy, shadow=1))
        assert split == replace(at(1000), shadow=Shadowing(1, 7.0, isolated))


@pytest.mark.parametrize(
    ("rollout", "split"),
    [
        (serving(), V1),
        (under_way(Phase.PENDING), V1),
        (under_way(Phase.PROGRESSING), at(1000)),
        (under_way(Phase.PROGRESSING, sheltering="candidate"), at(0)),
        (under_way(Phase.PROGRESSING, sheltering="stable"), at(10_000)),
        (under_way(Phase.PROGRESSING, number=3), at(1000, number=3)),
        (under_way(Phase.BAKING), at(10_000)),
        (under_way(Phase.RETIRING), at(10_000)),
        (under_way(Phase.RETIRING, released_at=NOW), V2),
        (under_way(Phase.COMPLETED), V2),
        (under_way(Phase.ROLLING_BACK), at(0)),
        (under_way(Phase.ROLLED_BACK), at(0)),
        (under_way(Phase.ROLLED_BACK, released_at=NOW), V1),
    ],
)
def test_what_the_gateways_are_told(rollout: Rollout, split: Split) -> None:
    assert split_of(rollout) == split


@pytest.mark.parametrize(
    ("split", "v1", "v2"),
    [(V1, 10_000, 0), (V2, 0, 10_000), (at(0), 10_000, 0), (at(1000), 9000, 1000), (at(10_000), 0, 10_000)],
)
def test_the_share_of_a_version(split: Split, v1: int, v2: int) -> None:
    assert [share_of(split, version) for version in ("v1", "v2", "v3", None)] == [v1, v2, 0, 0]


@pytest.mark.parametrize(
    ("weight", "v1", "v2", "sheltered"),
    [
        (1000, 1, 1, None),
        (1000, 1, 0, "candidate"),
        (1000, 0, 1, "stable"),
        (1000, 0, 0, None),
        (0, 1, 0, None),
        (0, 0, 1, "stable"),
        (10_000, 0, 1, None),
        (10_000, 1, 0, "candidate"),
    ],
)
def test_a_side_with_users_and_nothing_ready_is_sheltered(weight: int, v1: int, v2: int, sheltered: str | None) -> None:
    observed = Observed(now=NOW, instances=instances({"v1": v1, "v2": v2}, {}))
    assert shelter_of(under_way(Phase.PROGRESSING, weight=weight), observed) == sheltered


@pytest.mark.parametrize("state", [InstanceState.STARTING, InstanceState.UNREADY, InstanceState.FAILED])
def test_an_instance_that_is_not_ready_shelters_nobody(state: InstanceState) -> None:
    alone = Instance("v1-1", "v1", Endpoint("127.0.0.1", 1), state, BEGIN)
    observed = Observed(now=NOW, instances=(alone, *instances({"v2": 1}, {})))
    assert shelter_of(under_way(Phase.PROGRESSING), observed) == "stable"


@pytest.mark.parametrize(
    "rollout",
    [serving(), under_way(Phase.PENDING), under_way(Phase.COMPLETED), under_way(Phase.RETIRING, released_at=NOW)],
)
def test_where_only_one_side_is_in_the_gateway_there_is_no_shelter(rollout: Rollout) -> None:
    for ready in ({"v1": 1}, {"v2": 1}):
        assert shelter_of(rollout, Observed(now=NOW, instances=instances(ready, {}))) is None
