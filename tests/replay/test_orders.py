"""People's commands read back from their events: the same command does the same again."""

from dataclasses import replace

import pytest

from abreast.model.rollout import Phase
from abreast.replay.orders import orders
from abreast.rollout.observed import Command
from abreast.rollout.watch import Watch
from tests.rollout.play import POLICY, Play, under_way

PROGRESSING = under_way(Phase.PROGRESSING)
PAUSED = under_way(Phase.PAUSED)
BY_HAND = under_way(Phase.PAUSED, weight=3000)
FROZEN = under_way(Phase.FROZEN)
BAKING = under_way(Phase.BAKING)
PAUSED_BAKE = under_way(Phase.PAUSED, weight=10_000, step=len(POLICY.ladder), resume_to=Phase.BAKING)
APPROVING = under_way(Phase.PROGRESSING, step=3)

CASES = {
    "pause": (PROGRESSING, Command("1", "pause", "ada", "lunch")),
    "pause a bake": (BAKING, Command("1", "pause", "ada")),
    "resume": (PAUSED, Command("1", "resume", "ada", "back: again")),
    "resume from a weight set by hand": (BY_HAND, Command("1", "resume", "ada")),
    "resume a frozen one": (FROZEN, Command("1", "resume", "ada")),
    "weight": (PROGRESSING, Command("1", "weight", "ada", "carefully", weight=2000)),
    "weight while paused": (PAUSED, Command("1", "weight", "ada", weight=0)),
    "approve": (APPROVING, Command("1", "promote", "ada", "fine")),
    "skip a step": (PROGRESSING, Command("1", "promote", "ada")),
    "promote from paused": (PAUSED, Command("1", "promote", "ada", "fine")),
    "promote all": (PROGRESSING, Command("1", "promote", "ada", full=True)),
    "promote all from paused": (PAUSED, Command("1", "promote", "ada", "now", full=True)),
    "skip the bake": (BAKING, Command("1", "promote", "ada", "enough")),
    "skip a paused bake": (PAUSED_BAKE, Command("1", "promote", "ada")),
    "retire while baking": (BAKING, Command("1", "retire", "ada", "no room")),
    "retire": (under_way(Phase.RETIRING), Command("1", "retire", "ada")),
    "abort": (PROGRESSING, Command("1", "abort", "ada", "looks bad")),
    "abort a pending one": (under_way(Phase.PENDING), Command("1", "abort", "ada")),
    "undo": (BAKING, Command("1", "undo", "ada", "no good")),
    "undo from a paused bake": (PAUSED_BAKE, Command("1", "undo", "ada")),
    "retry": (under_way(Phase.ROLLED_BACK, weight=0), Command("1", "retry", "ada", "mended")),
}


@pytest.mark.parametrize("name", CASES)
def test_a_command_can_be_told_from_its_events(name: str) -> None:
    rollout, command = CASES[name]
    play = Play(rollout).turn(command).accepted()
    (found,) = orders(play.noted)
    assert replace(found, id="1") == command


@pytest.mark.parametrize("name", CASES)
def test_what_was_read_does_the_same_again(name: str) -> None:
    rollout, command = CASES[name]
    before = Play(rollout).turn(command)
    again = Play(rollout, watch=Watch()).turn(*orders(before.noted))
    assert again.rollout == before.rollout
    assert again.noted == before.noted


def test_promoting_all_from_a_weight_set_by_hand_is_resuming_and_promoting_all() -> None:
    command = Command("1", "promote", "ada", full=True)
    play = Play(BY_HAND).turn(command).accepted()
    found = list(orders(play.noted))
    assert [(each.verb, each.full) for each in found] == [("resume", False), ("promote", True)]
    again = Play(BY_HAND).turn(*found)
    assert (again.rollout.phase, again.rollout.weight) == (play.rollout.phase, play.rollout.weight)


def test_commands_of_several_people_in_one_turn_stay_apart() -> None:
    commands = (Command("1", "pause", "ada"), Command("2", "abort", "grace"))
    play = Play(PROGRESSING).turn(*commands)
    assert [(each.verb, each.actor) for each in orders(play.noted)] == [("pause", "ada"), ("abort", "grace")]


def test_what_was_refused_or_had_nothing_to_change_is_no_order() -> None:
    play = Play(PROGRESSING).orders("undo").refused("nothing was promoted")
    assert list(orders(play.noted)) == []
    assert list(orders(Play(PAUSED).orders("pause").noted)) == []


def test_what_nobody_ordered_is_no_order() -> None:
    play = Play(under_way(Phase.PENDING)).after("1s").phase(Phase.PROGRESSING)
    assert play.noted
    assert list(orders(play.noted)) == []
