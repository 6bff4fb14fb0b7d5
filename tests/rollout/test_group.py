"""A member goes on only with the others, and goes back with them, in order."""

from dataclasses import replace

import pytest

from abreast.model.event import EventKind
from abreast.model.group import Heard, Stage, Standing
from abreast.model.rollout import ApproveStep, Group, Phase, WeightStep
from abreast.rollout import group
from abreast.rollout.explain import explain
from abreast.rollout.group import PATIENCE_S, STALE_S
from tests.rollout.members import GROUPED, SHORT, heard, hears, member, said
from tests.rollout.play import BEGIN, Play, at, serving

READY = (said("payments", Phase.PROGRESSING, Stage.READY), said("cart", Phase.PROGRESSING, Stage.READY))
BAKED = (said("payments", Phase.BAKING, Stage.BAKED), said("cart", Phase.BAKING, Stage.BAKED))
RETIRING = (said("payments", Phase.RETIRING, Stage.RETIRING), said("cart", Phase.RETIRING, Stage.RETIRING))
RELEASED = (said("payments", Phase.RETIRING, Stage.RELEASED), said("cart", Phase.COMPLETED, Stage.RELEASED))


def at_the_top() -> Play:
    """All its steps are done."""
    return member(Phase.PROGRESSING, step=len(GROUPED.ladder))


def released() -> Play:
    """Its old version has left the gateway and is stopped."""
    play = hears(member(Phase.RETIRING, SHORT), *RETIRING)
    play.obeyed()
    play.after("1s").sees(v1=0)
    assert play.rollout.released_at is not None
    return play.phase(Phase.RETIRING)


# Going on together


def test_nobody_is_promoted_before_all_are_ready() -> None:
    play = at_the_top().phase(Phase.PROGRESSING).waits("payments has not answered yet; cart has not answered yet")
    hears(play, READY[0], said("cart", Phase.PROGRESSING, because="errors at weight 10 %: undecided"))
    play.phase(Phase.PROGRESSING).waits("waiting for group spring: cart is progressing: errors at weight 10 %: undecid")
    hears(play, READY[1]).phase(Phase.PROMOTING).gives(at(10_000))


def test_those_that_are_further_do_not_hold() -> None:
    hears(at_the_top(), *RETIRING).phase(Phase.PROMOTING)
    hears(at_the_top(), said("payments", Phase.PAUSED, Stage.READY), BAKED[1]).phase(Phase.PROMOTING)


def test_what_was_said_too_long_ago_counts_as_not_said() -> None:
    play = member(Phase.PROGRESSING, step=len(GROUPED.ladder))
    play.group = heard(*READY, at=BEGIN - STALE_S - 1)
    play.turn().phase(Phase.PROGRESSING).waits("payments has not answered for 11 s")
    play.group = heard(*READY, at=BEGIN - STALE_S)
    play.turn().phase(Phase.PROMOTING)


def test_silence_neither_promotes_nor_rolls_back() -> None:
    play = at_the_top()
    trouble = Heard(said("payments", Phase.PROGRESSING), BEGIN, "no abreast answers at ../payments")
    play.group = {"payments": trouble, "cart": Heard(None, 0.0, "no abreast answers at ../cart")}
    play.after("1h").phase(Phase.PROGRESSING).waits("payments has not answered for 1 h (no abreast answers at ../pa")
    play.waits("cart has not answered yet (no abreast answers at ../cart)")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (said("cart", Phase.COMPLETED, Stage.RELEASED, attempt=0), "cart has not begun this attempt of the group"),
        (said("cart", Phase.PROGRESSING, Stage.READY, alone=True), "cart goes alone: it is progressing"),
        (said("cart", Phase.PROGRESSING, Stage.READY, group=""), "cart is in no group by its own spec, not in spring"),
        (said("cart", Phase.PROGRESSING, Stage.READY, group="may"), "cart is in group may by its own spec"),
        (said("cart", Phase.PROGRESSING, Stage.READY, order=("cart", "shop")), "another `order` in its spec: cart, s"),
    ],
    ids=["not begun", "alone", "no group", "another group", "another order"],
)
def test_who_is_not_in_this_attempt_holds_it(other: Standing, words: str) -> None:
    play = at_the_top()
    play.group = heard(READY[0], other)
    play.turn().phase(Phase.PROGRESSING).waits(words)


