"""Whole rollouts from their beginning to their end, as a person would tell them."""

from dataclasses import replace

import pytest

from abreast.analysis.assessment import Counted
from abreast.model.event import EventKind
from abreast.model.rollout import Phase, WeightStep
from abreast.rollout.actions import RunVersion, SetSplit
from abreast.rollout.observed import Tally, Verb
from tests.rollout.play import POLICY, V1, V2, Play, at, serving, under_way
from tests.rollout.traffic import BAD, GOOD, OUTAGE, Traffic


def climbed() -> Play:
    """A rollout of v2 at 50 %, the last step before all users."""
    play = Play(serving()).hears(V1).orders("start").obeyed().serves("60s", GOOD)
    play.obeyed().serves("60s", GOOD).after("30s").orders("promote").obeyed()
    return play.phase(Phase.PROGRESSING).gives(at(5000))


def promoted() -> Play:
    """A rollout of v2 that has all users, and bakes."""
    return climbed().serves("60s", GOOD).obeyed().phase(Phase.BAKING)


def retiring() -> Play:
    """A rollout of v2 after its bake: v1 is still warm."""
    return promoted().after("5m").phase(Phase.RETIRING)


def test_the_whole_way() -> None:
    play = Play(serving()).hears(V1).sees(v2=0).phase(Phase.COMPLETED).waits("v1 serves all users").wakes(None)

    play.orders("start", reason="new checkout").accepted("waiting for v2 to be ready").phase(Phase.PENDING)
    play.gives(V1).wants(RunVersion("v1"), RunVersion("v2")).wakes("60s")
    play.sees(v2=1).phase(Phase.PENDING).waits("1 of 2 instances of v2 are ready")

    play.sees(v2=2).phase(Phase.PROGRESSING).gives(at(100)).waits("not every gateway obeys yet")
    play.hears(at(100), "gateway-1").waits("not every gateway obeys yet")
    play.obeyed().waits("1 m of 1 m left").wakes("60s")
    play.after("60s").waits("errors at weight 1 %: undecided: no candidate request in this step yet; about 9 more")
    play.serves("10s", GOOD).gives(at(100)).waits("errors at weight 1 %: undecided: at most ")
    play.serves("20s", GOOD).notes(EventKind.STEP, "errors: not worse: at most ").gives(at(1000))
    play.notes(EventKind.STEP, "going on to 10 % costs at most 5 % of all requests (in the same seconds, 1.00 % of")

    play.obeyed().serves("60s", GOOD).waits("hold: 30 s of 30 s left").wakes("30s").gives(at(1000))
    play.after("30s").waits("a person has to approve (look at the dashboard): abreast promote").wakes(None)
    play.after("8h").gives(at(1000))
    play.orders("promote", actor="bob").accepted("past approve (look at the dashboard); next: weight 50 %")
    play.notes(EventKind.APPROVED, "approved past approve", actor="bob").gives(at(5000))

    play.obeyed().serves("60s", GOOD).phase(Phase.PROMOTING).gives(at(10_000))
    play.waits("waiting for every gateway to send all users to the candidate")
    play.obeyed().phase(Phase.BAKING).waits("baking: 5 m left; undo is instant").wakes("5m")
    play.after("5m").phase(Phase.RETIRING).waits("v1 stays warm for at least 1 h more").wakes("1h")

    play.after("1h").notes(EventKind.RELEASED, "v1 is unused and leaves the gateway").gives(V2).stops()
    play.hears(V2).stops("v1").waits("waiting for v1 to stop")
    play.sees(v1=0).phase(Phase.COMPLETED).gives(V2).wants(RunVersion("v2")).stops().wakes(None)
    assert play.rollout.serving == "v2"
    assert all(event.actor and event.reason and event.rollout == 1 for event in play.story)


def test_the_next_rollout_starts_from_the_version_that_won() -> None:
    play = retiring().after("1h").hears(V2).sees(v1=0, v3=2).phase(Phase.COMPLETED)
    play.orders("start", version="v3").accepted("rollout 2: v2 → v3")
    assert (play.rollout.number, play.rollout.stable, play.rollout.candidate) == (2, "v2", "v3")
    assert play.split.salt == "r2", "other users go first this time"


def test_an_unready_candidate_is_given_up_at_its_deadline_and_only_then() -> None:
    play = Play(serving(), failing={"v2": "GET /healthz answered 503"}).hears(V1).sees(v2=1).orders("start")
    play.after("59s").phase(Phase.PENDING).waits("1 of 2 instances of v2 are ready (GET /healthz answered 503)")
    play.wakes("1s").after("1s").notes(EventKind.VERDICT, "answered 503) after 1 m").phase(Phase.ROLLING_BACK)
    play.obeyed().phase(Phase.ROLLED_BACK).gives(at(0))
    assert not any(event.kind is EventKind.WEIGHT for event in play.story), "no user ever saw it"


def test_a_hopeless_candidate_is_given_up_at_once() -> None:
    play = Play(serving()).hears(V1).sees(v2=0).orders("start")
    play.hopeless["v2"] = "no such command: gunicorn"
    play.after("1s").notes(EventKind.VERDICT, "no such command: gunicorn").phase(Phase.ROLLING_BACK)


