"""Protection, shelter and wishes: what happens without anybody's order."""

from dataclasses import replace

import pytest

from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Policy, Rollout, WeightStep
from abreast.model.traffic import Split
from abreast.rollout.actions import RunVersion, SetSplit, StopVersion
from abreast.rollout.decide import LIVE, decide, first, wishes
from abreast.rollout.observed import Tally
from abreast.rollout.turn import ACTOR
from tests.rollout.play import BEGIN, POLICY, V1, V2, Play, at, serving, under_way

BAD = {"candidate": (100, 20), "stable": (900, 9)}
FREEZING = replace(POLICY, on_failure="freeze")
LIVE_STATES = [
    under_way(Phase.PROGRESSING),
    under_way(Phase.PROGRESSING, step=3),
    under_way(Phase.PAUSED),
    under_way(Phase.PROMOTING),
    under_way(Phase.BAKING),
]


def playing(state: Rollout | None = None, policy: Policy = POLICY, **fields: object) -> Play:
    """A climbing rollout, or that state, whose gateways obey."""
    rollout = under_way(Phase.PROGRESSING, policy, **fields) if state is None else state
    play = Play(rollout)
    play.acked = {"gateway-1": at(play.rollout.weight), "gateway-2": at(play.rollout.weight)}
    return play


def verdicts(play: Play) -> list[Event]:
    """Every verdict of the play so far."""
    return [event for event in play.story if event.kind is EventKind.VERDICT]


def test_the_first_version_serves_everybody_at_once() -> None:
    rollout, event = first("shop", "v1", POLICY, BEGIN)
    assert (rollout.number, rollout.phase, rollout.serving, rollout.revision) == (0, Phase.COMPLETED, "v1", 0)
    assert (event.kind, event.actor, event.reason) == (EventKind.STARTED, ACTOR, "v1 is the first version of shop")
    Play(rollout).hears(V1).gives(V1).wants(RunVersion("v1")).stops("v2").notes_nothing()


@pytest.mark.parametrize("state", LIVE_STATES, ids=lambda state: f"{state.phase}-{state.step}")
class TestVerdict:
    """A candidate that is worse: in every phase in which users may be on it, also while a person is waited for."""

    def test_it_rolls_back_before_anything_else(self, state: Rollout) -> None:
        play = playing(state).counts(**BAD).phase(Phase.ROLLING_BACK)
        assert play.decision.actions[0] == SetSplit(at(0), urgent=True)
        play.notes(EventKind.VERDICT, "20.00 % of candidate requests failed against 1.00 % of stable's")
        play.notes(EventKind.PHASE, "gate errors: ").notes(EventKind.WEIGHT, "more than 5 % worse")

    def test_or_it_freezes_where_the_policy_says_so(self, state: Rollout) -> None:
        play = playing(state)
        play.rollout = replace(play.rollout, policy=FREEZING)
        weight, goal = play.rollout.weight, play.rollout.resume_to or play.rollout.phase
        play.counts(**BAD).phase(Phase.FROZEN).gives(at(weight)).waits("frozen: a person has to resume").wakes(None)
        assert play.rollout.resume_to is goal
        play.counts(**BAD).notes_nothing()
        play.after("1s").orders("resume").accepted().notes(EventKind.PHASE, "resumed", actor="ada")
        assert play.decision.events[-1].data["after"] == ("baking" if goal is Phase.PROMOTING else goal)

    def test_too_few_requests_decide_nothing(self, state: Rollout) -> None:
        assert not verdicts(playing(state).counts(candidate=(19, 19), stable=(900, 0)))
        playing(state).counts(candidate=(20, 20), stable=(900, 0)).phase(Phase.ROLLING_BACK)

    def test_an_outage_of_both_is_not_the_candidates_fault(self, state: Rollout) -> None:
        assert not verdicts(playing(state).counts(candidate=(100, 90), stable=(900, 800)))


def test_users_are_protected_in_exactly_the_phases_where_they_may_be_on_the_candidate() -> None:
    for phase in Phase:
        play = playing(under_way(phase))
        assert bool(verdicts(play.counts(**BAD))) == (phase in LIVE), phase