def test_another_service_at_the_address_is_told() -> None:
    play = at_the_top()
    play.group = {"payments": Heard(READY[0], BEGIN), "cart": Heard(READY[0], BEGIN)}
    play.turn().phase(Phase.PROGRESSING).waits("cart is not there: at its address answers payments")


def test_nobody_retires_its_old_version_before_all_have_baked() -> None:
    play = hears(member(Phase.BAKING, SHORT), BAKED[0], said("cart", Phase.BAKING, Stage.READY, because="3 s left"))
    play.now += 60
    hears(play, BAKED[0], said("cart", Phase.BAKING, Stage.READY, because="3 s left"))
    play.phase(Phase.BAKING).waits("waiting for group spring: cart is baking: 3 s left")
    hears(play, BAKED[0], BAKED[1]).phase(Phase.RETIRING)


def test_no_old_version_leaves_the_gateway_while_a_gate_may_send_another_member_back() -> None:
    play = hears(member(Phase.RETIRING, SHORT), BAKED[0], RETIRING[1]).phase(Phase.RETIRING)
    play.waits("payments is baking")
    assert play.rollout.released_at is None
    hears(play, *RETIRING)
    assert play.rollout.released_at == play.now


def test_nobody_is_completed_before_all_old_versions_have_left() -> None:
    play = released().waits("payments is retiring; cart is retiring")
    hears(play, *RELEASED).phase(Phase.COMPLETED)


def test_without_anybody_who_asks_there_is_no_group() -> None:
    play = at_the_top()
    play.group = None
    play.turn().phase(Phase.PROMOTING)


# Going back together


def test_a_rollback_takes_the_next_in_order_with_it() -> None:
    play = member(Phase.PROGRESSING)
    back = said("payments", Phase.ROLLING_BACK, reason="gate errors: 9 % failed")
    hears(play, back).phase(Phase.PROGRESSING).waits("payments was rolled back: gate errors: 9 % failed; this service")
    play.waits("goes back after payments before it in the group's order")
    hears(play, replace(back, phase=Phase.ROLLED_BACK)).phase(Phase.ROLLING_BACK).gives(at(0))
    play.notes(EventKind.PHASE, "payments was rolled back: gate errors: 9 % failed")


def test_who_comes_first_in_the_order_waits_for_nobody() -> None:
    play = member(Phase.PROGRESSING)
    quiet = said("payments", Phase.PROGRESSING, attempt=0)
    hears(play, quiet, said("cart", Phase.ROLLING_BACK, reason="aborted: prices")).phase(Phase.ROLLING_BACK)
    play.notes(EventKind.PHASE, "cart was rolled back: aborted: prices")


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.PROGRESSING, Phase.PAUSED, Phase.FROZEN, Phase.PROMOTING])
def test_from_every_phase(phase: Phase) -> None:
    play = member(phase)
    hears(play, said("payments", Phase.ROLLED_BACK, reason="aborted")).phase(Phase.ROLLING_BACK)
    play.obeyed().phase(Phase.ROLLED_BACK)


def test_from_baking_and_retiring_too_and_after_the_old_version_was_stopped() -> None:
    gone = said("payments", Phase.ROLLED_BACK, reason="promotion undone")
    hears(member(Phase.BAKING), gone).phase(Phase.ROLLING_BACK)
    hears(member(Phase.RETIRING), gone).phase(Phase.ROLLING_BACK)
    play = hears(released(), gone).phase(Phase.ROLLING_BACK)
    play.obeyed().waits("waiting for v1 to be ready")
    play.sees(v1=2).obeyed().phase(Phase.ROLLED_BACK)


def test_nothing_goes_on_while_it_waits_for_its_turn_to_go_back() -> None:
    play = hears(at_the_top(), *READY[:1], said("cart", Phase.ROLLING_BACK, reason="aborted"))
    play.phase(Phase.PROGRESSING)
    hears(play, said("payments", Phase.PROMOTING, Stage.READY)).phase(Phase.PROGRESSING).gives(at(1000))