def test_what_was_hopeless_before_may_be_mended_by_the_next_attempt() -> None:
    play = Play(under_way(Phase.ROLLED_BACK), hopeless={"v2": "no such command"}).sees(v2=0).hears(at(0))
    play.orders("retry").accepted().phase(Phase.PENDING).wants(RunVersion("v2"))
    play.after("1s").notes(EventKind.VERDICT, "no such command").phase(Phase.ROLLED_BACK)


@pytest.mark.parametrize(
    ("phase", "fields"),
    [
        (Phase.PENDING, {}),
        (Phase.PROGRESSING, {}),
        (Phase.PAUSED, {}),
        (Phase.PAUSED, {"resume_to": Phase.BAKING, "weight": 10_000}),
        (Phase.FROZEN, {}),
        (Phase.FROZEN, {"resume_to": Phase.PROMOTING, "weight": 10_000}),
        (Phase.PROMOTING, {}),
        (Phase.BAKING, {}),
        (Phase.RETIRING, {}),
        (Phase.RETIRING, {"released_at": 999_999.0}),
    ],
)
def test_abort_ends_at_weight_0_once_every_gateway_says_so(phase: Phase, fields: dict[str, object]) -> None:
    play = Play(under_way(phase, **fields)).hears(at(10_000))
    play.orders("abort", reason="it is slow").accepted("all users go back to v1").phase(Phase.ROLLING_BACK)
    play.wants(SetSplit(at(0), urgent=True)).notes(EventKind.PHASE, "aborted: it is slow", actor="ada")
    play.hears(at(0), "gateway-1").phase(Phase.ROLLING_BACK).waits("every gateway to send all users to v1")
    play.hears(None, "gateway-1").hears(at(0), "gateway-2").phase(Phase.ROLLING_BACK)
    play.hears(at(0)).phase(Phase.ROLLED_BACK).wants(SetSplit(at(0)))
    assert play.rollout.weight == 0


def test_no_gateway_at_all_is_no_proof_that_users_are_back() -> None:
    play = Play(under_way(Phase.PROGRESSING)).orders("abort").after("1h").phase(Phase.ROLLING_BACK)
    play.hears(at(0)).phase(Phase.ROLLED_BACK)


def test_undo_while_the_old_version_is_warm() -> None:
    play = promoted().orders("undo").accepted("all users go back to v1").gives(at(0))
    play.obeyed().phase(Phase.ROLLED_BACK)


def test_undo_after_the_old_version_left_waits_until_it_is_ready_again() -> None:
    play = retiring().after("1h").gives(V2).hears(V2, "gateway-1").sees(v1=0).phase(Phase.RETIRING)
    play.orders("undo").accepted().phase(Phase.ROLLING_BACK).gives(at(10_000)).waits("waiting for v1 to be ready")
    play.wants(RunVersion("v1"), RunVersion("v2")).after("10m").phase(Phase.ROLLING_BACK).gives(at(10_000))
    play.hears(at(10_000)).sees(v1=2).wants(SetSplit(at(0), urgent=True))
    play.obeyed().phase(Phase.ROLLED_BACK)


def test_after_completion_the_old_version_can_only_be_rolled_out_again() -> None:
    play = retiring().after("1h").hears(V2).sees(v1=0).phase(Phase.COMPLETED)
    play.orders("undo").refused("v1 is retired; roll it out again with: abreast start v1", "possible now: start")


def test_retire_now_skips_the_wait_but_not_the_gateways() -> None:
    play = promoted().orders("retire").accepted("v1 is retired now, without waiting 1 h").phase(Phase.RETIRING)
    play.notes(EventKind.RELEASED, "v1 is retired by order").gives(V2).stops()
    play.hears(V2, "gateway-1").stops().waits("waiting for every gateway to leave v1 out")
    play.hears(V2).stops("v1").sees(v1=0).phase(Phase.COMPLETED)


def test_an_old_version_stays_while_a_silent_gateway_may_still_send_users_to_it() -> None:
    play = retiring().misses("gateway-2").after("2h").phase(Phase.RETIRING).gives(at(10_000)).stops()
    play.waits("waiting for gateway-2: silent, and may still send users to v1")
    play.misses().notes(EventKind.RELEASED, "v1 is unused and leaves the gateway").gives(V2)
    play.hears(V2, "gateway-1").stops("v1")


def test_a_gateway_that_falls_silent_once_the_old_version_has_left_it_keeps_nobody() -> None:
    retiring().after("1h").hears(V2).misses("gateway-2").stops("v1").sees(v1=0).phase(Phase.COMPLETED)


def test_a_gateway_that_falls_silent_before_it_has_left_the_old_version_out_keeps_it_even_against_an_order() -> None:
    play = promoted().orders("retire").gives(V2).hears(V2, "gateway-1").misses("gateway-2").stops()
    play.waits("waiting for gateway-2, which is silent, to leave v1 out")
    play.misses().stops("v1")


def test_an_order_to_retire_waits_for_no_silent_gateway_before_the_others_are_told() -> None:
    promoted().misses("gateway-2").orders("retire").notes(EventKind.RELEASED, "v1 is retired by order").gives(V2)


