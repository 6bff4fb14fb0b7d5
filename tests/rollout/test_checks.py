"""What outside checks mean: when each is asked, what holds, what sends users back, in a rollout of every phase."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from abreast.model.checks import WEBHOOK_KINDS, Check, PromqlGate, Webhook, WebhookKind
from abreast.model.rollout import (
    ApproveStep,
    BakeStep,
    HoldStep,
    LadderStep,
    Phase,
    Policy,
    Rollout,
    ShadowStep,
    WeightStep,
)
from abreast.rollout.checks import (
    Question,
    Stop,
    Where,
    checks,
    due,
    holding,
    placeholder_values,
    protected,
    raises_next,
    title,
    told,
)

BEGIN = 1_000_000.0
LADDER: tuple[LadderStep, ...] = (ShadowStep(2000), WeightStep(100), HoldStep(30.0), ApproveStep(), WeightStep(5000))
P99 = PromqlGate("p99", "http://h", "q", at_most=0.25)
DRY = replace(P99, name="trial", dry_run=True)


def hook(kind: WebhookKind, name: str = "", **fields: Any) -> Webhook:  # noqa: ANN401  # a Webhook's
    return Webhook(name or kind, kind, "http://h", **fields)


def under_way(phase: Phase, *asked: PromqlGate | Webhook, **fields: Any) -> Rollout:  # noqa: ANN401  # a Rollout's
    """A rollout of v2 in that phase since 100 s, its step as old, the attempt 500 s old."""
    policy = Policy(
        steps=(*LADDER, BakeStep(60.0)),
        promql=tuple(each for each in asked if isinstance(each, PromqlGate)),
        webhooks=tuple(each for each in asked if isinstance(each, Webhook)),
    )
    made = Rollout(
        service="shop",
        number=3,
        stable="v1",
        candidate="v2",
        policy=policy,
        phase=phase,
        phase_since=BEGIN + 400.0,
        started_at=BEGIN,
        attempt_since=BEGIN,
        step=1 if phase in {Phase.PROGRESSING, Phase.PAUSED, Phase.FROZEN} else len(LADDER),
        step_since=BEGIN + 400.0,
        resume_to=Phase.PROGRESSING if phase in {Phase.PAUSED, Phase.FROZEN} else None,
        weight=100,
    )
    return replace(made, **fields)


def said(
    check: PromqlGate | Webhook, passed: bool | None, at: float = BEGIN + 450.0, row: int | None = None
) -> dict[str, Check]:
    """It answered that, asked then; failing as often in a row as said, once if not."""
    failed = row if row is not None else int(passed is False)
    return {check.name: Check(check.name, check.kind, passed, failed, at=at, detail="so it is")}


EVERYTHING: tuple[PromqlGate | Webhook, ...] = (P99, *(hook(kind) for kind in WEBHOOK_KINDS))


def kinds_due(rollout: Rollout, results: Mapping[str, Check], *, ready: bool = True) -> set[str]:
    return {question.check.kind for question in due(rollout, results, ready=ready)}


class TestDue:
    """When each is asked."""

    @pytest.mark.parametrize(
        ("phase", "kinds"),
        [
            (Phase.PENDING, {"confirm-rollout", "rollback"}),
            (Phase.PROGRESSING, {"promql", "rollout", "rollback"}),
            (Phase.PAUSED, {"promql", "rollout", "rollback"}),
            (Phase.FROZEN, set()),
            (Phase.PROMOTING, {"promql"}),
            (Phase.BAKING, {"promql"}),
            (Phase.RETIRING, set()),
            (Phase.COMPLETED, {"post-rollout"}),
            (Phase.ROLLING_BACK, set()),
            (Phase.ROLLED_BACK, {"post-rollout"}),
        ],
    )
    def test_each_phase_has_its_kinds(self, phase: Phase, kinds: set[str]) -> None:
        assert kinds_due(under_way(phase, *EVERYTHING), {}) == kinds

    def test_a_bake_that_is_paused_is_still_protected_by_queries_alone(self) -> None:
        assert kinds_due(under_way(Phase.PAUSED, *EVERYTHING, resume_to=Phase.BAKING), {}) == {"promql"}

    def test_the_first_deployment_asks_nobody(self) -> None:
        assert due(under_way(Phase.COMPLETED, *EVERYTHING, candidate=None, number=0), {}, ready=True) == ()

    def test_before_the_start_a_confirmation_comes_first_then_a_ready_candidate_is_tried(self) -> None:
        confirm, pre = hook("confirm-rollout"), hook("pre-rollout")
        rollout = under_way(Phase.PENDING, pre, confirm)
        assert kinds_due(rollout, said(confirm, passed=False)) == {"confirm-rollout"}
        confirmed = said(confirm, passed=True)
        assert kinds_due(rollout, confirmed, ready=False) == {"confirm-rollout"}
        assert kinds_due(rollout, confirmed) == {"confirm-rollout", "pre-rollout"}

    def test_a_confirmation_of_another_attempt_is_none(self) -> None:
        confirm, pre = hook("confirm-rollout"), hook("pre-rollout")
        rollout = under_way(Phase.PENDING, pre, confirm)
        assert kinds_due(rollout, said(confirm, passed=True, at=rollout.phase_since - 1)) == {"confirm-rollout"}

    @pytest.mark.parametrize(
        ("phase", "step", "more"),
        [
            (Phase.PROGRESSING, 0, True),  # from shadow to 1 %
            (Phase.PROGRESSING, 1, False),
            (Phase.PROGRESSING, 2, False),
            (Phase.PROGRESSING, 3, True),  # from the approval to 50 %
            (Phase.PROGRESSING, 4, True),  # from 50 % to everybody
            (Phase.PROGRESSING, 5, False),
        ],
    )
    def test_an_increase_is_to_be_confirmed_in_the_step_before_it(self, phase: Phase, step: int, more: bool) -> None:
        rollout = under_way(phase, hook("confirm-traffic-increase"), step=step)
        assert raises_next(rollout) is more
        assert bool(due(rollout, {}, ready=True)) is more

    @pytest.mark.parametrize(
        ("steps", "more"), [((WeightStep(100),), True), ((), True), ((ShadowStep(100), WeightStep(100)), False)]
    )
    def test_a_ladder_that_begins_with_a_weight_has_it_confirmed_before_the_start(
        self, steps: tuple[LadderStep, ...], more: bool
    ) -> None:
        rollout = under_way(Phase.PENDING, hook("confirm-traffic-increase"))
        assert raises_next(replace(rollout, policy=replace(rollout.policy, steps=steps))) is more

    def test_the_promotion_is_to_be_confirmed_after_the_last_step(self) -> None:
        assert not due(under_way(Phase.PROGRESSING, hook("confirm-promotion"), step=4), {}, ready=True)
        assert due(under_way(Phase.PROGRESSING, hook("confirm-promotion"), step=5), {}, ready=True)

    def test_what_is_asked_throughout_goes_on_from_step_to_step_and_the_rest_begins_anew(self) -> None:
        asked = (P99, hook("rollout"), hook("rollback"), hook("confirm-traffic-increase"))
        before = due(under_way(Phase.PROGRESSING, *asked, step=3), {}, ready=True)
        after = due(under_way(Phase.PROGRESSING, *asked, step=4, step_since=BEGIN + 600.0), {}, ready=True)
        assert before[:3] == after[:3] == tuple(Question(each, BEGIN) for each in asked[:3])
        assert before[3] == Question(asked[3], BEGIN + 400.0)
        assert after[3] == Question(asked[3], BEGIN + 600.0)

    def test_confirmations_are_asked_until_they_pass_and_the_end_is_told_once(self) -> None:
        paces = {
            question.check.kind: question.pace
            for phase in (Phase.PENDING, Phase.COMPLETED)
            for question in due(under_way(phase, *EVERYTHING), {}, ready=True)
        }
        assert paces == {"confirm-rollout": "until passed", "rollback": "repeat", "post-rollout": "once"}


class TestProtected:
    """What sends users back."""

    @pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING, Phase.BAKING])
    def test_a_query_that_fails_as_often_in_a_row_as_allowed(self, phase: Phase) -> None:
        rollout = under_way(phase, P99)
        assert protected(rollout, said(P99, passed=False, row=2)) is None
        assert protected(rollout, said(P99, passed=False, row=3)) == Stop(
            "gate promql p99 failed 3 times in a row, last: so it is"
        )

    @pytest.mark.parametrize("phase", [Phase.FROZEN, Phase.RETIRING, Phase.ROLLING_BACK, Phase.PENDING])
    def test_not_where_there_is_nothing_to_protect_any_more_or_yet(self, phase: Phase) -> None:
        assert protected(under_way(phase, P99), said(P99, passed=False, row=9)) is None

    def test_what_an_attempt_before_this_one_failed_is_not_held_against_it(self) -> None:
        rollout = under_way(Phase.PROGRESSING, P99)
        assert protected(rollout, said(P99, passed=False, row=9, at=BEGIN - 1.0)) is None

    def test_a_dry_run_counts_for_nothing(self) -> None:
        assert protected(under_way(Phase.PROGRESSING, DRY), said(DRY, passed=False, row=99)) is None

    def test_no_data_is_no_reason(self) -> None:
        for check in (hook("rollout"), hook("rollback")):
            assert protected(under_way(Phase.PROGRESSING, check), said(check, passed=None)) is None

    def test_all_that_is_worse_is_named(self) -> None:
        smoke = hook("rollout", "smoke", failures=1)
        found = protected(
            under_way(Phase.PROGRESSING, P99, smoke),
            said(P99, passed=False, row=4) | said(smoke, passed=False),
        )
        assert found == Stop(
            "gate promql p99 failed 4 times in a row, last: so it is; "
            "gate webhook smoke (rollout) failed once, last: so it is"
        )

    def test_a_try_before_the_start_fails_before_any_user_is_moved(self) -> None:
        pre = hook("pre-rollout", failures=2)
        assert protected(under_way(Phase.PENDING, pre), said(pre, passed=False, row=1)) is None
        stop = protected(under_way(Phase.PENDING, pre), said(pre, passed=False, row=2))
        assert stop is not None
        assert "failed 2 times" in stop.reason
        # What it said before is no reason later on.
        assert protected(under_way(Phase.PROGRESSING, pre), said(pre, passed=False, row=2)) is None

    @pytest.mark.parametrize("phase", [Phase.PENDING, Phase.PROGRESSING, Phase.PAUSED])
    def test_a_rollback_that_is_ordered(self, phase: Phase) -> None:
        order = hook("rollback")
        assert protected(under_way(phase, order), said(order, passed=False, row=99)) is None
        assert protected(under_way(phase, order), said(order, passed=True)) == Stop(
            "webhook rollback asks for a rollback: so it is", ordered=True
        )

    @pytest.mark.parametrize("phase", [Phase.PROMOTING, Phase.BAKING, Phase.COMPLETED, Phase.ROLLED_BACK])
    def test_not_once_all_users_are_moved(self, phase: Phase) -> None:
        order = hook("rollback")
        assert protected(under_way(phase, order), said(order, passed=True)) is None

    @pytest.mark.parametrize(
        "kind", ["confirm-rollout", "confirm-traffic-increase", "confirm-promotion", "post-rollout", "event"]
    )
    def test_other_kinds_send_nobody_back(self, kind: WebhookKind) -> None:
        check = hook(kind)
        for phase in Phase:
            for step in range(len(LADDER) + 1):
                rollout = under_way(phase, check, step=step)
                assert protected(rollout, said(check, passed=False, row=99)) is None
                assert protected(rollout, said(check, passed=True)) is None


class TestHolding:
    """What must have passed before something begins."""

    @pytest.mark.parametrize(
        ("where", "phase", "check", "fields"),
        [
            ("start", Phase.PENDING, hook("confirm-rollout"), {}),
            ("start", Phase.PENDING, hook("pre-rollout"), {}),
            ("step", Phase.PROGRESSING, P99, {}),
            ("step", Phase.PROGRESSING, hook("rollout"), {}),
            ("step", Phase.PROGRESSING, hook("confirm-traffic-increase"), {"step": 0}),
            ("step", Phase.PROGRESSING, hook("confirm-traffic-increase"), {"step": 4}),
            ("promotion", Phase.PROGRESSING, hook("confirm-promotion"), {"step": 5}),
            ("promotion", Phase.PROGRESSING, P99, {"step": 5}),
            ("promotion", Phase.PROGRESSING, hook("rollout"), {"step": 5}),
        ],
    )
    def test_it_holds_until_it_has_passed(
        self, where: Where, phase: Phase, check: PromqlGate | Webhook, fields: dict[str, Any]
    ) -> None:
        rollout = under_way(phase, check, **fields)
        assert holding(rollout, {}, where) == (f"{title(check)}: no answer yet",)
        assert len(holding(rollout, said(check, passed=False), where)) == 1
        assert holding(rollout, said(check, passed=None), where) == (f"{title(check)}: so it is",)
        assert holding(rollout, said(check, passed=True), where) == ()

    def test_how_far_it_is_from_being_worse_is_told(self) -> None:
        rollout = under_way(Phase.PROGRESSING, P99)
        assert holding(rollout, said(P99, passed=False, row=2), "step") == (
            "promql p99: so it is (failed 2 in a row, 3 mean worse)",
        )

    @pytest.mark.parametrize("check", [P99, hook("rollout")])
    @pytest.mark.parametrize("seconds", [399.0, 400.0])
    def test_a_step_wants_an_answer_to_a_question_of_its_own(self, check: PromqlGate | Webhook, seconds: float) -> None:
        rollout = under_way(Phase.PROGRESSING, check)
        assert holding(rollout, said(check, passed=True, at=BEGIN + seconds), "step")

    def test_the_promotion_is_content_with_the_last_steps_answer(self) -> None:
        rollout = under_way(Phase.PROGRESSING, P99, step=5)
        assert holding(rollout, said(P99, passed=True, at=BEGIN + 390.0), "promotion") == ()
        assert holding(rollout, said(P99, passed=False, at=BEGIN + 390.0), "promotion")
        assert holding(rollout, said(P99, passed=True, at=BEGIN - 1.0), "promotion")

    def test_a_confirmation_of_the_start_that_was_given_at_once_counts(self) -> None:
        confirm = hook("confirm-rollout")
        rollout = under_way(Phase.PENDING, confirm)
        assert holding(rollout, said(confirm, passed=True, at=rollout.phase_since), "start") == ()

    @pytest.mark.parametrize("where", ["start", "step", "promotion"])
    def test_what_decides_nothing_holds_nothing(self, where: Where) -> None:
        silent = (DRY, hook("post-rollout"), hook("event"), hook("rollback"))
        phase = Phase.PENDING if where == "start" else Phase.PROGRESSING
        assert holding(under_way(phase, *silent), {}, where) == ()

    def test_all_that_is_missing_is_said(self) -> None:
        rollout = under_way(Phase.PROGRESSING, *EVERYTHING, step=0)
        assert holding(rollout, said(P99, passed=True), "step") == (
            "webhook rollout: no answer yet",
            "webhook confirm-traffic-increase: no answer yet",
        )


@pytest.mark.parametrize(
    ("check", "passed", "words"),
    [
        (P99, True, "Gate promql p99: passed: so it is"),
        (P99, None, "Gate promql p99: undecided: so it is"),
        (hook("rollback", "stop"), True, "Webhook stop (rollback): asks for a rollback: so it is"),
        (hook("confirm-promotion"), True, "Webhook confirm-promotion: confirmed: so it is"),
        (hook("confirm-promotion"), False, "Webhook confirm-promotion: not confirmed: so it is"),
        (hook("rollout"), False, "Webhook rollout: failed: so it is (failed 1 in a row, 3 mean worse)"),
    ],
)
def test_each_answer_has_its_word(check: PromqlGate | Webhook, passed: bool | None, words: str) -> None:
    assert told(under_way(Phase.PROGRESSING, check, step=5), said(check, passed)) == (words,)


class TestTold:
    """For `explain`."""

    def test_each_whose_turn_it_is_has_a_sentence(self) -> None:
        rollout = under_way(Phase.PROGRESSING, *EVERYTHING, DRY)
        results = said(P99, passed=False) | said(hook("rollback"), passed=False)
        assert told(rollout, results | said(hook("event"), passed=None)) == (
            "Gate promql p99: failed: so it is (failed 1 in a row, 3 mean worse)",
            "Gate promql trial (dry run): no answer yet",
            "Webhook rollout: no answer yet",
            "Webhook rollback: asks for nothing: so it is",
            "Webhook event: undecided: so it is",
        )

    def test_an_answer_of_another_attempt_is_none(self) -> None:
        rollout = under_way(Phase.PROGRESSING, P99)
        assert told(rollout, said(P99, passed=True, at=BEGIN - 1.0)) == ("Gate promql p99: no answer yet",)

    def test_without_checks_nothing_is_said(self) -> None:
        assert checks(Policy()) == ()
        assert told(under_way(Phase.PROGRESSING), {}) == ()


@pytest.mark.parametrize(
    ("seconds", "phase", "step_time"),
    [(400.2, Phase.PROGRESSING, "1s"), (490.4, Phase.PROGRESSING, "90s"), (460.0, Phase.BAKING, "60s")],
)
def test_placeholders_stand_for_the_present_step(seconds: float, phase: Phase, step_time: str) -> None:
    values = placeholder_values(under_way(phase, weight=25), BEGIN + seconds)
    assert values == {
        "service": "shop",
        "candidate": "v2",
        "stable": "v1",
        "weight": "0.25",
        "step_time": step_time,
    }
