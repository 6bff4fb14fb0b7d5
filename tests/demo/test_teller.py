"""One line each, with the time since it began."""

import io

import pytest
from rich.console import Console

from abreast.demo.teller import Teller
from tests.fakes.clock import FakeClock


def teller(out: io.StringIO, *, terminal: bool = False) -> tuple[Teller, FakeClock]:
    clock = FakeClock()
    return Teller(Console(file=out, width=60, force_terminal=terminal), clock.now), clock


def test_a_line_has_its_time_and_its_speaker() -> None:
    out = io.StringIO()
    told, clock = teller(out)
    begun_s = clock.time
    clock.time += 12.34

    told.tell("users", "0 failed")
    told.tell("abreast", "told late", at_s=begun_s + 2)
    told.tell("abreast", "before it began", at_s=begun_s - 5)

    assert told.elapsed_s == pytest.approx(12.34)
    assert out.getvalue().splitlines() == [
        "  12.3 s  users    0 failed",
        "   2.0 s  abreast  told late",
        "   0.0 s  abreast  before it began",
    ]


def test_long_sentences_and_several_lines_stay_one_line() -> None:
    out = io.StringIO()
    told, _ = teller(out)

    told.tell("demo", "word " * 40 + "\nend")

    assert len(out.getvalue().splitlines()) == 1


def test_a_path_in_brackets_is_no_markup() -> None:
    out = io.StringIO()
    told, _ = teller(out)

    told.tell("demo", "[bold]/tmp/x[/bold]")

    assert "[bold]/tmp/x[/bold]" in out.getvalue()


def test_colour_is_for_terminals_only() -> None:
    plain, coloured = io.StringIO(), io.StringIO()
    teller(plain)[0].tell("abreast", "rolled back", "bad")
    teller(coloured, terminal=True)[0].tell("abreast", "rolled back", "bad")

    assert "\x1b[" not in plain.getvalue()
    assert "\x1b[31m" in coloured.getvalue()


def test_a_chapter_stands_apart() -> None:
    out = io.StringIO()

    teller(out)[0].chapter("v1 serves")

    assert out.getvalue() == "\n── v1 serves\n"
