from dataclasses import replace

from rich.console import Console

from abreast.replay.outcome import Outcome
from abreast.replay.source import load
from abreast.replay.table import replay_table
from tests.replay.recorder import LADDER, REPLAYS


def shown(outcome: Outcome) -> list[str]:
    console = Console(width=1000, color_system=None)
    with console.capture() as printed:
        console.print(replay_table(outcome))
    return printed.get().splitlines()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("│")[1:-1]]


def test_what_was_decided_in_one_moment_is_one_row_and_each_reason_is_told_once() -> None:
    lines = shown(Outcome.of(load(REPLAYS / "rolled-back-by-errors.ndjson")))
    assert lines[0].strip() == "rollout 1 of shop, v1 → v2, under its own policy"
    rows = [cells(line) for line in lines if line.startswith("│")]
    whats = [row[3] for row in rows]
    assert whats[:3] == ["pending → progressing", "step 1: weight 10 %", "0 % → 10 %"]
    assert whats[-4:] == ["verdict: worse", "progressing → rolling-back", "25 % → 0 %", "rolling-back → rolled-back"]
    times = [row[0] for row in rows if row[0]]
    assert len(times) == 3
    assert [row[1] for row in rows if row[1]] == times
    assert sum("gate errors" in line for line in lines) == 1


def test_what_differs_is_marked() -> None:
    record = load(REPLAYS / "rolled-back-by-errors.ndjson")
    rows = [cells(line) for line in shown(Outcome.of(record, replace(LADDER, at_least_s=60.0))) if line.startswith("│")]
    moved = [row[:2] for row in rows if row[2] == "moved"]
    assert moved[0] == ["+0:51", "+1:03"]
    # Users were sent back a few seconds sooner: a weight change cuts a window of evidence.
    assert len(moved) == 2
    gone = shown(Outcome.of(record, replace(LADDER, on_failure="freeze")))
    marked = [cells(line) for line in gone if line.startswith("│")]
    assert [row[1] for row in marked if row[2] == "gone"][:1] == ["–"]
    assert [row[0] for row in marked if row[2] == "new"][:1] == ["–"]


def test_who_ordered_it_is_told() -> None:
    lines = shown(Outcome.of(load(REPLAYS / "promoted.ndjson")))
    assert any("ada: paused: lunch" in line for line in lines)
    assert any("grace: approved past" in line for line in lines)
