"""A conflict names its place, and by default hangs on nothing else."""

from abreast.model.spec_conflict import Conflict


def test_a_conflict_hangs_on_its_own_place_only() -> None:
    assert Conflict(("stable",), "no version", "add it").hangs_on == ()


def test_conflicts_that_say_the_same_are_one() -> None:
    assert len({Conflict(("a", 0), "m", "r"), Conflict(("a", 0), "m", "r"), Conflict(("a", 1), "m", "r")}) == 2
