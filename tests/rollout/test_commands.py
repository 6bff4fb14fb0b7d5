"""Each verb in each phase: accepted, or refused with the reason and what is possible instead."""

from dataclasses import replace
from typing import Final, get_args

import pytest

from abreast.model.event import EventKind
from abreast.model.rollout import HoldStep, Phase, Rollout, WeightStep
from abreast.rollout.commands import allowed
from abreast.rollout.observed import Verb
from tests.rollout.play import POLICY, V1, Play, Words, at, serving, under_way

STATES: Final[dict[str, Rollout]] = {
    "first": serving(),
    "pending": under_way(Phase.PENDING),
    "progressing": under_way(Phase.PROGRESSING),
    "paused": under_way(Phase.PAUSED),
    "paused-baking": under_way(Phase.PAUSED, resume_to=Phase.BAKING, weight=10_000),
    "frozen": under_way(Phase.FROZEN),
    "frozen-promoting": under_way(Phase.FROZEN, resume_to=Phase.PROMOTING, weight=10_000),
    "promoting": under_way(Phase.PROMOTING),
    "baking": under_way(Phase.BAKING),
    "retiring": under_way(Phase.RETIRING),
    "completed": under_way(Phase.COMPLETED),
    "rolling-back": under_way(Phase.ROLLING_BACK),
    "rolled-back": under_way(Phase.ROLLED_BACK),
}

ACCEPTED: Final[dict[str, str]] = {
    "first": "start",
    "pending": "abort",
    "progressing": "promote, promote --full, pause, weight, abort",
    "paused": "resume, abort, promote, promote --full, weight",
    "paused-baking": "resume, abort, undo, promote",
    "frozen": "resume, abort, promote, promote --full, weight",
    "frozen-promoting": "resume, abort, undo",
    "promoting": "abort, undo",
    "baking": "promote, retire, pause, abort, undo",
    "retiring": "abort, undo, retire",
    "completed": "start",
    "rolling-back": "",
    "rolled-back": "start, retry, retire",
}
"""What a message offers in each state."""

HARMLESS: Final = {("paused", "pause"), ("paused-baking", "pause"), ("rolling-back", "abort"), ("rolled-back", "abort")}
"""What is there already: not offered, but no fault either, so that asking twice is safe."""

REFUSALS: Final[dict[str, str]] = {
    "start": "a rollout of v2 is {phase}; one at a time",
    "retry": "only a rollout that was rolled back can be retried, this one is {phase}",
    "pause": "cannot pause while {phase}",
    "resume": "nothing is paused or frozen: the rollout is {phase}",
    "promote": "cannot promote while {phase}",
    "abort": "no rollout is under way",
    "undo": "nothing was promoted; the rollout is {phase}",
    "retire": "no version can be retired while {phase}",
    "weight": "the weight cannot be set by hand while {phase}",
}


def words(verb: Verb, state: str) -> Words:
    """What the verb needs: the version that does not serve yet, a weight."""
    if verb == "start":
        return {"version": "v1" if state == "completed" else "v2"}
    return {"weight": 2000} if verb == "weight" else {}


def acked(state: str) -> Play:
    """A play whose gateways do what the state asks for."""
    play = Play(STATES[state])
    play.acked = {"gateway-1": at(play.rollout.weight) if play.rollout.candidate else V1}
    return play


@pytest.mark.parametrize("verb", get_args(Verb))
@pytest.mark.parametrize("state", STATES)
def test_each_verb_in_each_phase(verb: Verb, state: str) -> None:
    play = acked(state)
    before = play.rollout
    play.orders(verb, **words(verb, state))
    if verb in ACCEPTED[state].split(", "):
        play.accepted()
        assert replace(play.rollout, revision=before.revision) != before
        assert any(event.actor == "ada" for event in play.story)
    elif (state, verb) in HARMLESS:
        play.accepted("already")
    else:
        phase = before.phase.value
        special = {
            ("undo", "completed"): "v1 is retired; roll it out again with: abreast start v1",
            ("promote", "pending"): "cannot promote while pending: v2 is not ready yet",
        }
        message = special.get((verb, state), REFUSALS[verb].format(phase=phase))
        remedy = f"possible now: {ACCEPTED[state]}" if ACCEPTED[state] else "wait for the phase to end"
        play.refused(message, remedy).notes(EventKind.REFUSED, f"{verb} refused: {message}", actor="ada")