def test_no_data_neither_promotes_nor_rolls_back() -> None:
    play = playing(step=4, weight=5000)
    play.after("10m").notes(EventKind.HELD, "held after 10 m: errors at 50 %: undecided: 0 of 20").gives(at(5000))
    play.after("10d").phase(Phase.PROGRESSING).gives(at(5000)).notes_nothing().wakes(None)


def test_a_step_that_takes_too_long_goes_on_unproven_only_if_the_policy_says_so() -> None:
    play = playing(policy=replace(POLICY, on_timeout="promote-unproven"))
    play.after("9m").gives(at(1000)).wakes("1m")
    play.after("1m").notes(EventKind.HELD, "unproven after 10 m, going on as the policy says").waits("hold: 30 s")


@pytest.mark.parametrize("in_step", [Tally(40, 20), Tally(19, 19)])
def test_unproven_is_not_the_same_as_worse(in_step: Tally) -> None:
    """A candidate too slow for the gate's window, and bad over the whole step, is held all the same."""
    play = playing(policy=replace(POLICY, on_timeout="promote-unproven"))
    play.step = {"v2": in_step, "v1": Tally(400, 0)}
    play.after("10m")
    if in_step.requests >= 20:
        play.notes(EventKind.HELD, "held after 10 m: errors at 10 %: 50.00 %").gives(at(1000))
        assert play.rollout.step == 1
    else:
        assert play.rollout.step == 2


def test_gateways_that_do_not_obey_hold_the_step_whatever_the_policy() -> None:
    play = playing(policy=replace(POLICY, on_timeout="promote-unproven")).hears(at(100), "gateway-2")
    play.counts(candidate=(100, 0), stable=(900, 0)).after("10m")
    play.notes(EventKind.HELD, "held after 10 m: not every gateway obeys yet").gives(at(1000))
    assert play.rollout.step == 1
    play.obeyed().waits("hold: 30 s")


class TestShelter:
    """A side that has nothing ready lends its users to the other side."""

    def test_a_candidate_that_died_lends_its_users_and_gets_them_back(self) -> None:
        play = playing().sees(v2=0).notes(EventKind.SHELTERED, "the candidate has no ready instance")
        play.wants(SetSplit(at(0), urgent=True)).waits("the candidate has no ready instance").wakes("60s")
        assert play.rollout.weight == 1000, "what was ordered stays"
        play.hears(at(0)).after("20s").sees(v2=1).gives(at(1000))
        play.notes(EventKind.UNSHELTERED, "the candidate is ready again and has its users back (10 %)")
        assert play.rollout.candidate_missing_since is None

    def test_after_the_limit_it_is_rolled_back(self) -> None:
        play = playing().sees(v2=0).hears(at(0)).after("59s").phase(Phase.PROGRESSING).wakes("1s")
        play.after("1s").notes(EventKind.VERDICT, "v2 has had no ready instance for 1 m").phase(Phase.ROLLED_BACK)
        play.notes(EventKind.UNSHELTERED, "no users are meant for the candidate any more")

    def test_not_while_nobody_else_could_serve(self) -> None:
        play = playing().sees(v1=0, v2=0).after("10m").phase(Phase.PROGRESSING).gives(at(1000))
        play.sees(v1=1).phase(Phase.ROLLING_BACK)

    @pytest.mark.parametrize("state", [under_way(Phase.PROMOTING), under_way(Phase.BAKING)], ids=["promoting", "bake"])
    def test_it_neither_ends_the_promotion_nor_the_bake(self, state: Rollout) -> None:
        play = playing(state)
        phase = play.rollout.phase
        play.rollout = replace(play.rollout, policy=replace(POLICY, start_timeout_s=1000.0))
        play.sees(v2=0).hears(at(0)).after("10m").phase(phase).gives(at(0))

    def test_a_stable_side_that_died_lends_its_users_to_the_candidate(self) -> None:
        play = playing().sees(v1=0).notes(EventKind.SHELTERED, "the stable has no ready instance").gives(at(10_000))
        play.obeyed().counts(candidate=(500, 0)).after("5m").phase(Phase.PROGRESSING).gives(at(10_000))
        play.sees(v1=2).wants(SetSplit(at(1000), urgent=True))
        play.notes(EventKind.UNSHELTERED, "the stable is ready again and has its users back (10 %)")

    def test_rolling_back_waits_until_stable_can_serve(self) -> None:
        play = playing().sees(v1=0).orders("abort").phase(Phase.ROLLING_BACK).gives(at(10_000))
        play.hears(at(10_000)).waits("waiting for v1 to be ready").after("1d").phase(Phase.ROLLING_BACK)
        play.sees(v1=1).gives(at(0)).hears(at(0)).phase(Phase.ROLLED_BACK)

    def test_when_the_shelter_dies_too_users_are_split_as_ordered(self) -> None:
        play = playing().sees(v2=0).gives(at(0)).sees(v1=0).gives(at(1000))
        play.notes(EventKind.UNSHELTERED, "the other side has no ready instance either")

    def test_retiring_waits_for_the_winner_to_be_back(self) -> None:
        play = playing(under_way(Phase.RETIRING)).sees(v2=0).gives(at(0)).hears(at(0)).after("2h")
        play.waits("the candidate has no ready instance; v1 serves its users meanwhile").stops()
        assert play.rollout.released_at is None

    def test_a_candidate_without_users_needs_none(self) -> None:
        playing(under_way(Phase.ROLLED_BACK)).sees(v2=0).gives(at(0)).notes_nothing()


