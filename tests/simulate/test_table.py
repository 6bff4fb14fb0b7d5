"""The tables fit a terminal and mark wrong verdicts."""

import io
from math import inf

from rich.console import Console
from rich.table import Table

from abreast.simulate.acceptance import Figure, Unit
from abreast.simulate.summary import Summary
from abreast.simulate.table import characteristics_table, figures_table, truths_table
from abreast.simulate.truth import TRUTHS


def lines(table: Table) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=80).print(table)
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def summary(truth: str, rule: str, rolled_back: float, promoted: float) -> Summary:
    return Summary(truth, rule, 100, rolled_back, promoted, 0.0, 1234.0, inf, 3, 65.0 if promoted else inf)


def test_wrong_verdicts_are_marked() -> None:
    shown = lines(
        characteristics_table(
            [
                summary("same-1", "abreast", 0.0, 1.0),
                summary("same-1", "flagger", 0.15, 0.85),
                summary("worse-1", "argo", 0.0, 1.0),
                summary("worse-1", "z-test", 1.0, 0.0),
            ],
            "100 runs",
        )
    )
    assert "same-1 abreast 0.0 % 100.0 % 1,234 never 1 m 5 s" in shown
    assert "flagger ✗ 15.0 % 85.0 % 1,234 never 1 m 5 s" in shown
    assert "worse-1 argo 0.0 % ✗ 100.0 % 1,234 never 1 m 5 s" in shown
    assert "z-test 100.0 % 0.0 % 1,234 never –" in shown


def test_figures_stand_beside_their_bars() -> None:
    met = Figure("how soon", 50, 33, Unit.REQUESTS, 1000)
    late = Figure("how late", 20, 22.4, Unit.SECONDS, 500)
    wrong = Figure("how often", 0.01, 0.0125, Unit.SHARE, 2000)
    never = Figure("at last", 420, inf, Unit.SECONDS, 300)

    shown = lines(figures_table([met, late, wrong, never]))
    assert "how soon 50 33 1,000 met" in shown
    assert "how late 20 s 22 s 500 missed" in shown
    assert "how often 1.00 % 1.25 % 2,000 missed" in shown
    assert "at last 420 s never 300 missed" in shown
    assert "3 of 4 missed" in shown
    assert "all 1 met" in lines(figures_table([met]))


def test_every_truth_has_a_line() -> None:
    shown = lines(truths_table(tuple(TRUTHS.values())))
    assert "broken errors from 0 to 100 % roll back" in shown
    assert "silence no traffic never roll back" in shown
    assert len([line for line in shown if line.endswith("roll back")]) == len(TRUTHS)
