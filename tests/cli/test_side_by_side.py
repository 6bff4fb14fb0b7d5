"""Two answers on terminals of several widths."""

import io

import pytest
from rich.console import Console

from abreast.cli.side_by_side import LEGEND, WIDE, show
from tests.cli.found import CANDIDATE, SAMPLE, STABLE, answer, sample


def shown(width: int, *, colours: bool = False, **changes: object) -> list[str]:
    """The lines of a sample on a terminal of that width."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        force_terminal=colours,
        color_system="standard" if colours else None,
    )
    show(console, sample(**changes))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_two_columns_where_there_is_room() -> None:
    lines = shown(WIDE)
    middle = lines[0].index("candidate (127.0.0.1:8003)")
    (changed,) = (line for line in lines if '"total"' in line)
    assert changed.startswith('✘   "total": 12.5 ')
    assert changed[middle:] == '  "total": "12.50"'
    (added,) = (line for line in lines if "currency" in line)
    assert added.split() == ["✘", '"currency":', '"EUR"']
    assert added.index('"currency"') > middle
    assert any(line.startswith('~   "made_at"') for line in lines)
    assert lines[-1] == LEGEND


def test_below_each_other_where_there_is_none() -> None:
    lines = shown(WIDE - 1)
    assert lines[:7] == [
        "  - stable (127.0.0.1:8001)",
        "  + candidate (127.0.0.1:8003)",
        "    status 200",
        "✘ - content-type: application/json",
        "✘ + content-type: text/json",
        "~ + x-new: 1",
        "",
    ]
    assert '✘ -   "total": 12.5' in lines
    assert '✘ +   "total": "12.50"' in lines
    assert '      "id": 4711' in lines


def test_a_long_value_is_wrapped_within_its_column_and_nothing_is_lost() -> None:
    long = "abcdefghij" * 30
    stable, candidate = answer({"long": long}), answer({"long": long.upper()})
    lines = shown(WIDE, stable=stable, candidate=candidate)
    assert max(map(len, lines)) <= WIDE
    letters = "".join(letter for line in lines for letter in line if letter in "abcdefghijABCDEFGHIJ")
    assert sum(letters.count(letter) for letter in "ABCDEFGHIJ") == 300
    narrow = shown(60, stable=stable, candidate=candidate)
    assert any(long in line for line in narrow)


@pytest.mark.parametrize("width", [WIDE, 60])
def test_colours_only_where_there_is_a_terminal(width: int) -> None:
    assert not any("\x1b" in line for line in shown(width))
    coloured = "\n".join(shown(width, colours=True))
    assert "\x1b[31m" in coloured
    assert "\x1b[32m" in coloured


@pytest.mark.parametrize("width", [WIDE, 60])
def test_markup_and_escapes_of_an_answer_are_shown_not_obeyed(width: int) -> None:
    hostile = answer("x [red]x[/red] :smile: \x1b[2J", instance="[bold]v2")
    lines = "\n".join(shown(width, candidate=hostile))
    assert r"[red]x[/red] :smile: \x1b[2J" in lines
    assert "candidate ([bold]v2)" in lines


def test_what_is_kept_only_in_part_says_so() -> None:
    lines = shown(WIDE, candidate=answer(CANDIDATE, cut=True))
    (told,) = (line for line in lines if "only the beginning is kept" in line)
    assert told.index("…") > WIDE // 3


def test_answers_that_are_the_same_need_no_legend() -> None:
    same = answer(STABLE)
    lines = shown(WIDE, stable=same, candidate=same, differences=())
    assert LEGEND not in lines
    assert not any(line.startswith(("✘", "~")) for line in lines)
    assert SAMPLE.stable.body == same.body
