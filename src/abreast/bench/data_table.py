"""The bench of data as people read it."""

from typing import Final

from rich import box
from rich.table import Table

from abreast.bench.data import Data
from abreast.bench.data_triggers import BAR, CONTENDERS

_WIDTH: Final = 79


def data_table(found: Data) -> Table:
    """What a row costs under each trigger; the backfill and the search below."""
    rounds = "1 round" if found.sizes.rounds == 1 else f"{found.sizes.rounds} rounds"
    filling, finding = found.filling, found.finding
    reladiff = (
        "reladiff is not installed: it was left out"
        if finding.reladiff_s is None
        else f"by reladiff in {finding.reladiff_s:.2f} s (ratio {finding.reladiff_ratio:.2f})"
    )
    table = Table(
        title=f"Rows written on PostgreSQL {found.major}, {rounds} of {found.sizes.written_rows:,} rows: µs per row",
        caption=f"ratio: abreast's to pgroll's way within a round, at most {BAR}; added: less what none costs\n"
        f"backfill: {filling.rows:,} rows, {filling.rows_per_s:,.0f} a second; an application's statements: p99\n"
        f"{filling.before_p99_ms:.1f} ms before, {filling.during_p99_ms:.1f} ms during it, {filling.failed:,} failed\n"
        f"{finding.planted} differences in {finding.rows:,} rows: found in {finding.sweep_s:.2f} s,\n"
        f"by COPY of both sides in {finding.copy_s:.2f} s (ratio {finding.ratio:.2f})\n{reladiff}",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        min_width=_WIDTH,
    )
    table.add_column("")
    for title in (*CONTENDERS, "ratio", "added"):
        table.add_column(title, justify="right")
    for each in found.costs:
        table.add_row(
            each.write,
            *(f"{each.row_us[name]:.2f}" for name in CONTENDERS),
            f"{each.ratio:.2f}{'' if each.met else ' missed'}",
            f"{each.added_ratio:.2f}",
        )
    return table
