"""Protection, shelter and wishes: what happens without anybody's order."""

from dataclasses import replace

import pytest

from abreast.model.event import Event, EventKind
from abreast.model.rollout import HoldStep, LatencyGate, Phase, Policy, Rollout, Step, WeightStep
from abreast.model.traffic import Split
from abreast.rollout.actions import RunVersion, SetSplit, StopVersion
from abreast.rollout.decide import decide, first
from abreast.rollout.turn import ACTOR
from abreast.rollout.watch import LIVE, is_alone
from abreast.rollout.wishes import wishes
from tests.rollout.play import BEGIN, POLICY, V1, V2, Play, at, serving, under_way
from tests.rollout.traffic import BAD, BROKEN, GOOD, NOTHING, OUTAGE, SLOW, Traffic

WATCHED = replace(POLICY, latency=LatencyGate(warm_up_s=0.0))
HURRYING = replace(POLICY, on_timeout="promote-unproven")
FREEZING = replace(POLICY, on_failure="freeze")
LIVE_STATES = [
    under_way(Phase.PROGRESSING),
    under_way(Phase.PROGRESSING, step=3),
    under_way(Phase.PAUSED),
    under_way(Phase.PROMOTING),
    under_way(Phase.BAKING),
]


def playing(state: Rollout | None = None, policy: Policy = POLICY, **fields: object) -> Play:
    """A climbing rollout, or that state, whose gateways obey; one is behind where that would end the phase."""
    rollout = under_way(Phase.PROGRESSING, policy, **fields) if state is None else state
    play = Play(rollout)
    behind = 5000 if rollout.phase is Phase.PROMOTING else rollout.weight
    play.acked = {"gateway-1": at(rollout.weight), "gateway-2": at(behind)}
    return play


def verdicts(play: Play) -> list[Event]:
    """Every verdict against the candidate so far."""
    return [event for event in play.story if event.data.get("verdict") == "worse"]


def test_the_first_version_serves_everybody_at_once() -> None:
    rollout, event = first("shop", "v1", POLICY, BEGIN)
    assert (rollout.number, rollout.phase, rollout.serving, rollout.revision) == (0, Phase.COMPLETED, "v1", 0)
    assert (event.kind, event.actor, event.reason) == (EventKind.STARTED, ACTOR, "v1 is the first version of shop")
    Play(rollout).hears(V1).gives(V1).wants(RunVersion("v1")).stops("v2").notes_nothing()


@pytest.mark.parametrize("state", LIVE_STATES, ids=lambda state: f"{state.phase}-{state.step}")
class TestVerdict:
    """A candidate that is worse: in every phase in which users may be on it, also while a person is waited for."""

    def test_it_rolls_back_before_anything_else(self, state: Rollout) -> None:
        play = playing(state).serves("15s", BROKEN).phase(Phase.ROLLING_BACK)
        assert play.decision.actions[0] == SetSplit(at(0), urgent=True)
        where = "since all users are on it" if is_alone(state) else "in the same seconds"
        play.notes(EventKind.VERDICT, f"gate errors: {where}, 9")
        play.notes(EventKind.VERDICT, "fewer than 1 of 1,000 rollouts").notes(EventKind.PHASE, "gate errors: ")
        play.notes(EventKind.WEIGHT, "If the candidate were no more than 25 points worse")
        assert len(verdicts(play)) == 1

    def test_or_it_freezes_where_the_policy_says_so(self, state: Rollout) -> None:
        play = playing(state)
        play.rollout = replace(play.rollout, policy=FREEZING)
        weight, goal = play.rollout.weight, play.rollout.resume_to or play.rollout.phase
        play.serves("15s", BROKEN).phase(Phase.FROZEN).gives(at(weight)).waits("frozen: a person has to resume")
        play.wakes(None)
        assert play.rollout.resume_to is goal
        play.serves("15s", BROKEN).notes_nothing()
        play.after("1s").orders("resume").accepted().notes(EventKind.PHASE, "resumed", actor="ada")
        (moved,) = (event.data["after"] for event in play.noted if event.kind is EventKind.PHASE)
        assert moved == goal
        play.serves("15s", BROKEN).phase(Phase.FROZEN)

    def test_a_few_failures_decide_nothing(self, state: Rollout) -> None:
        play = playing(state).serves("1s", (Traffic(500, 1.0), Traffic(500)))
        assert not verdicts(play), "all of them in one second"
        assert not verdicts(playing(state).serves("2m", (Traffic(1, 0.02), Traffic(9))))

    def test_an_outage_of_both_is_not_the_candidates_fault(self, state: Rollout) -> None:
        play = playing(state).serves("20s", GOOD).serves("30s", OUTAGE)
        assert bool(verdicts(play)) == is_alone(state), "without users on stable nothing cancels out"

    def test_nothing_counted_decides_nothing(self, state: Rollout) -> None:
        assert not verdicts(playing(state).serves("5m", NOTHING))
        if not is_alone(state):
            assert not verdicts(playing(state).serves("1m", (Traffic(20, 1.0), Traffic()))), "nothing to compare with"


