"""What was found as people read it: rules beside each other for each truth, and figures beside their bars."""

from collections.abc import Sequence
from math import isfinite

from rich import box
from rich.table import Table

from abreast.model.units import about
from abreast.simulate.acceptance import Figure, Unit
from abreast.simulate.summary import Summary
from abreast.simulate.truth import TRUTHS, Truth


def characteristics_table(summaries: Sequence[Summary], title: str) -> Table:
    """Rules beside each other; where a rollback is wrong, or a promotion, a mark says so."""
    table = _table(title, "requests: the candidate's until the rollback, over all runs; ✗: the wrong verdict")
    table.add_column("truth")
    table.add_column("rule", no_wrap=True)
    for column in ("rolled back", "promoted", "requests p50", "p90", "promoted in"):
        table.add_column(column, justify="right")
    before = ""
    for summary in summaries:
        truth = TRUTHS[summary.truth]
        if before not in {"", truth.name}:
            table.add_section()
        table.add_row(
            "" if before == truth.name else truth.name,
            summary.rule,
            _verdicts(summary.rolled_back, wrong=truth.healthy),
            _verdicts(summary.promoted, wrong=not truth.healthy),
            _count(summary.requests_p50),
            _count(summary.requests_p90),
            about(summary.promoted_p50_s) if isfinite(summary.promoted_p50_s) else "–",
        )
        before = truth.name
    return table


def figures_table(figures: Sequence[Figure]) -> Table:
    """Each figure, its bar, what was found, and whether it is met."""
    missed = sum(not figure.met for figure in figures)
    table = _table(
        "Operating characteristics", f"{missed} of {len(figures)} missed" if missed else f"all {len(figures)} met"
    )
    table.add_column("figure", overflow="fold")
    for column in ("at most", "found", "runs"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("")
    for figure in figures:
        table.add_row(
            figure.name,
            _amount(figure.bar, figure.unit),
            _amount(figure.found, figure.unit),
            f"{figure.runs:,}",
            "met" if figure.met else "[bold red]missed[/]",
        )
    return table


def truths_table(truths: Sequence[Truth]) -> Table:
    """Name and meaning of each truth."""
    table = _table()
    for column in ("truth", "what is so", "right verdict"):
        table.add_column(column)
    for truth in truths:
        table.add_row(truth.name, truth.told, "never roll back" if truth.healthy else "roll back")
    return table


def _table(title: str | None = None, caption: str | None = None) -> Table:
    return Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )


def _verdicts(share: float, *, wrong: bool) -> str:
    shown = f"{share:.1%}".replace("%", " %")
    return f"[red]✗[/] {shown}" if wrong and share else shown


def _count(requests: float) -> str:
    return f"{requests:,.0f}" if isfinite(requests) else "never"


def _amount(value: float, unit: Unit) -> str:
    if not isfinite(value):
        return "never"
    if unit is Unit.SHARE:
        return f"{value:.2%}".replace("%", " %")
    return f"{value:,.0f} s" if unit is Unit.SECONDS else f"{value:,.0f}"