def test_it_waits_only_so_long_for_one_that_does_not_answer() -> None:
    play = member(Phase.PROGRESSING)
    hears(play, said("cart", Phase.ROLLED_BACK, reason="aborted", phase_s=0.0)).phase(Phase.PROGRESSING)
    play.wakes(f"{STALE_S:g}s").after(f"{STALE_S - 1:g}s").phase(Phase.PROGRESSING)
    play.after("1s").phase(Phase.ROLLING_BACK)


def test_it_waits_longer_for_one_that_answers_and_does_not_come_to_an_end() -> None:
    play = member(Phase.PROGRESSING)
    stuck = said("payments", Phase.ROLLING_BACK, reason="aborted", phase_s=0.0)
    hears(play, stuck)
    play.now += PATIENCE_S - 1
    hears(play, replace(stuck, phase_s=PATIENCE_S - 1)).phase(Phase.PROGRESSING)
    play.now += 1
    hears(play, replace(stuck, phase_s=PATIENCE_S)).phase(Phase.ROLLING_BACK)


def test_a_rollback_once_said_holds_however_long_its_member_is_silent() -> None:
    play = member(Phase.PROGRESSING)
    play.group = heard(said("cart", Phase.ROLLED_BACK, reason="aborted"), at=BEGIN - 3600)
    play.turn().phase(Phase.ROLLING_BACK)


@pytest.mark.parametrize(
    "fields", [{"attempt": 0}, {"alone": True}, {"group": "may"}], ids=["an older attempt", "alone", "another group"]
)
def test_a_rollback_of_something_else_concerns_nobody(fields: dict[str, object]) -> None:
    play = member(Phase.PROGRESSING)
    hears(play, said("payments", Phase.ROLLED_BACK, reason="aborted", **fields)).phase(Phase.PROGRESSING)


def test_who_goes_alone_goes_on() -> None:
    play = member(Phase.PROGRESSING, alone=True)
    hears(play, said("payments", Phase.ROLLED_BACK, reason="aborted")).phase(Phase.PROGRESSING)


def test_the_reason_names_who_began_it() -> None:
    play = member(Phase.PROGRESSING)
    first = said("payments", Phase.ROLLED_BACK, reason="cart was rolled back: gate latency")
    hears(play, first).phase(Phase.ROLLING_BACK)
    assert play.rollout.reason == "cart was rolled back: gate latency"


def test_a_member_at_a_later_attempt_means_that_this_one_is_over() -> None:
    play = hears(member(Phase.PROGRESSING), said("payments", Phase.PENDING, attempt=2))
    play.phase(Phase.ROLLING_BACK)
    play.notes(EventKind.PHASE, "payments has begun attempt 2 of the group: attempt 1 is over")


# Beginning an attempt


def test_an_attempt_begins_with_the_next_number_once_all_have_answered() -> None:
    play = Play(serving(GROUPED))
    play.group = heard(said("payments", Phase.COMPLETED, Stage.RELEASED, attempt=4))
    play.orders("start").refused("cart has not answered yet: a rollout begins once all members of group spring answer")
    play.group |= heard(said("cart", Phase.ROLLED_BACK, attempt=3))
    play.orders("start").accepted()
    assert play.rollout.attempt == 5


def test_who_comes_later_joins_the_attempt_that_is_under_way() -> None:
    play = Play(serving(GROUPED))
    play.group = heard(said("payments", Phase.PROGRESSING, attempt=4), said("cart", Phase.COMPLETED, attempt=3))
    play.orders("start").accepted()
    assert play.rollout.attempt == 4


def test_no_attempt_begins_before_the_last_has_ended_everywhere() -> None:
    play = member(Phase.ROLLED_BACK)
    play.group = heard(said("payments", Phase.ROLLING_BACK), said("cart", Phase.COMPLETED, attempt=0))
    play.orders("retry").refused("attempt 1 of group spring has not ended everywhere yet: payments (rolling-back)")
    play.group = heard(said("payments", Phase.ROLLED_BACK), said("cart", Phase.COMPLETED, attempt=0))
    play.orders("retry").accepted()
    assert play.rollout.attempt == 2


