"""The table says what each row costs, which ratio missed its bar, and what backfill and search took."""

import io

import pytest
from rich.console import Console

from abreast.bench.data import Data, Sizes
from abreast.bench.data_backfill import Filling
from abreast.bench.data_drift import Finding
from abreast.bench.data_table import data_table
from abreast.bench.data_triggers import CHANGED, INSERT, NONE, OURS, RIVAL, Cost


@pytest.mark.parametrize(
    ("seconds", "ratio", "words"),
    [(5.0, 0.25, "by reladiff in 5.00 s (ratio 0.25)"), (None, None, "reladiff is not installed: it was left out")],
)
def test_every_number_is_in_its_place(seconds: float | None, ratio: float | None, words: str) -> None:
    costs = (
        Cost(INSERT, {NONE: 1.0, OURS: 2.0, RIVAL: 8.0}, 0.25, 0.14),
        Cost(CHANGED, {NONE: 1.0, OURS: 8.0, RIVAL: 9.0}, 0.89, 0.88),
    )
    found = Data(
        *(Sizes(rounds=1), 18, costs),
        Filling(2000, 12345.6, 0.5, 0.75, 3),
        Finding(1_000_000, 10, 1.25, 2.5, 0.5, seconds, ratio),
    )
    console = Console(file=io.StringIO(), width=100)

    console.print(data_table(found))

    written = console.file
    assert isinstance(written, io.StringIO)
    lines = [" ".join(line.split()) for line in written.getvalue().splitlines()]
    assert lines[0] == "Rows written on PostgreSQL 18, 1 round of 20,000 rows: µs per row"
    assert "insert 1.00 2.00 8.00 0.25 0.14" in lines
    assert "update, changed column 1.00 8.00 9.00 0.89 missed 0.88" in lines
    assert "backfill: 2,000 rows, 12,346 a second; an application's statements: p99" in lines
    assert "0.5 ms before, 0.8 ms during it, 3 failed" in lines
    assert "10 differences in 1,000,000 rows: found in 1.25 s," in lines
    assert "by COPY of both sides in 2.50 s (ratio 0.50)" in lines
    assert words in lines
