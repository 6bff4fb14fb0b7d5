"""How far apart values may be."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.compare.model import ABSENT, Value
from abreast.compare.tolerance import Tolerance
from abreast.compare.tree import parse


@pytest.mark.parametrize(
    ("tolerance", "left", "right"),
    [
        (Tolerance(absolute=0.1), Decimal("1.0"), Decimal("1.1")),
        (Tolerance(absolute=1), 10**40, 10**40 + 1),
        (Tolerance(relative=0.01), 1000, 990),
        (Tolerance(relative=0.01), -1000, -990),
        (Tolerance(relative=0.5), Decimal("1e400"), Decimal("1.5e400")),
        (Tolerance(absolute=2), "10", "12"),
        (Tolerance(seconds=1), "2024-05-01T10:00:00Z", "2024-05-01T12:00:01+02:00"),
        (Tolerance(seconds=1), "2024-05-01T10:00:00", "2024-05-01 10:00:00.9"),
        (Tolerance(seconds=86_400), "2024-05-01", "2024-05-02"),
        (Tolerance(seconds=2), "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:02 GMT"),
        (Tolerance(seconds=2), 1_700_000_000, 1_700_000_002),
        (Tolerance(seconds=2), 1_700_000_000_000, 1_700_000_002_000),
        (Tolerance(seconds=2), 1_700_000_000_000_000, 1_700_000_002_000_000),
        (Tolerance(seconds=2), "1700000000000000000", "1700000002000000000"),
    ],
)
def test_near_enough(tolerance: Tolerance, left: Value, right: Value) -> None:
    assert tolerance.allows(left, right)
    assert tolerance.allows(right, left)


@pytest.mark.parametrize(
    ("tolerance", "left", "right"),
    [
        (Tolerance(), 1, 2),
        (Tolerance(absolute=0.1), Decimal("1.0"), Decimal("1.1000001")),
        (Tolerance(absolute=1), 10**40, 10**40 + 2),
        (Tolerance(relative=0.01), 1000, 989),
        (Tolerance(absolute=5), 1, True),
        (Tolerance(absolute=5), 1, "1"),
        (Tolerance(absolute=5), 1, None),
        (Tolerance(absolute=5), 1, float("nan")),
        (Tolerance(absolute=5), "1", "one"),
        (Tolerance(absolute=5), ABSENT, 1),
        (Tolerance(seconds=1), "2024-05-01T10:00:00Z", "2024-05-01T10:00:02Z"),
        (Tolerance(seconds=3600), "2024-05-01T10:00:00Z", "soon"),
        (Tolerance(seconds=3600), "2024-05-01T10:00:00Z", 1_714_557_600),
        (Tolerance(seconds=2), 1_700_000_000_000, 1_700_000_003_000),
        (Tolerance(absolute=5), Decimal("1e999999999"), Decimal("2e999999999")),
        (Tolerance(seconds=5), Decimal("1e999999999"), Decimal("2e999999999")),
    ],
)
def test_too_far_apart_or_not_of_one_kind(tolerance: Tolerance, left: Value, right: Value) -> None:
    assert not tolerance.allows(left, right)
    assert not tolerance.allows(right, left)


@pytest.mark.parametrize("value", [-1.0, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["absolute", "relative", "seconds"])
def test_a_tolerance_is_a_finite_number_from_0_up(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"a tolerance's {name} is .*: give a number from 0 up"):
        Tolerance(**{name: value})


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,18})?", fullmatch=True)
SCALARS = NUMBERS.map(parse) | st.text() | st.none() | st.booleans() | st.floats()


@given(st.floats(0, 1e300), st.floats(0, 10), st.floats(0, 1e300), SCALARS, SCALARS)
def test_it_takes_anything_and_is_symmetric(
    absolute: float, relative: float, s: float, left: Value, right: Value
) -> None:
    tolerance = Tolerance(absolute, relative, s)
    assert tolerance.allows(left, right) is tolerance.allows(right, left)


@given(st.integers(), st.integers(0, 10**9), st.integers(1, 10**9))
def test_just_as_far_apart_is_allowed_and_one_further_is_not(number: int, allowed: int, further: int) -> None:
    tolerance = Tolerance(absolute=allowed)
    assert tolerance.allows(number, number + allowed) is bool(allowed)
    assert not tolerance.allows(number, number + allowed + further)
