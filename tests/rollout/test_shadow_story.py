"""Rollouts that copy and compare first, from their beginning to their end, and what ends them early."""

from dataclasses import replace

import pytest

from abreast.model.event import EventKind
from abreast.model.rollout import ApproveStep, BakeStep, Phase, ShadowStep, WeightStep
from abreast.rollout.actions import SetSplit
from abreast.rollout.observed import Differences
from tests.rollout.play import POLICY, V1, Play, at, differing, serving, under_way
from tests.rollout.traffic import BAD, GOOD

STEPS = (ShadowStep(2000, 60.0), WeightStep(100), WeightStep(1000, shadow=0), WeightStep(10_000), BakeStep(60.0))
COPYING = replace(POLICY, steps=STEPS)
FREEZING = replace(COPYING, on_failure="freeze")
TITLE = "GET /orders/{id}: /total is a string, was a number"


def copying(fields: dict[str, object] | None = None) -> Play:
    """A rollout of v2 in its first step: 20 % of the requests are copied, no user is moved."""
    play = Play(replace(serving(COPYING), **(fields or {})))  # type: ignore[arg-type]  # the fields of a Rollout
    return play.hears(V1).orders("start").phase(Phase.PROGRESSING).obeyed()


def test_the_whole_way() -> None:
    play = copying().gives(at(0, shadow=2000)).notes_nothing().waits("shadow 20 %: 1 m of 1 m left").wakes("60s")
    play.after("60s").waits("differences at shadow 20 %: undecided: no answers compared yet").wakes("9m")
    play.serves("1s", GOOD).gives(at(0, shadow=2000))
    play.compares(1, 1000).waits("compared answers are needed if none differs").gives(at(0, shadow=2000))
    play.compares(0, 6000).notes(EventKind.STEP, "no more than 0.1 % differ").gives(at(100, shadow=2000))
    play.hears(at(100)).waits("not every gateway obeys yet")
    play.obeyed().serves("60s", GOOD).gives(at(1000)).notes(EventKind.SHADOW, "step 3: weight 10 % with shadow")
    play.obeyed().serves("60s", GOOD).phase(Phase.PROMOTING).gives(at(10_000))
    play.obeyed().after("60s").phase(Phase.RETIRING)
    assert [line for line in play.lines if line.startswith(("shadow", "weight"))] == [
        "shadow: step 1: shadow 20 %",
        "weight: step 2: 1 %",
        "shadow: step 3: weight 10 % with shadow 0 %",
        "weight: step 3: 10 %",
        "weight: all steps are done",
    ]


class TestWorse:
    """A candidate whose answers differ never gets a user, or loses those it has."""

    def test_before_any_user_was_moved(self) -> None:
        play = copying().after("5s").compares(30, 100, TITLE).phase(Phase.ROLLING_BACK).gives(at(0))
        reason = f"fewer than 1 of 1,000 rollouts, however often we look; first of all {TITLE}"
        play.notes(EventKind.VERDICT, "gate differences: 30.00 % of the candidate's answers differ (30 of 100;")
        play.notes(EventKind.VERDICT, reason).notes(EventKind.SHADOW, reason).notes(EventKind.PHASE, reason)
        assert not any(event.kind is EventKind.WEIGHT for event in play.story), "no user ever saw it"
        play.obeyed().phase(Phase.ROLLED_BACK)

    def test_beside_users(self) -> None:
        play = copying().after("60s").compares(0, 6000).obeyed().compares(200, 9000)
        play.phase(Phase.ROLLING_BACK).wants(SetSplit(at(0), urgent=True))

    @pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.PAUSED])
    def test_or_it_freezes_where_the_policy_says_so(self, phase: Phase) -> None:
        fields = {"step": 1, "weight": 100, "shadow": 2000}
        play = Play(under_way(phase, FREEZING, **fields)).hears(at(100, shadow=2000))
        play.compares(30, 100, TITLE).phase(Phase.FROZEN).gives(at(100, shadow=2000))
        play.compares(31, 101).notes_nothing()
        play.after("1s").orders("resume").accepted().phase(Phase.PROGRESSING)
        assert play.differences == Differences(), "a new attempt"
        play.after("1s").phase(Phase.PROGRESSING)
        play.compares(30, 100).phase(Phase.FROZEN)

    def test_errors_are_named_before_differences(self) -> None:
        play = copying().after("60s").compares(0, 6000).obeyed().serves("20s", BAD)
        while play.rollout.phase is Phase.PROGRESSING:
            both = differing(30, 100) if play.watch.assessment.errors.worse.share > 0.99 else play.differences
            play.differences = both
            play.serves("1s", BAD)
        play.notes(EventKind.VERDICT, "gate errors: ")

    @pytest.mark.parametrize(
        "phase", [Phase.PENDING, Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.RETIRING, Phase.COMPLETED]
    )
    def test_where_no_user_may_be_on_the_candidate_it_decides_nothing(self, phase: Phase) -> None:
        play = Play(under_way(phase, COPYING), ready={"v1": 2}).compares(30, 100)
        assert not any(event.kind is EventKind.VERDICT for event in play.story)

    def test_noise_that_stable_has_too_is_not_worse(self) -> None:
        play = copying().after("60s")
        play.differences = differing(300, 1000, control_only=300)
        play.turn().phase(Phase.PROGRESSING)


