"""A shape forgives what stable itself does, and nothing else."""

import random
from decimal import Decimal

import pytest

from abreast.compare.model import ABSENT, Difference, Kind, Value
from abreast.findings.shapes import Shape

NOW = 1_800_000_000.0


def difference(left: Value, right: Value, kind: Kind = Kind.CHANGED) -> Difference:
    return Difference(kind, "/x", "/x", left, right)


def learned(*pairs: tuple[Value, Value], kind: Kind = Kind.CHANGED) -> Shape:
    """The shape after stable's own pairs of differing values, by instances a and b in turn."""
    shape = Shape()
    for turn, (left, right) in enumerate(pairs):
        shape.differed += 1
        one, other = ("a", "b") if turn % 2 else ("b", "a")
        shape.learn_difference(difference(left, right, kind), one, other, NOW)
    return shape


def test_a_shape_is_used_from_the_third_time_on() -> None:
    shape = Shape()
    for count, used in [(1, False), (2, False), (3, True)]:
        shape.differed = shape.touched = count
        assert shape.is_used(controls=3) is used


def test_rare_noise_is_left_to_rates() -> None:
    shape = Shape()
    shape.differed, shape.touched = 5, 10
    assert shape.is_used(controls=500)
    assert not shape.is_used(controls=501)


def test_constant_noise_in_a_rare_place_is_no_rare_noise() -> None:
    shape = Shape()
    shape.differed, shape.touched = 9, 10
    assert shape.is_used(controls=1_000_000)


def test_a_value_that_only_comes_and_goes_is_held_to_stable_s() -> None:
    shape = learned(*[("gold", ABSENT), (ABSENT, "gold")] * 5)
    assert shape.fits(difference("gold", ABSENT, Kind.MISSING), NOW)
    assert shape.fits(difference(ABSENT, "gold", Kind.ADDED), NOW)
    assert not shape.fits(difference("gold", "silver"), NOW), "stable never differed in the value"
    assert not shape.fits(difference("gold", None, Kind.TYPE), NOW)
    assert shape.words() == "string or absent"


def test_another_type_than_stable_ever_gave_does_not_fit() -> None:
    shape = learned(*[("ada", "grace"), ("edsger", "barbara")] * 10)
    assert shape.fits(difference("ada", "donald"), NOW)
    wrong: list[Value] = [None, 7, True, ["donald"], {"name": "donald"}, ABSENT, ""]
    for value in wrong:
        assert not shape.fits(difference("ada", value, Kind.TYPE), NOW), value


def test_a_type_that_stable_gives_once_in_a_thousand_is_no_excuse() -> None:
    shape = learned(*[("ada", "grace"), ("edsger", "barbara")] * 1000, *[("ada", None)] * 3)
    assert not shape.fits(difference("ada", None, Kind.TYPE), NOW)


def test_true_and_false_are_told_apart() -> None:
    changed = Difference(Kind.CHANGED, "/x", "/x", left=False, right=True)
    always = learned(*[(value, not value) for value in (True, False)] * 5)
    assert always.fits(changed, NOW)
    assert always.words() == "true or false"
    once = learned(*[("ada", "grace")] * 5)
    assert not once.fits(changed, NOW)


def test_numbers_are_held_to_their_band() -> None:
    dice = random.Random(1)
    shape = learned(*((dice.randrange(3, 90), Decimal(dice.randrange(300, 9000)) / 100) for _ in range(100)))
    assert shape.fits(difference(5, 90), NOW)
    assert not shape.fits(difference(5, -5), NOW)
    assert shape.words().startswith("a number between 3")


def test_lengths_are_held_to_their_range() -> None:
    shape = learned((3, 5), (4, 9), kind=Kind.LENGTH)
    assert shape.fits(difference(4, 3, Kind.LENGTH), NOW)
    assert not shape.fits(difference(4, 10, Kind.LENGTH), NOW)
    assert shape.words() == "3 to 9 long"


