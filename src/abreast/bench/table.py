"""A comparison as people read it: one line a target, ratios to raw Envoy beside the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from abreast.bench.gateway import REFERENCE

if TYPE_CHECKING:
    from abreast.bench.gateway import Comparison, Summary

_COLUMNS = (
    ("cpu_us", "CPU µs/request", "{:,.0f}"),
    ("p50_ms", "p50 ms", "{:.2f}"),
    ("p99_ms", "p99 ms", "{:.2f}"),
    ("throughput_per_s", "saturated req/s", "{:,.0f}"),
    ("saturated_cpu_us", "CPU µs there", "{:,.0f}"),
    ("crowd_p50_ms", "crowd p50 ms", "{:.2f}"),
    ("crowd_p99_ms", "crowd p99 ms", "{:.2f}"),
    ("memory_mib", "MiB", "{:,.0f}"),
)


def comparison_table(comparison: Comparison) -> Table:
    """Build the table; numbers are medians over the rounds, ratios medians of each round's."""
    sizes = comparison.sizes
    crowd = f"; crowd: {sizes.crowd:,} connections at {sizes.crowd_rate_per_s:,.0f}/s" if sizes.crowd else ""
    rate = f"{sizes.rate_per_s:,.0f} requests/s, {sizes.workers} cores{crowd}"
    table = Table(
        title=f"Gateways over {sizes.rounds} rounds at {rate}",
        caption=f"in brackets: times {REFERENCE}; latencies from the intended time",
    )
    table.add_column("target")
    for _, title, _ in _COLUMNS:
        table.add_column(title, justify="right")
    table.add_column("failed", justify="right")
    for summary in comparison.summaries:
        table.add_row(*_row(summary))
    return table


def _row(summary: Summary) -> list[str]:
    cells = [summary.target + (" (generator late)" if summary.starved_rounds else "")]
    for name, _, form in _COLUMNS:
        value, ratio = summary.medians[name], summary.ratios.get(name)
        shown = form.format(value) if value else "–"
        cells.append(f"{shown} ({ratio:.2f})" if ratio and summary.target != REFERENCE else shown)
    cells.append(f"{summary.failed:,}")
    return cells
