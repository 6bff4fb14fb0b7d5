"""The tables fit a terminal, and say what was missed, lost or disturbed."""

import io
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from abreast.bench.compare import ONE, SAME, Comparing
from abreast.bench.compare import Sizes as CompareSizes
from abreast.bench.compare import Summary as CompareSummary
from abreast.bench.shadow import NUMBERS, Shadowing, Summary
from abreast.bench.shadow_case import Case, Copies, Sizes
from abreast.bench.shadow_table import SAMPLED_OUT, comparing_table, copies_table, shadowing_table, soak_table
from abreast.bench.soak import Memory, Soak
from abreast.bench.soak import Sizes as SoakSizes

WIDTH = 80
COPIES = Copies(12_345, 2000, {SAMPLED_OUT: 10_000, "expired": 300, "queue-full": 3}, lost=42)


def text(table: Table) -> str:
    out = io.StringIO()
    Console(file=out, width=WIDTH).print(table)
    return out.getvalue()


def row(shown: str, title: str) -> list[str]:
    """The cells of the only row that begins so."""
    (line,) = [line.strip() for line in shown.splitlines() if line.strip().startswith(title)]
    return line.removeprefix(title).split()


def told(case: Case, *, ratio: float = 1.0, failed: int = 0, starved: int = 0, copies: Copies = COPIES) -> Summary:
    medians = dict.fromkeys(NUMBERS, 3.25) | {"envoy_cpu_us": 1234.0}
    return Summary(case, "POST", medians, ratio, 1000, failed, copies, starved)


def found(*summaries: Summary) -> Shadowing:
    return Shadowing(Sizes(rounds=5), (), summaries)


def test_a_missed_bar_is_said_and_no_bar_is_a_dash() -> None:
    summaries = (
        CompareSummary(2, SAME, 200_000.0, 0.08, 5000.0),
        CompareSummary(2, ONE, 1000.0, 9.5, 1500.0),
        CompareSummary(50, ONE, 250.0, 3.5, 0.0),
    )

    shown = text(comparing_table(Comparing(CompareSizes(rounds=1), (), summaries)))

    assert row(shown, "2 KB, equal bytes") == ["200,000", "5", "0.08", "5,000"]
    assert row(shown, "2 KB, one value differs") == ["1,000", "1,000", "9.50", "1,500", "missed"]
    assert row(shown, "50 KB, one value differs")[-1] == "–"
    assert "1 round" in shown


def test_a_case_is_one_line_with_its_ratio_and_its_costs() -> None:
    shown = text(shadowing_table(found(told(Case.OFF), told(Case.CANDIDATE_HUNG, ratio=1.1, failed=7))))

    assert row(shown, "POST off") == ["3.2", "3.2", "–", "0", "1,234", "3", "3"]
    assert row(shown, "POST 20 %, candidate hung") == ["3.2", "3.2", "1.10", "7", "1,234", "3", "3"]
    assert "5 rounds of 10 s" in shown


def test_p99_beyond_its_bar_is_marked_but_not_where_all_is_copied() -> None:
    shown = text(shadowing_table(found(told(Case.RELAY_KILLED, ratio=1.3), told(Case.ALL, ratio=2.5))))

    assert "!1.30" in row(shown, "POST 20 %, relay killed")
    assert "2.50" in row(shown, "POST 100 %")


def test_a_late_generator_is_in_plain_sight() -> None:
    assert "POST 20 % (late)" in text(shadowing_table(found(told(Case.SOME, starved=1))))
    assert "POST 20 % (late)" not in text(shadowing_table(found(told(Case.SOME))))


def test_copies_are_told_by_what_became_of_them() -> None:
    shown = text(
        copies_table(found(told(Case.OFF, copies=Copies(0, 0, {}, 0)), told(Case.RELAY_HUNG), told(Case.SOME)))
    )

    cells = row(shown, "POST 20 %, relay hung")
    assert cells[:5] == ["12,345", "10,000", "2,000", "303", "42"]
    assert "skipped: expired 600, queue-full 6" in " ".join(shown.split())
    assert "POST off" not in shown
    assert "none skipped" in text(copies_table(found(told(Case.SOME, copies=Copies(1, 1, {SAMPLED_OUT: 4}, 0)))))


def test_a_soak_is_a_series_with_its_growth() -> None:
    looks = (Memory(1.0, 70.0, 50.0, 7), Memory(300.0, 80.0, 60.0, 7), Memory(599.0, 77.0, 50.0, 8))
    soak = Soak(SoakSizes(), looks, 180_000, 3, 1.0, 12.5, COPIES, starved=True)

    shown = text(soak_table(soak))

    assert row(shown, "599") == ["77.0", "50.0"]
    assert "Envoy 1.10, relay 1.00" in shown
    assert "relays started again: 1" in shown
    assert "of 180,000 requests 3 failed, p99 12.5 ms; the generator was late" in shown
    assert "2,000 compared" in shown
    assert "none skipped" in text(soak_table(replace(soak, copies=Copies(1, 1, {}, 0))))
