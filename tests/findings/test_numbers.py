"""Numbers and times are held to what stable's own do."""

import random
from decimal import Decimal

import pytest

from abreast.findings.numbers import INSTANCES, Latest, NumberShape, Offsets

NOW = 1_800_000_000.0


def learned(*values: int | Decimal, instances: tuple[str, ...] = ("a", "b"), at: float = NOW) -> NumberShape:
    shape = NumberShape()
    for turn, value in enumerate(values):
        shape.learn(value, instances[turn % len(instances)], at)
    return shape


def test_a_value_that_each_process_keeps_does_not_vary() -> None:
    latest = Latest()
    for instance, value in [("a", 1), ("b", 2), ("a", 1), ("b", 2)]:
        latest.note(instance, value)
    assert not latest.varies
    latest.note("a", 2)
    assert latest.varies


def test_only_so_many_instances_are_remembered() -> None:
    latest = Latest()
    for number in range(INSTANCES + 1):
        latest.note(f"instance {number}", number)
    latest.note(f"instance {INSTANCES}", "another")
    assert not latest.varies
    latest.note("instance 0", "another")
    assert latest.varies


def test_times_may_be_a_minute_further_off_than_stable_s() -> None:
    offsets = Offsets()
    for offset in (-0.5, 0.0, 0.2, 0.1, 0.3):
        offsets.learn(offset)
    assert offsets.near(60.2)
    assert not offsets.near(61)
    assert not offsets.near(-3600)


def test_times_may_be_as_far_off_again_as_stable_s_are_apart() -> None:
    offsets = Offsets()
    for offset in (-3600, -1800, -900, -60, 0):
        offsets.learn(offset)
    assert offsets.near(3600)
    assert not offsets.near(3601)


def test_a_process_id_may_be_any_number_but_no_fraction() -> None:
    shape = learned(*[17, 23] * 50)
    assert shape.fits(900_000, NOW)
    assert not shape.fits(Decimal("17.5"), NOW)
    assert shape.words() == "an integer, other in each process"


def test_random_numbers_get_a_band() -> None:
    dice = random.Random(1)
    shape = learned(*(Decimal(dice.randrange(300, 9000)) / 100 for _ in range(200)))
    assert shape.band is not None
    assert shape.fits(Decimal("120.5"), NOW)
    assert not shape.fits(Decimal(-5), NOW), "never negative"
    assert not shape.fits(900, NOW)
    assert shape.words().startswith("a number between 3")


def test_negative_numbers_stay_negative() -> None:
    dice = random.Random(2)
    shape = learned(*(dice.randrange(-90, -3) for _ in range(200)))
    assert shape.fits(-120, NOW)
    assert not shape.fits(5, NOW)


def test_a_band_needs_twenty_distinct_values() -> None:
    dice = random.Random(3)
    assert learned(*(dice.randrange(19) for _ in range(500))).band is None
    assert learned(*(dice.randrange(20) for _ in range(500))).band == (0, 38)


def test_a_counter_has_no_band() -> None:
    shape = learned(*range(1000))
    assert shape.fits(10**12, NOW)
    assert shape.fits(0, NOW)
    assert shape.words() == "any integer"


def test_numbers_that_each_process_has_its_own_range_of_have_no_band() -> None:
    dice = random.Random(4)
    values = [dice.randrange(100) + (0 if turn % 2 else 10_000) for turn in range(400)]
    assert learned(*values).band is None, "a third process may have a third range"


@pytest.mark.parametrize(("unit", "name"), [(1, "s"), (1000, "ms"), (10**6, "µs"), (10**9, "ns")])
def test_epochs_are_held_to_the_clock(unit: int, name: str) -> None:
    shape = NumberShape()
    for turn in range(10):
        at = NOW + 10 * turn
        shape.learn(int(at * unit), "ab"[turn % 2], at)
    later = NOW + 90_000
    assert shape.fits(int(later * unit), later)
    assert not shape.fits(int((later - 3600) * unit), later)
    assert shape.words() == f"a timestamp near now ({name})"


def test_a_start_time_may_be_any_time() -> None:
    shape = NumberShape()
    for turn in range(10):
        shape.learn(int(NOW) - turn % 2, "ab"[turn % 2], NOW + 10 * turn)
    assert shape.fits(int(NOW) - 40_000, NOW)


def test_what_once_was_far_from_the_clock_is_no_time() -> None:
    shape = learned(int(NOW), int(NOW) + 1, 12, int(NOW) + 2, 5, int(NOW) + 1)
    assert shape.fits(7, NOW)


@pytest.mark.parametrize("odd", [Decimal("NaN"), Decimal("Infinity"), Decimal("1E+1000000"), 10**1000])
def test_odd_numbers_fit_nowhere_and_teach_nothing(odd: Decimal) -> None:
    shape = learned(1, odd, 2)
    assert not shape.fits(odd, NOW)
    assert shape.fits(3, NOW)


def test_long_integers_are_numbers_like_others() -> None:
    dice = random.Random(5)
    shape = learned(*(10**40 + dice.randrange(10**40) for _ in range(100)))
    assert shape.fits(10**40 + 1, NOW)
    assert not shape.fits(10**41, NOW)
    assert shape.words().startswith("an integer between 1000000")


def test_words_do_not_give_the_numbers_away() -> None:
    dice = random.Random(6)
    shape = learned(*(dice.randrange(7413, 8823) for _ in range(100)), 7413, 8822)
    assert shape.words() == "an integer between 7400 and 8900"