def test_nobody_joins_an_attempt_that_goes_back() -> None:
    play = Play(serving(GROUPED))
    play.group = heard(said("payments", Phase.ROLLED_BACK), said("cart", Phase.PROGRESSING))
    play.orders("start").refused("has not ended everywhere yet: cart (progressing)")


def test_the_number_of_one_that_goes_alone_is_passed_as_well() -> None:
    play = Play(serving(GROUPED))
    play.group = heard(said("payments", Phase.PROGRESSING, attempt=7, alone=True), said("cart", Phase.COMPLETED))
    play.orders("start").accepted()
    assert play.rollout.attempt == 8


def test_alone_begins_no_attempt_and_asks_nobody() -> None:
    play = Play(replace(serving(GROUPED), attempt=3))
    play.group = {}
    play.orders("start", alone=True).accepted()
    assert (play.rollout.attempt, play.rollout.alone) == (3, True)
    play.notes(EventKind.STARTED, "without group spring", "ada")


def test_the_next_start_is_with_the_group_again() -> None:
    play = member(Phase.ROLLED_BACK, alone=True)
    play.group = heard(said("payments", Phase.COMPLETED), said("cart", Phase.COMPLETED))
    play.orders("retry").accepted()
    assert (play.rollout.attempt, play.rollout.alone) == (2, False)


# What people order


def test_promote_to_all_users_is_refused_until_the_group_is_ready() -> None:
    play = hears(member(Phase.PROGRESSING), READY[0], said("cart", Phase.PENDING))
    play.orders("promote", full=True).refused("cart is pending", "`--alone`").phase(Phase.PROGRESSING)
    play.orders("weight", weight=10_000).refused("cart is pending").gives(at(1000))
    play.orders("weight", weight=9_999).accepted()
    hears(play, *READY).orders("promote", full=True).accepted().phase(Phase.PROMOTING)


def test_an_approval_goes_up_to_the_promotion_and_not_past_it() -> None:
    play = member(Phase.PROGRESSING, replace(GROUPED, steps=(WeightStep(1000), ApproveStep())), step=1)
    play.orders("promote").accepted().phase(Phase.PROGRESSING)
    play.orders("promote").refused("payments has not answered yet").phase(Phase.PROGRESSING)


def test_the_bake_is_not_cut_short_before_the_others_have_baked() -> None:
    play = hears(member(Phase.BAKING), BAKED[0], said("cart", Phase.BAKING, Stage.READY))
    play.orders("promote").refused("cart is baking")
    play.orders("retire").refused("cart is baking").phase(Phase.BAKING)
    hears(play, *BAKED).orders("promote").accepted().phase(Phase.RETIRING)


def test_alone_leaves_the_group_with_this_rollout() -> None:
    play = hears(member(Phase.PROGRESSING), READY[0], said("cart", Phase.PENDING))
    play.orders("promote", full=True, alone=True, reason="hot fix").accepted().phase(Phase.PROMOTING)
    assert play.rollout.alone
    play.notes(EventKind.PHASE, "hot fix (without group spring)", "ada")


def test_a_refused_order_leaves_nothing() -> None:
    play = member(Phase.ROLLED_BACK)
    play.orders("promote", alone=True).refused("cannot promote while rolled-back")
    assert not play.rollout.alone
    play.orders("pause", alone=True).refused("pause concerns this service only", "without `--alone`")


def test_alone_without_a_group_is_refused() -> None:
    Play(serving()).orders("start", alone=True).refused("there is no group to be left")


def test_a_pause_is_of_one_only() -> None:
    play = member(Phase.PROGRESSING).orders("pause").accepted()
    hears(play, *READY).phase(Phase.PAUSED)
    told = group.standing(play.rollout, play.observed, "")
    assert (told.phase, told.stage) == (Phase.PAUSED, Stage.WALKING)


