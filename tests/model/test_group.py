"""Stages hold all that those before them hold, and a token never shows."""

from abreast.model.group import MemberAddress, Stage


def test_a_stage_has_reached_itself_and_those_before_it() -> None:
    reached = [[each.reached(other) for other in Stage] for each in Stage]
    assert reached == [[column <= row for column in range(5)] for row in range(5)]


def test_the_way_of_the_stages() -> None:
    assert list(Stage) == [Stage.WALKING, Stage.READY, Stage.BAKED, Stage.RETIRING, Stage.RELEASED]


def test_no_representation_shows_the_token() -> None:
    assert "s3cret" not in repr(MemberAddress("https://payments:9443", "s3cret"))