@pytest.mark.parametrize("state", LIVE_STATES[:3], ids=lambda state: f"{state.phase}-{state.step}")
class TestLanes:
    """Beside users on stable each gate ends it, each with its sentence."""

    def test_more_errors(self, state: Rollout) -> None:
        play = playing(state).serves("40s", BAD).phase(Phase.ROLLING_BACK)
        play.notes(EventKind.VERDICT, "gate errors: in the same seconds, 20.00 % of candidate requests failed against")
        play.notes(EventKind.VERDICT, "If the candidate were no worse than tolerated, evidence this strong would")
        play.notes(EventKind.VERDICT, "fewer than 1 of 250 rollouts, however often we look")

    def test_slower(self, state: Rollout) -> None:
        play = playing(state)
        play.rollout = replace(play.rollout, policy=WATCHED)
        play.after("1m").serves("2m", SLOW).phase(Phase.ROLLING_BACK)
        play.notes(EventKind.VERDICT, "gate latency: 100.00 % of candidate requests took 20 % longer than stable's p50")
        play.notes(EventKind.VERDICT, "fewer than 1 of 250 rollouts, however often we look")

    def test_slower_is_no_reason_where_nobody_asks(self, state: Rollout) -> None:
        assert not verdicts(playing(state).after("1m").serves("2m", SLOW))

    def test_nor_while_an_instance_warms_up(self, state: Rollout) -> None:
        play = playing(state)
        patient = replace(WATCHED, latency=LatencyGate(warm_up_s=300.0))
        play.rollout = replace(play.rollout, policy=patient)
        assert not verdicts(play.serves("2m", SLOW))
        assert verdicts(play.serves("15s", BROKEN)), "errors count from the first request"

    def test_other_answers(self, state: Rollout) -> None:
        play = playing(state).compares(30, 100).phase(Phase.ROLLING_BACK)
        play.notes(EventKind.VERDICT, "gate differences: 30.00 % of the candidate's answers differ")
        play.notes(EventKind.VERDICT, "fewer than 1 of 1,000 rollouts, however often we look")


def test_users_are_protected_in_exactly_the_phases_where_they_may_be_on_the_candidate() -> None:
    for phase in Phase:
        play = playing(under_way(phase))
        play.ready["v2"] = 1  # not yet enough to begin
        assert bool(verdicts(play.serves("15s", BROKEN))) == (phase in LIVE), phase


def test_once_it_has_all_users_only_hard_failure_ends_it() -> None:
    play = playing(under_way(Phase.BAKING, WATCHED)).serves("4m", (Traffic(20, 0.2, ms=500), Traffic()))
    assert not verdicts(play)
    play.notes_nothing().serves("20s", BROKEN).phase(Phase.ROLLING_BACK)


def test_no_data_neither_promotes_nor_rolls_back() -> None:
    play = playing(step=4, weight=5000)
    play.after("10m").notes(EventKind.HELD, "held after 10 m: errors at weight 50 %: undecided: no candidate request")
    play.gives(at(5000)).serves("1m", NOTHING).notes_nothing().serves("1m", (Traffic(20), Traffic()))
    assert {event.kind for event in play.noted} == {EventKind.SILENT}
    play.after("10d").phase(Phase.PROGRESSING).gives(at(5000)).wakes(None)
    assert play.rollout.step == 4


def test_a_step_that_takes_too_long_goes_on_unproven_only_if_the_policy_says_so() -> None:
    play = playing(policy=HURRYING)
    play.after("9m").gives(at(1000)).wakes("1m")
    play.after("1m").notes(EventKind.HELD, "unproven after 10 m, going on as the policy says").waits("hold: 30 s")


@pytest.mark.parametrize(("policy", "step"), [(POLICY, 1), (HURRYING, 2)])
def test_what_is_too_few_for_a_proof_is_held_or_goes_on(policy: Policy, step: int) -> None:
    play = playing(policy=policy)
    play.serves("60s", (Traffic(1, 0.1), Traffic(9, 0.1))).after("9m")
    play.notes(EventKind.HELD, "errors at weight 10 %: undecided: at most ")
    assert play.rollout.step == step