@pytest.mark.parametrize(
    "phase", [Phase.PENDING, Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING, Phase.BAKING, Phase.RETIRING]
)
def test_an_abort_is_never_refused_while_the_old_version_is_warm(phase: Phase) -> None:
    member(phase).orders("abort").accepted().phase(Phase.ROLLING_BACK)


def test_an_abort_is_refused_once_others_may_be_completed() -> None:
    play = hears(released(), RETIRING[0], RELEASED[1])
    words = "v1 has left the gateway, and other members of group spring may be completed; abort payments, where the old"
    play.orders("abort").refused(words, "`--alone`")
    play.orders("undo").refused(words)
    hears(play, said("payments", Phase.RETIRING, Stage.RELEASED), RETIRING[1])
    play.orders("undo", alone=True).accepted().phase(Phase.ROLLING_BACK)


# What it says of itself


def test_what_a_member_says_of_itself() -> None:
    play = hears(at_the_top().after("3s"), READY[0])
    told = group.standing(play.rollout, play.observed, play.decision.because)
    assert told == said(
        "shop", Phase.PROGRESSING, Stage.READY, phase_s=3.0, because="the other members", reason="as the play begins"
    )


@pytest.mark.parametrize(
    ("play", "stage"),
    [
        (member(Phase.PROGRESSING), Stage.WALKING),
        (member(Phase.PENDING), Stage.WALKING),
        (at_the_top().sees(v2=0), Stage.WALKING),
        (member(Phase.PROMOTING), Stage.READY),
        (member(Phase.BAKING), Stage.READY),
        (member(Phase.PAUSED, resume_to=Phase.BAKING), Stage.READY),
        (member(Phase.BAKING).after("300s"), Stage.BAKED),
        (member(Phase.RETIRING), Stage.RETIRING),
        (released(), Stage.RELEASED),
        (member(Phase.ROLLED_BACK), Stage.WALKING),
        (member(Phase.COMPLETED), Stage.RELEASED),
    ],
)
def test_how_far_it_says_it_is(play: Play, stage: Stage) -> None:
    assert group.standing(play.rollout, play.observed, "").stage is stage


def test_the_reason_of_a_rollback_is_told_as_it_was_given() -> None:
    play = member(Phase.PROGRESSING).orders("abort", reason="prices").obeyed().phase(Phase.ROLLED_BACK)
    assert play.rollout.reason == "every gateway sends all users to v1; aborted: prices"
    assert group.standing(play.rollout, play.observed, "").reason == "aborted: prices"


def test_a_service_without_a_group_says_so() -> None:
    told = group.standing(serving(), Play(serving()).observed, "v1 serves all users" + "!" * 300)
    assert (told.group, told.order, told.stage) == ("", (), Stage.RELEASED)
    assert len(told.because) == 200


# What people read


def test_what_is_told_of_the_others() -> None:
    play = hears(at_the_top(), READY[0])
    assert list(group.told(play.rollout, play.observed)) == [
        "payments is progressing: ready",
        "cart has not answered yet",
    ]
    assert "Group: payments is progressing: ready; cart has not answered yet." in explain(play.rollout, play.observed)


def test_what_is_told_while_nothing_is_under_way() -> None:
    play = hears(member(Phase.ROLLED_BACK), said("payments", Phase.ROLLED_BACK), said("cart", Phase.PENDING, attempt=2))
    assert list(group.told(play.rollout, play.observed)) == ["payments is rolled-back", "cart is pending"]
    apart = replace(play.rollout, alone=True)
    assert list(group.told(apart, play.observed)) == ["this rollout goes alone, without group spring"]
    assert list(group.told(serving(), Play(serving()).observed)) == []


def test_the_own_place_in_the_order_decides_whom_it_waits_for() -> None:
    last = Group("spring", ("payments", "cart", "shop"))
    play = member(Phase.PROGRESSING, replace(GROUPED, group=last))
    others = (said("payments", Phase.ROLLED_BACK, reason="aborted"), said("cart", Phase.PROGRESSING))
    hears(play, *(replace(each, order=last.order) for each in others))
    play.phase(Phase.PROGRESSING).waits("after cart before it").gives(at(1000))
