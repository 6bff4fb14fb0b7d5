"""The table says what was measured, against what, and by whom it was disturbed."""

from __future__ import annotations

import io

from rich.console import Console

from abreast.bench.gateway import NUMBERS, Comparison, Sizes, Summary
from abreast.bench.table import comparison_table


def text(*summaries: Summary, crowd: int = 10_000) -> str:
    out = io.StringIO()
    comparison = Comparison(Sizes(rounds=5, workers=2, crowd=crowd), (), summaries)
    Console(file=out, width=220).print(comparison_table(comparison))
    return out.getvalue()


def told(name: str, value: float, ratio: float = 1.0, *, failed: int = 0, starved: int = 0) -> Summary:
    return Summary(name, dict.fromkeys(NUMBERS, value), dict.fromkeys(NUMBERS, ratio), failed, starved)


def test_ratios_stand_beside_the_numbers_but_not_at_the_reference() -> None:
    shown = text(told("raw envoy", 150.0), told("abreast", 165.4, 1.10))

    assert "165 (1.10)" in shown
    assert "165.40 (1.10)" in shown
    assert "150 (1.00)" not in shown


def test_what_was_not_measured_is_a_dash() -> None:
    assert "–" in text(Summary("direct", dict.fromkeys(NUMBERS, 0.0), {}, 0, 0))


def test_failures_and_a_late_generator_are_in_plain_sight() -> None:
    shown = text(told("abreast", 1.0, failed=1234, starved=1))

    assert "1,234" in shown
    assert "abreast (generator late)" in shown


def test_the_title_says_the_sizes() -> None:
    shown = text(told("raw envoy", 1.0))

    assert "5 rounds" in shown
    assert "10,000 connections at 3,000/s" in shown
    assert "crowd:" not in text(told("raw envoy", 1.0), crowd=0)
