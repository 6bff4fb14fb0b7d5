"""What was measured as people read it: a column for each target, ratios to raw Envoy beside the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from abreast.bench.gateway import REFERENCE

if TYPE_CHECKING:
    from abreast.bench.dashboard import Dashboards
    from abreast.bench.gateway import Comparison, Summary
    from abreast.bench.rollback import RollBacks

_WIDTH = 79
"""However few the targets, the title has room."""

_ROWS = (
    ("cpu_us", "CPU µs/req", "{:,.0f}"),
    ("beside_cpu_us", "  control", "{:,.0f}"),
    ("p50_ms", "p50 ms", "{:.2f}"),
    ("p99_ms", "p99 ms", "{:.2f}"),
    ("throughput_per_s", "saturated/s", "{:,.0f}"),
    ("saturated_cpu_us", "  CPU µs/req", "{:,.0f}"),
)
_CROWD_ROWS = (
    ("crowd_p50_ms", "crowd p50 ms", "{:.2f}"),
    ("crowd_p99_ms", "crowd p99 ms", "{:.2f}"),
    ("memory_mib", "  memory MiB", "{:,.0f}"),
)


def comparison_table(comparison: Comparison) -> Table:
    """Build the table; numbers are medians over the rounds, ratios medians of each round's."""
    sizes = comparison.sizes
    crowd = f"\ncrowd: {sizes.crowd:,} connections at {sizes.crowd_rate_per_s:,.0f}/s" if sizes.crowd else ""
    rate = f"{sizes.rate_per_s:,.0f} requests/s, {sizes.workers} cores{crowd}"
    rounds = "1 round" if sizes.rounds == 1 else f"{sizes.rounds} rounds"
    table = Table(
        title=f"Gateways over {rounds} at {rate}",
        caption=f"in brackets: times {REFERENCE}; control: abreast's control plane; waits from the intended time",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        min_width=_WIDTH,
    )
    table.add_column("")
    for summary in comparison.summaries:
        table.add_column(summary.target + (" (generator late)" if summary.starved_rounds else ""), justify="right")
    for name, title, form in (*_ROWS, *(_CROWD_ROWS if sizes.crowd else ())):
        table.add_row(title, *(_cell(summary, name, form) for summary in comparison.summaries))
    table.add_row("failed", *(f"{summary.failed:,}" for summary in comparison.summaries))
    return table


def _cell(summary: Summary, name: str, form: str) -> str:
    value, ratio = summary.medians[name], summary.ratios.get(name)
    shown = form.format(value) if value else "–"
    return f"{shown} ({ratio:.2f})" if ratio and summary.target != REFERENCE else shown


_ABORT_ROWS = (
    ("decided_ms", "decided"),
    ("last_request_ms", "last request at the candidate"),
    ("obeyed_ms", "obeyed, and the order answered"),
)


def roll_back_table(found: RollBacks) -> Table:
    """Build the table of the aborts: milliseconds after the order was sent."""
    sizes = found.sizes
    late = "; the generator was late" if found.starved else ""
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"{sizes.times} aborts under {sizes.rate_per_s:,.0f} requests/s, half of the users on the candidate",
        caption=f"of {found.sent:,} requests {found.failed:,} failed at the user{late}",
    )
    table.add_column("ms after the order was sent")
    for title in ("p50", "p99", "max"):
        table.add_column(title, justify="right")
    for name, title in _ABORT_ROWS:
        spread = found.spreads[name]
        table.add_row(title, f"{spread.p50_ms:.1f}", f"{spread.p99_ms:.1f}", f"{spread.max_ms:.1f}")
    return table


def dashboard_table(found: Dashboards) -> Table:
    """Build the table of the open dashboards: a row for each number of them."""
    sizes = found.sizes
    rounds = "1 round" if sizes.rounds == 1 else f"{sizes.rounds} rounds"
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"Open dashboards, {rounds} of {sizes.visit_s:g} s at {sizes.rate_per_s:,.0f} requests/s",
        caption="control: of one core; lag: how old the figures of a status are; abort: ms to the last request",
        title_justify="left",
        min_width=_WIDTH,
    )
    for title in ("open", "control", "more", "lag p50 s", "lag max s", "abort p50", "abort max", "failed"):
        table.add_column(title, justify="right")
    for each in found.summaries:
        lag = [f"{value / 1e3:.2f}" for value in (each.lag.p50_ms, each.lag.max_ms)] if each.lag else ["–", "–"]
        table.add_row(
            str(each.readers),
            f"{each.core * 100:.1f} %",
            f"{each.more * 100:+.1f} %" if each.readers else "–",
            *lag,
            f"{each.last_request.p50_ms:.1f}",
            f"{each.last_request.max_ms:.1f}",
            f"{each.failed:,}",
        )
    return table