@pytest.mark.parametrize("state", STATES)
def test_what_is_offered_is_what_is_accepted(state: str) -> None:
    assert ", ".join(allowed(STATES[state])) == ACCEPTED[state]


@pytest.mark.parametrize("state", [name for name, verbs in ACCEPTED.items() if "promote --full" in verbs])
def test_promote_full_skips_the_remaining_steps(state: str) -> None:
    play = acked(state).orders("promote", full=True, reason="urgent fix").accepted("all users go to v2")
    play.notes(EventKind.PHASE, "the remaining steps were skipped: urgent fix", actor="ada")
    play.phase(Phase.PROMOTING).gives(at(10_000))


def test_promote_ends_the_bake() -> None:
    play = acked("baking").orders("promote").accepted("the rest of the bake was skipped").phase(Phase.RETIRING)
    assert play.rollout.released_at is None, "the old version stays warm all the same"


@pytest.mark.parametrize("state", ["progressing", "paused", "baking", "frozen"])
def test_nothing_is_promoted_that_is_not_there(state: str) -> None:
    acked(state).sees(v2=0).orders("promote").refused("v2 has no ready instance")


def test_promote_goes_past_a_hold_and_notes_who_did_it() -> None:
    play = Play(under_way(Phase.PROGRESSING, step=2)).hears(at(1000))
    play.orders("promote", actor="bob", reason="looks fine").accepted("past hold 30s; next: approve")
    play.notes(EventKind.APPROVED, "approved past hold 30s: looks fine", actor="bob")


def test_promote_past_the_last_step_moves_all_users() -> None:
    play = Play(under_way(Phase.PROGRESSING, step=4, weight=5000)).hears(at(5000))
    play.orders("promote").accepted("past weight 50 %; all users").phase(Phase.PROMOTING)


def test_a_paused_step_has_to_be_proven_again_after_resuming() -> None:
    play = Play(under_way(Phase.PROGRESSING)).hears(at(1000)).after("50s").orders("pause").phase(Phase.PAUSED)
    play.waits("paused: a person has to resume, promote or abort (paused)").wakes(None).after("1h")
    play.orders("resume").accepted("progressing again at 10 %").phase(Phase.PROGRESSING).wakes("60s")


def test_a_paused_bake_starts_over() -> None:
    play = Play(under_way(Phase.BAKING)).hears(at(10_000)).after("200s").orders("pause").after("1d")
    play.orders("resume").accepted("baking again at 100 %").wakes("300s")


class TestWeight:
    """A weight set by hand pauses the steps; going on starts at the first step that is not below it."""

    def test_it_pauses_the_steps(self) -> None:
        play = acked("progressing").orders("weight", weight=2000, reason="try")
        play.accepted("20 % of users go to v2; the steps are paused").phase(Phase.PAUSED).gives(at(2000))
        play.notes(EventKind.WEIGHT, "weight set to 20 % by hand: try", actor="ada")

    @pytest.mark.parametrize(
        ("weight", "verb", "step", "after"),
        [
            (2000, "resume", 4, 5000),
            (2000, "promote", 4, 5000),
            (1000, "resume", 1, 1000),
            (1000, "promote", 2, 1000),
            (50, "resume", 0, 100),
            (0, "resume", 0, 100),
            (5000, "promote", 5, 10_000),
        ],
    )
    def test_it_goes_on_from_there(self, weight: int, verb: Verb, step: int, after: int) -> None:
        play = acked("progressing").orders("weight", weight=weight).obeyed().orders(verb).accepted()
        assert (play.rollout.step, play.rollout.weight) == (step, after)

    @pytest.mark.parametrize("verb", ["resume", "promote"])
    def test_above_the_last_step_all_users_are_next(self, verb: Verb) -> None:
        play = acked("progressing").orders("weight", weight=7500).obeyed().orders(verb).accepted()
        play.phase(Phase.PROMOTING).gives(at(10_000))
        assert play.rollout.step == len(play.rollout.policy.ladder)

    def test_a_frozen_rollout_stays_frozen(self) -> None:
        acked("frozen").orders("weight", weight=0).accepted("the steps are frozen").phase(Phase.FROZEN).gives(at(0))

    @pytest.mark.parametrize("weight", [-1, 10_001, None])
    def test_what_is_no_weight_is_refused(self, weight: int | None) -> None:
        acked("progressing").orders("weight", weight=weight).refused(f"{weight} is no weight")

    def test_no_user_is_sent_to_a_candidate_that_is_not_there(self) -> None:
        play = acked("paused").sees(v2=0)
        play.orders("weight", weight=2000).refused("v2 has no ready instance")
        play.orders("weight", weight=0).accepted()