def test_an_old_version_that_is_still_used_stays() -> None:
    play = retiring().after("55m").serves("1s", (Traffic(10), Traffic(1)))
    play.after("299s").phase(Phase.RETIRING).waits("v1 stays warm for at least 10 m 1 s more").wakes("601s")
    play.after("601s").notes(EventKind.RELEASED, "unused")


def test_counts_that_began_later_prove_no_disuse_before() -> None:
    play = retiring().after("55m")
    play.counting_since = play.now
    play.after("5m").waits("v1 stays warm for at least 10 m more")


def test_open_streams_keep_the_old_version_for_their_time_and_no_longer() -> None:
    play = retiring()
    play.step["v1"] = Tally(in_flight=2)
    play.after("1h").waits("v1 is kept by 2 open streams, for 1 h more at most").wakes("1h").gives(at(10_000))
    play.after("59m").phase(Phase.RETIRING).gives(at(10_000)).stops()
    play.after("1m").notes(EventKind.RELEASED, "v1 leaves the gateway with 2 streams that are still open after their")
    play.hears(V2).stops().waits("v1 has requests in flight").after("10s").stops("v1")


def test_the_last_open_stream_that_ends_lets_the_old_version_go() -> None:
    play = retiring()
    play.step["v1"] = Tally(in_flight=1)
    play.after("1h").waits("v1 is kept by 1 open stream, for")
    play.step["v1"] = Tally()
    play.after("1s").notes(EventKind.RELEASED, "v1 is unused and leaves the gateway").gives(V2)


def test_retire_now_waits_for_no_stream() -> None:
    play = retiring()
    play.step["v1"] = Tally(in_flight=1)
    play.after("1h").orders("retire").notes(EventKind.RELEASED, "v1 is retired by order").gives(V2)


def test_requests_in_flight_are_drained_before_the_stop_but_not_for_ever() -> None:
    play = retiring().after("1h")
    play.step["v1"] = Tally(in_flight=3)
    play.hears(V2).stops().waits("v1 has requests in flight").wakes("10s")
    play.after("9s").stops().after("1s").stops("v1")


def test_a_rolled_back_candidate_is_stopped_in_the_end_and_a_retry_runs_it_again() -> None:
    play = Play(under_way(Phase.ROLLED_BACK)).hears(at(0)).wants(RunVersion("v2")).wakes("1h")
    play.after("1h").notes(EventKind.RELEASED, "v2 is unused and leaves the gateway").gives(V1)
    play.hears(V1).stops("v2").sees(v2=0).phase(Phase.ROLLED_BACK).waits("v1 serves all users").stops().wakes(None)
    play.orders("retry").wants(RunVersion("v2")).gives(V1)
    play.sees(v2=2).phase(Phase.PROGRESSING)
    assert play.split == at(100), "the salt of the first attempt: the same users go first"


def test_a_retry_forgets_what_was_counted_before_it() -> None:
    play = Play(under_way(Phase.PROGRESSING)).hears(at(1000)).serves("40s", BAD)
    play.obeyed().phase(Phase.ROLLED_BACK).after("1m").orders("retry").obeyed().phase(Phase.PROGRESSING)
    assert (play.rollout.step, play.rollout.attempt_since) == (0, play.now)
    assert play.split == at(100)
    assert play.observed.assessment.errors.attempt == Counted()
    play.serves("60s", GOOD).gives(at(1000))


@pytest.mark.parametrize("verb", ["promote", "weight"])
def test_going_on_by_hand_keeps_what_speaks_against_the_candidate(verb: Verb) -> None:
    play = Play(under_way(Phase.PROGRESSING)).hears(at(1000)).serves("20s", BAD).phase(Phase.PROGRESSING)
    play.orders(verb, weight=2000 if verb == "weight" else None).accepted().obeyed().serves("40s", BAD)
    play.notes(EventKind.VERDICT, "(120 of 600;").phase(Phase.ROLLING_BACK)


def test_an_outage_of_both_holds_nobody_up_and_rolls_nobody_back() -> None:
    play = Play(under_way(Phase.PROGRESSING)).hears(at(1000)).serves("20s", GOOD).serves("30s", OUTAGE)
    play.notes_nothing().serves("2m", GOOD).phase(Phase.PROGRESSING).gives(at(1000)).waits("a person has to approve")


def test_a_retry_may_bring_the_changed_policy() -> None:
    changed = replace(POLICY, steps=(WeightStep(2500), WeightStep(10_000)))
    play = Play(under_way(Phase.ROLLED_BACK)).hears(at(0)).orders("retry", policy=changed)
    play.phase(Phase.PROGRESSING).gives(at(2500))


def test_a_policy_without_steps_moves_all_users_when_the_candidate_is_ready() -> None:
    policy = replace(POLICY, steps=())
    play = Play(serving(policy)).hears(V1).orders("start").phase(Phase.PROMOTING).gives(at(10_000))
    play.obeyed().phase(Phase.RETIRING)
    assert [line for line in play.lines if line.startswith("weight")] == ["weight: all steps are done"]