class TestWishes:
    """The whole world, said in full each time."""

    @pytest.mark.parametrize(
        ("acked", "wanted", "urgent"),
        [
            (at(1000), at(1000), False),
            (at(100), at(1000), False),
            (at(5000), at(1000), True),
            (V2, at(1000), True),
            (V1, at(1000), False),
            (None, at(1000), True),
        ],
    )
    def test_taking_users_off_the_candidate_is_urgent(self, acked: Split | None, wanted: Split, urgent: bool) -> None:
        playing().hears(at(1000)).hears(acked, "gateway-2").wants(SetSplit(wanted, urgent=urgent))

    def test_leaving_the_old_version_out_is_not_urgent(self) -> None:
        play = playing(under_way(Phase.RETIRING)).after("2h").wants(SetSplit(V2, urgent=False))
        assert play.rollout.released_at is not None

    def test_what_a_gateway_may_still_route_to_is_not_stopped(self) -> None:
        play = playing(under_way(Phase.COMPLETED)).hears(V2).stops("v1")
        play.hears(at(10_000), "gateway-2").stops()
        play.hears(None, "gateway-2").stops()

    def test_a_version_that_nobody_asked_for_is_stopped(self) -> None:
        playing().sees(v3=1).stops("v3").wants(RunVersion("v1"), RunVersion("v2"), StopVersion("v3"))

    def test_they_follow_from_the_rollout_alone(self) -> None:
        """So a control plane that crashed before acting asks for the same after its restart."""
        play = playing().orders("abort")
        assert tuple(wishes(play.rollout, play.observed)) == play.decision.actions
        assert play.turn().decision.actions == play.decision.actions


def test_the_same_facts_give_the_same_decision() -> None:
    play = playing()
    play.step = play.window = {"v2": Tally(100, 0), "v1": Tally(900, 0)}
    play.now += 60
    assert decide(play.rollout, play.observed) == decide(play.rollout, play.observed)


def test_several_moves_in_one_turn_are_all_in_the_audit_log() -> None:
    policy = replace(POLICY, steps=(WeightStep(10_000),), retire_after_s=0.0, unused_for_s=0.0)
    play = Play(serving(policy)).hears(V1).orders("start").obeyed()
    phases = [event.data["after"] for event in play.story if event.kind is EventKind.PHASE]
    assert phases == ["progressing", "promoting", "baking", "retiring"]
    assert play.rollout.released_at == BEGIN


def test_every_order_of_a_turn_gets_its_reply() -> None:
    play = playing()
    pause, weight, abort = play.command("pause"), play.command("weight", weight=2000), play.command("abort")
    play.turn(pause, weight, abort).phase(Phase.ROLLING_BACK)
    assert [play.decision.replies[each.id].accepted for each in (pause, weight, abort)] == [True, True, True]