def test_the_proof_of_a_step_is_not_one_of_the_next() -> None:
    steps = (WeightStep(1000, 0.0), WeightStep(5000, 0.0), WeightStep(10_000))
    play = playing(policy=replace(POLICY, steps=steps), step=0)
    while play.rollout.step == 0:
        play.serves("1s", GOOD)
    assert play.rollout.step == 1, "not both in one turn"
    play.obeyed().turn().waits("errors at weight 50 %: undecided: no candidate request in this step yet")


def test_a_candidate_that_is_worse_is_not_taken_for_unproven() -> None:
    """The order of a turn sees to it: who protects comes before who goes on."""
    play = playing(policy=replace(HURRYING, on_failure="freeze"))
    play.after("585s").serves("15s", BROKEN).phase(Phase.FROZEN)
    assert play.rollout.step == 1


def test_the_proof_of_the_last_step_is_a_verdict_of_its_own() -> None:
    """Of the others the event of the step that begins says it."""
    play = playing(step=4, weight=5000).serves("60s", GOOD).phase(Phase.PROMOTING)
    play.notes(EventKind.VERDICT, "errors: not worse: at most 1.2 points more of its requests fail than of stable's")
    (proof,) = (event for event in play.noted if event.kind is EventKind.VERDICT)
    assert proof.data == {"verdict": "not-worse"}
    earlier = playing().serves("60s", GOOD)
    assert earlier.rollout.step == 2
    assert EventKind.VERDICT not in {event.kind for event in earlier.story}


@pytest.mark.parametrize("steps", [(WeightStep(1000),), (WeightStep(1000), HoldStep(60.0))])
def test_what_was_not_proven_is_no_verdict(steps: tuple[Step, ...]) -> None:
    policy = replace(HURRYING, steps=(*steps, WeightStep(10_000)))
    play = playing(policy=policy, step=len(steps) - 1).after("10m").phase(Phase.PROMOTING)
    assert EventKind.VERDICT not in {event.kind for event in play.story}


def test_gateways_that_do_not_obey_hold_the_step_whatever_the_policy() -> None:
    play = playing(policy=HURRYING).hears(at(100), "gateway-2")
    play.serves("60s", GOOD).after("9m")
    play.notes(EventKind.HELD, "held after 10 m: not every gateway obeys yet").gives(at(1000))
    assert play.rollout.step == 1
    play.obeyed().waits("hold: 30 s")


def test_a_candidate_without_requests_is_told_once_with_its_cause_and_again_when_it_has_some() -> None:
    play = playing().after("29s").notes_nothing().after("1s")
    play.notes(EventKind.SILENT, "v2 got no request for 30 s although its weight is 10 %: v1 got none either")
    play.serves("5s", NOTHING).notes_nothing().serves("1s", (Traffic(1), Traffic())).after("1s")
    play.phase(Phase.PROGRESSING)
    assert [event.reason for event in play.story if event.kind is EventKind.SILENT][1:] == ["v2 gets requests again"]


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
        play.obeyed().serves("1m", (Traffic(500), Traffic())).after("4m").phase(Phase.PROGRESSING).gives(at(10_000))
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
    play = playing().serves("50s", GOOD)
    play.now += 10
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


class TestChangedWeight:
    """A spec that gives the step under way another weight: an order, obeyed in the next turn."""

    @staticmethod
    def changed(weight: int, **fields: object) -> Play:
        """At 10 % in step 2, which the changed spec gives that weight."""
        steps: list[Step] = [*POLICY.steps]
        steps[1] = WeightStep(weight)
        return playing(under_way(Phase.PROGRESSING, replace(POLICY, steps=tuple(steps)), **fields))

    @pytest.mark.parametrize("weight", [500, 2000])
    def test_it_holds_at_once_and_the_step_begins_anew(self, weight: int) -> None:
        play = self.changed(weight)
        play.now = BEGIN + 30.0
        play.turn().phase(Phase.PROGRESSING)
        assert (play.rollout.step, play.rollout.weight) == (1, weight)
        assert play.rollout.step_since == play.rollout.weight_since == BEGIN + 30.0
        assert play.decision.actions[0] == SetSplit(at(weight), urgent=weight < 1000)
        play.notes(EventKind.STEP, "the changed spec says: weight")
        before = play.rollout
        play.turn()
        assert play.rollout == before, "once"

    def test_before_a_pause_of_the_same_turn(self) -> None:
        play = self.changed(500).orders("pause").phase(Phase.PAUSED)
        assert play.rollout.weight == 500
        play.orders("resume").phase(Phase.PROGRESSING)
        assert (play.rollout.step, play.rollout.weight) == (1, 500), "and not the next step that is not below 10 %"

    def test_a_weight_by_hand_stays(self) -> None:
        play = playing(under_way(Phase.PAUSED, weight=2500)).turn()
        assert play.rollout.weight == 2500
