"""Whatever happens between any two moves: nobody of a release group is completed while another is rolled back."""

from random import Random

import pytest

from abreast.model.rollout import Phase
from abreast.rollout import group
from tests.simulation.together import NAMES, World

SEEDS = range(50)
MOVES = 500


def world(seed: int) -> World:
    """After everybody has begun the group's first attempt, and then so many moves drawn by lot."""
    found = World(Random(seed))
    everybody_begins(found)
    for _ in range(MOVES):
        found.happens()
        found.regrets()
    return found


def everybody_begins(found: World) -> None:
    """All three are started, one after another."""
    for service in found.services.values():
        for other in NAMES:
            if other != service.name:
                found.hear(service, other)
        found.order(service, "start")
    assert {each.play.rollout.attempt for each in found.services.values()} == {1}


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    """One for each seed."""
    return [world(seed) for seed in SEEDS]


def test_no_attempt_ends_torn(worlds: list[World]) -> None:
    assert [(seed, found.torn) for seed, found in zip(SEEDS, worlds, strict=True) if found.torn] == []


def test_the_lot_leads_to_both_ends(worlds: list[World]) -> None:
    """Else the test before says nothing."""
    assert sum(len(names) == len(NAMES) for found in worlds for names in found.completed.values()) >= 5
    assert sum(len(names) == len(NAMES) for found in worlds for names in found.back.values()) >= 10


def test_once_all_works_again_everybody_comes_to_an_end(worlds: list[World]) -> None:
    for seed, found in zip(SEEDS, worlds, strict=True):
        found.heals()
        rollouts = [each.play.rollout for each in found.services.values()]
        if len({each.attempt for each in rollouts}) == 1:
            ends = {each.phase for each in rollouts}
            assert ends in ({Phase.COMPLETED}, {Phase.ROLLED_BACK}), (seed, ends)
        assert not found.torn, seed


def test_without_the_barriers_attempts_are_torn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lot finds what it looks for."""
    monkeypatch.setattr(group, "holding", lambda *_: "")
    assert any(world(seed).torn for seed in SEEDS)


def test_without_the_last_refusal_attempts_are_torn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who may go back after everybody was promised that nobody does tears the group apart."""
    monkeypatch.setattr(group, "bound", lambda *_: "")
    assert any(world(seed).torn for seed in SEEDS)