class TestStart:
    """Beginning a rollout."""

    def test_the_version_that_serves_cannot_be_its_own_candidate(self) -> None:
        acked("first").orders("start", version="v1").refused("v1 already serves all users", "possible now: start")

    @pytest.mark.parametrize("lacking", [Words(version=None), Words(policy=None)])
    def test_it_needs_a_version_and_its_policy(self, lacking: Words) -> None:
        acked("first").orders("start", **lacking).refused("no version was named")

    def test_another_version_may_follow_one_that_was_rolled_back(self) -> None:
        play = acked("rolled-back").orders("start", version="v3").accepted("rollout 2: v1 → v3 begins")
        play.gives(V1).stops()
        play.hears(V1).stops("v2")

    @pytest.mark.parametrize("verb", ["start", "retry"])
    def test_users_that_the_last_candidate_serves_in_need_are_not_cut_off(self, verb: Verb) -> None:
        play = acked("rolled-back").sees(v1=0).gives(at(10_000))
        play.orders(verb, version="v3").refused("v1 has no ready instance and v2 serves its users; wait until it is")
        play.sees(v1=2).orders(verb, version="v3").accepted()


class TestRevision:
    """A command that was given upon an old reading is refused, so that nobody undoes what they have not seen."""

    def test_the_present_revision_is_obeyed(self) -> None:
        acked("progressing").orders("pause", revision=7).accepted()

    @pytest.mark.parametrize("revision", [6, 8])
    def test_another_one_conflicts(self, revision: int) -> None:
        play = acked("progressing").orders("pause", revision=revision)
        message = f"the rollout changed meanwhile: revision 7, you had read {revision}"
        play.refused(message, "look at: abreast status", conflict=True).phase(Phase.PROGRESSING)

    def test_of_two_at_once_upon_one_reading_the_first_wins(self) -> None:
        together = acked("progressing")
        first, second = (together.command("pause", revision=7), together.command("promote", revision=7))
        together.turn(first, second).refused("the rollout changed meanwhile: revision 8, you had read 7", conflict=True)
        together.phase(Phase.PAUSED)


def test_a_reason_goes_with_what_was_done() -> None:
    play = acked("progressing").orders("pause", reason="lunch")
    assert play.rollout.reason == "paused: lunch"
    assert acked("progressing").orders("pause").rollout.reason == "paused"


def test_retire_twice_is_safe() -> None:
    play = acked("retiring").orders("retire").accepted().hears(at(10_000))
    play.orders("retire").accepted("v1 is already out of the gateway")


def test_a_rolled_back_candidate_can_be_retired_at_once() -> None:
    play = acked("rolled-back").orders("retire").accepted("v2 is retired now").gives(V1).hears(V1).stops("v2")
    play.phase(Phase.ROLLED_BACK)


def test_a_hold_that_was_paused_by_hand_keeps_its_place() -> None:
    policy = replace(POLICY, steps=(WeightStep(1000), HoldStep(30.0), WeightStep(10_000)))
    play = Play(under_way(Phase.PROGRESSING, policy, step=1)).hears(at(1000)).after("20s").orders("pause")
    play.orders("resume").accepted().wakes("30s")
    assert play.rollout.step == 1