def test_a_length_is_not_taken_for_a_value() -> None:
    assert not learned(("ada", "grace")).fits(difference(4, 3, Kind.LENGTH), NOW)


def test_a_list_in_any_order_is_held_to_stable_s_members() -> None:
    shape = learned(*[("Accept, Cookie", "Cookie, Accept")] * 5, kind=Kind.HEADER)
    assert shape.fits(difference("Origin, Accept, Cookie", "Cookie,Origin, Accept", Kind.HEADER), NOW)
    assert not shape.fits(difference("Accept, Cookie", "Cookie", Kind.HEADER), NOW)
    assert not shape.fits(difference("Accept, Cookie", "Cookie, Accept, Accept", Kind.HEADER), NOW)
    assert shape.words() == "a list in any order"


def test_a_list_whose_members_vary_too_is_told_by_its_characters() -> None:
    shape = learned(*[("red, blue", "blue, red"), ("red, blue", "red, pink, grey")] * 5, kind=Kind.HEADER)
    assert shape.fits(difference("cyan, violet", "violet, cyan", Kind.HEADER), NOW)
    assert shape.words() == "9 to 15 characters"


def test_a_member_of_an_enumeration_is_forgiven_as_long_as_stable_gives_it_often() -> None:
    dice = random.Random(2)
    names = ["gold", "silver", "bronze"]
    pairs = [
        (one, other) for one, other in ((dice.choice(names), dice.choice(names)) for _ in range(300)) if one != other
    ]
    shape = learned(*pairs, ("gold", "lead"), ("lead", "gold"))
    assert shape.fits(difference("gold", "silver"), NOW)
    assert not shape.fits(difference("gold", "lead"), NOW), "1 % of stable's answers at most"
    assert not shape.fits(difference("gold", "copper"), NOW)


def rates(candidate_only: int, control_only: int) -> Shape:
    """A shape of an optional field after so many exchanges in which only one of the two arms was without it."""
    shape = learned(*[("ada", "grace"), ("grace", "ada"), ("ada", ABSENT), (ABSENT, "ada")] * 10)
    without = (difference("ada", ABSENT, Kind.MISSING),)
    for _ in range(control_only):
        shape.note_categories((), without)
    for _ in range(candidate_only):
        shape.note_categories(without, ())
    return shape


@pytest.mark.parametrize(("candidate_only", "control_only"), [(20, 20), (20, 15), (5, 40), (9, 3)])
def test_a_field_that_is_absent_as_often_as_stable_s_is_forgiven(candidate_only: int, control_only: int) -> None:
    shape = rates(candidate_only, control_only)
    assert shape.fits(difference("ada", ABSENT, Kind.MISSING), NOW)


@pytest.mark.parametrize(("candidate_only", "control_only"), [(60, 10), (25, 0)])
def test_a_field_that_is_absent_far_more_often_is_no_longer_forgiven(candidate_only: int, control_only: int) -> None:
    shape = rates(candidate_only, control_only)
    assert not shape.fits(difference("ada", ABSENT, Kind.MISSING), NOW)
    assert shape.fits(difference("ada", "edsger"), NOW), "its values are still noise"


def test_exchanges_in_which_both_arms_are_alike_say_nothing() -> None:
    shape = learned(*[("ada", ABSENT)] * 10)
    without = (difference("ada", ABSENT, Kind.MISSING),)
    for _ in range(1000):
        shape.note_categories(without, without)
    assert shape.fits(difference("ada", ABSENT, Kind.MISSING), NOW)


def test_only_the_category_that_is_too_frequent_is_no_longer_forgiven() -> None:
    shape = learned(*[("ada", ABSENT), (ABSENT, "ada"), ("ada", None), (None, "ada")] * 10)
    for _ in range(60):
        shape.note_categories((difference("ada", None, Kind.TYPE),), (difference(None, ABSENT, Kind.MISSING),))
    assert not shape.fits(difference("ada", None, Kind.TYPE), NOW)
    assert shape.fits(difference("ada", ABSENT, Kind.MISSING), NOW)