class TestNoData:
    """Nothing that was not compared promotes or rolls back."""

    def test_held_after_at_most(self) -> None:
        play = copying().after("10m").notes(EventKind.HELD, "held after 10 m: differences at shadow 20 %").wakes(None)
        play.after("8h").notes_nothing().phase(Phase.PROGRESSING).gives(at(0, shadow=2000))
        play.orders("promote").accepted("past shadow 20 %; next: weight 1 %").gives(at(100, shadow=2000))

    def test_or_it_goes_on_unproven_where_the_policy_says_so(self) -> None:
        play = copying()
        play.rollout = replace(play.rollout, policy=replace(COPYING, on_timeout="promote-unproven"))
        play.after("10m").notes(EventKind.HELD, "unproven after 10 m, going on as the policy says")
        play.gives(at(100, shadow=2000))


class TestAttempts:
    """Each attempt is judged by its own answers."""

    def test_a_retry_forgets_what_was_compared_before_it(self) -> None:
        play = copying().compares(30, 100).obeyed().phase(Phase.ROLLED_BACK).gives(at(0)).after("1m")
        kept = play.differences
        assert kept.compared == 100
        play.orders("retry").phase(Phase.PROGRESSING).gives(at(0, shadow=2000))
        assert play.rollout.attempt_since == play.now
        assert play.story[-1].kind is EventKind.SHADOW

    def test_what_is_still_told_of_the_last_attempt_in_its_very_turn_does_not_count(self) -> None:
        play = Play(under_way(Phase.ROLLED_BACK, COPYING)).hears(at(0)).compares(30, 100)
        play.turn(play.command("retry")).phase(Phase.PROGRESSING)
        assert not any(event.kind is EventKind.VERDICT for event in play.decision.events)

    def test_resuming_copies_again_what_the_step_says(self) -> None:
        play = copying().orders("pause").phase(Phase.PAUSED).gives(at(0, shadow=2000))
        play.orders("resume").phase(Phase.PROGRESSING).gives(at(0, shadow=2000))
        assert play.rollout.step == 0, "the shadow step is not skipped"
        play.waits("shadow 20 %: 1 m of 1 m left")

    def test_the_next_rollout_begins_without_copies(self) -> None:
        play = copying().orders("abort").obeyed().phase(Phase.ROLLED_BACK).after("2h")
        play.hears(V1).sees(v2=0, v3=2).orders("start", version="v3")
        play.gives(replace(at(0, number=2, shadow=2000), candidate="v3"))


class TestShelter:
    """A side that is not there is neither asked nor judged."""

    def test_nothing_is_copied_meanwhile_and_again_after_it(self) -> None:
        play = copying().after("60s").compares(0, 6000).obeyed().gives(at(100, shadow=2000))
        play.sees(v2=0).gives(at(0)).sees(v2=2).gives(at(100, shadow=2000))

    def test_at_weight_0_a_missing_candidate_lends_nobody_but_holds_the_step(self) -> None:
        play = copying().sees(v2=0).after("59s").phase(Phase.PROGRESSING)
        play.after("1s").phase(Phase.ROLLING_BACK).notes(EventKind.VERDICT, "v2 has had no ready instance for 1 m")


def test_an_approval_after_the_shadow_step_keeps_copying_for_whoever_looks() -> None:
    steps = (ShadowStep(2000, 60.0), ApproveStep("look at the findings"), WeightStep(10_000))
    play = Play(serving(replace(COPYING, steps=steps))).hears(V1).orders("start").obeyed()
    play.after("60s").compares(0, 6000).waits("a person has to approve (look at the findings)")
    play.gives(at(0, shadow=2000))
    play.orders("promote").gives(at(10_000))
