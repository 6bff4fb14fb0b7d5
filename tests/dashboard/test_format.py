"""Numbers read the same on the page and in the terminal."""

import re
from datetime import datetime

import pytest

from abreast.cli.status_view import _time
from abreast.model.units import about, format_weight, parse_weight, percent
from tests.dashboard.modules import call


@pytest.mark.parametrize(
    "seconds", [0, 0.04, 0.44, 0.96, 1, 1.4, 12.3, 59.4, 60, 61, 3599, 3600, 3661, 86_399, 86_400, 90_061, 1e7]
)
def test_a_duration(seconds: float) -> None:
    assert call("format", "about", seconds) == about(seconds)


def test_a_duration_is_never_below_nothing() -> None:
    assert call("format", "about", -0.3) == about(-0.3) == "0.0 s"


def test_every_weight() -> None:
    weights = [*range(0, 10_001, 7), 1, 10, 25, 99, 100, 1000, 1250, 9999, 10_000]
    assert [call("format", "weight", each) for each in weights] == [format_weight(each) for each in weights]


def test_every_weight_that_is_written_is_read_again() -> None:
    for each in range(0, 10_001, 13):
        assert call("format", "parseWeight", format_weight(each)) == each


@pytest.mark.parametrize("text", ["10%", "0.25 %", "100%", "99.99%", "0%", " 5 % ", "007%"])
def test_a_share_is_read_as_the_command_line_reads_it(text: str) -> None:
    assert call("format", "parseWeight", text) == parse_weight(text)


def test_a_field_for_percent_needs_no_sign() -> None:
    assert call("format", "parseWeight", "12.5") == 1250


@pytest.mark.parametrize("text", ["", "%", "100.01", "101%", "-1", "1e2", "0.001%", "ten", "10 % %", "1,5", "1000"])
def test_what_is_no_share(text: str) -> None:
    assert call("format", "parseWeight", text) is None


@pytest.mark.parametrize(("part", "whole"), [(0, 5), (1, 3), (2, 3), (41, 41_210), (5, 5), (123, 10_000)])
def test_a_percentage(part: int, whole: int) -> None:
    assert call("format", "percent", part / whole) == percent(part, whole)


@pytest.mark.parametrize("ms", [0.0, 0.14, 1.44, 9.94, 10, 41.3, 999.6, 12_345.0, None])
def test_milliseconds(ms: float | None) -> None:
    assert call("format", "time", ms) == _time(ms)


@pytest.mark.parametrize("number", [0, 1, 999, 1000, 41_210, 1_204_331, 10_000_000])
def test_a_count(number: int) -> None:
    assert call("format", "count", number) == f"{number:,}"


def test_one_and_many() -> None:
    assert call("format", "several", 1, "request") == "1 request"
    assert call("format", "several", 1200, "request") == "1,200 requests"
    assert call("format", "several", 2, "waits", "wait") == "2 wait"


def test_nothing_is_a_dash() -> None:
    assert call("format", "rate", None) == call("format", "percent", None) == "–"
    assert call("format", "rate", 612.44) == "612.4 rps"


def test_a_moment_has_its_date_unless_it_is_today() -> None:
    at = datetime(2026, 3, 5, 9, 7, 3).astimezone().timestamp()
    assert call("format", "clock", at) == "09:07"
    assert call("format", "clock", at, True) == call("format", "moment", at, at + 60) == "09:07:03"  # noqa: FBT003  # JavaScript has no names for arguments
    assert call("format", "moment", at, at + 86_400) == "2026-03-05 09:07:03"
    assert re.fullmatch(r"\d\d:\d\d", call("format", "clock", at + 12 * 3600))
