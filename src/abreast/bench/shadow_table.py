"""The benches of comparing and copying as people read them."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from rich import box
from rich.table import Table

from abreast.bench.compare import Comparing
from abreast.bench.shadow import P99_BAR, Shadowing
from abreast.bench.shadow_case import BODY_BYTES, Case
from abreast.bench.soak import Soak

SAMPLED_OUT: Final = "sampled-out"
"""The ledger's reason for what chance left out."""

_WIDTH: Final = 79


def comparing_table(found: Comparing) -> Table:
    """Comparisons a second on one core, by size and kind of pair."""
    rounds = "1 round" if found.sizes.rounds == 1 else f"{found.sizes.rounds} rounds"
    table = _table(
        f"Comparisons of two JSON answers on one core, {rounds}",
        "medians; × reading: what one costs in readings of both bodies by Python's json",
    )
    table.add_column("")
    for title in ("a second", "µs each", "× reading", "at least"):
        table.add_column(title, justify="right")
    for each in found.summaries:
        bar = f"{each.bar_per_s:,.0f}{'' if each.met else ' missed'}" if each.bar_per_s else "–"
        numbers = (f"{each.per_s:,.0f}", f"{1e6 / each.per_s:,.0f}", f"{each.times_reading:.2f}")
        table.add_row(f"{each.kb} KB, {each.pair}", *numbers, bar)
    return table


def shadowing_table(found: Shadowing) -> Table:
    """What users noticed in each case, and what it cost."""
    sizes = found.sizes
    rounds = "1 round" if sizes.rounds == 1 else f"{sizes.rounds} rounds"
    table = _table(
        f"Copying, {rounds} of {sizes.visit_s:g} s: GETs at {sizes.rate_per_s:g}/s, "
        f"POSTs of {BODY_BYTES:,} bytes at {sizes.post_rate_per_s:g}/s, answered after {sizes.service_s * 1e3:g} ms",
        f"p50, p99: ms; × off: p99 against off in the same round, at most {P99_BAR} but at 100 %\n"
        "µs: processor time per user's request; (late): the load generator was",
    )
    _cases_column(table)
    for title in ("p50", "p99", "× off", "failed", "Envoy µs", "relay µs", "control µs"):
        table.add_column(title, justify="right")
    for each in found.summaries:
        medians = each.medians
        late = " (late)" if each.starved_rounds else ""
        over = "!" if each.case is not Case.ALL and each.p99_ratio > P99_BAR else ""
        table.add_row(
            f"{each.method} {each.case}{late}",
            f"{medians['p50_ms']:.1f}",
            f"{medians['p99_ms']:.1f}",
            f"{over}{each.p99_ratio:.2f}" if each.case is not Case.OFF else "–",
            f"{each.failed:,}",
            *(f"{medians[name]:,.0f}" for name in ("envoy_cpu_us", "relay_cpu_us", "control_cpu_us")),
        )
    return table


def copies_table(found: Shadowing) -> Table:
    """What became of the copies in each case, over all rounds."""
    skipped: Counter[str] = Counter()
    for each in found.summaries:
        skipped.update(each.copies.skipped)
    del skipped[SAMPLED_OUT]
    table = _table(
        "What became of the users' requests, over all rounds",
        f"left out: by chance; lost: handed over, and never decided; {_reasons(skipped)}",
    )
    _cases_column(table)
    for title in ("seen", "left out", "compared", "skipped", "lost"):
        table.add_column(title, justify="right")
    for each in found.summaries:
        copies = each.copies
        if not copies.seen:
            continue
        left_out = copies.skipped.get(SAMPLED_OUT, 0)
        others = sum(copies.skipped.values()) - left_out
        numbers = (copies.seen, left_out, copies.compared, others, copies.lost)
        table.add_row(f"{each.method} {each.case}", *(f"{number:,}" for number in numbers))
    return table


def soak_table(found: Soak) -> Table:
    """Memory over time, and how it grew."""
    sizes, late = found.sizes, "; the generator was late" if found.starved else ""
    growth = ", ".join(
        f"{name} {found.growth(key):.2f}" for name, key in (("Envoy", "envoy_mib"), ("relay", "relay_mib"))
    )
    table = _table(
        f"Memory while everything is copied to a hung candidate, {sizes.soak_s:g} s at {sizes.rate_per_s:g}/s",
        f"last minute over first: {growth}; relays started again: {found.relay_starts}\n"
        f"of {found.sent:,} requests {found.failed:,} failed, p99 {found.p99_ms:.1f} ms{late}\n"
        f"copies: {found.copies.compared:,} compared, {_reasons(found.copies.skipped)}, {found.copies.lost:,} lost",
    )
    for title in ("s", "Envoy MiB", "relay MiB"):
        table.add_column(title, justify="right")
    for look in found.looks:
        table.add_row(f"{look.at_s:.0f}", f"{look.envoy_mib:.1f}", f"{look.relay_mib:.1f}")
    return table


def _cases_column(table: Table) -> None:
    table.add_column("", no_wrap=True)


def _reasons(skipped: Mapping[str, int]) -> str:
    words = [f"{reason} {count:,}" for reason, count in sorted(skipped.items(), key=lambda each: -each[1])]
    return f"skipped: {', '.join(words)}" if words else "none skipped"


def _table(title: str, caption: str) -> Table:
    return Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        min_width=_WIDTH,
    )
