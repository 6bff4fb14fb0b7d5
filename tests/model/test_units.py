"""Durations and shares: what is read, what is refused, and that both go there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.model.units import (
    FULL_WEIGHT,
    about,
    format_duration,
    format_weight,
    parse_duration,
    parse_weight,
    percent,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("5 m", 300.0),
        ("2d", 172_800.0),
        ("0s", 0.0),
        (0, 0.0),
        (0.0, 0.0),
    ],
)
def test_a_duration_is_read(text: object, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        30,
        1.5,
        "30",
        "s",
        "",
        " ",
        "1 2s",
        "-5s",
        "5 sec",
        "1h30",
        "٣s",
        "9" * 400 + "s",
        True,
        False,
        None,
        [],
        {},
        b"5s",
    ],
)
def test_what_is_no_duration_is_refused_with_what_is_allowed(text: object) -> None:
    with pytest.raises(ValueError, match=r"is no duration; write a number with a unit, such as 500ms"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10 * 365 * 86_400_000))
def test_a_formatted_duration_reads_as_the_same(milliseconds: int) -> None:
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (90, "1m30s"),
        (3600, "1h"),
        (0.25, "250ms"),
        (1.5, "1.5s"),
        (60.25, "1m0.25s"),
        (90_061.5, "1d1h1m1.5s"),
    ],
)
def test_a_duration_is_formatted_in_its_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.0 s"), (0.42, "0.4 s"), (59.7, "1 m"), (725, "12 m 5 s"), (3900, "1 h 5 m"), (90_061, "1 d 1 h")],
)
def test_about_names_two_units(seconds: float, text: str) -> None:
    assert about(seconds) == text


@pytest.mark.parametrize(
    ("text", "weight"), [("10%", 1000), ("0.25 %", 25), ("100%", FULL_WEIGHT), ("0%", 0), (0, 0), ("1.50%", 150)]
)
def test_a_share_is_read_in_hundredths_of_a_percent(text: object, weight: int) -> None:
    assert parse_weight(text) == weight


@pytest.mark.parametrize(
    "text",
    [
        "10",
        10,
        "100.01%",
        "-1%",
        "0.001%",
        "nan%",
        "inf%",
        "1e1%",
        "1e999999999%",
        "1_0%",
        "\u0661%",
        "%",
        True,
        False,
        None,
        [],
    ],
)
def test_what_is_no_share_is_refused_with_what_is_allowed(text: object) -> None:
    with pytest.raises(ValueError, match=r"is no share; write a percentage from 0% to 100%"):
        parse_weight(text)


@given(st.integers(min_value=0, max_value=FULL_WEIGHT))
def test_a_formatted_weight_reads_as_the_same(weight: int) -> None:
    assert parse_weight(format_weight(weight)) == weight


@pytest.mark.parametrize(("weight", "text"), [(0, "0 %"), (25, "0.25 %"), (1000, "10 %"), (FULL_WEIGHT, "100 %")])
def test_a_weight_is_formatted_without_needless_digits(weight: int, text: str) -> None:
    assert format_weight(weight) == text


def test_a_part_of_nothing_has_no_percentage() -> None:
    assert percent(1, 8) == "12.50 %"
    assert percent(0, 0) == "–"


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans(), st.binary()))
def test_reading_raises_nothing_but_value_errors(found: object) -> None:
    for parse in (parse_duration, parse_weight):
        try:
            number = parse(found)
        except ValueError as refusal:
            sentence = str(refusal)
        else:
            assert 0 <= number < 1e18
            continue
        assert "; write " in sentence
