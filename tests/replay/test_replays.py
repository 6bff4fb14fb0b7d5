"""Recorded rollouts decide the same, tick for tick: who decided what, when, and with which numbers."""

import re
from pathlib import Path

import pytest

from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase
from abreast.replay.course import decided_anew
from abreast.replay.outcome import Outcome
from abreast.replay.recording import KINDS
from abreast.replay.source import load
from tests.replay.recorder import RECORDINGS, REPLAYS

ENDS = {
    "promoted": Phase.RETIRING,
    "rolled-back-by-errors": Phase.ROLLED_BACK,
    "rolled-back-by-latency": Phase.ROLLED_BACK,
    "held-by-low-traffic": Phase.PROGRESSING,
}


def test_every_recording_is_checked() -> None:
    assert {file.stem for file in REPLAYS.iterdir()} == set(ENDS) == set(RECORDINGS)


def decided(events: tuple[Event, ...]) -> list[Event]:
    """All that is recorded but the start."""
    return [event for event in events if event.kind in KINDS - {EventKind.STARTED}]


def plain(events: tuple[Event, ...]) -> list[tuple[str, str, list[str], dict[str, object]]]:
    """Without their times. Sentences may be put better one day: the numbers in them may not change."""
    return [
        (event.kind, event.actor, re.findall(r"\d[\d,.]*", event.reason), dict(event.data)) for event in decided(events)
    ]


@pytest.mark.parametrize("name", ENDS)
def test_a_recorded_rollout_decides_the_same_tick_for_tick(name: str) -> None:
    recording = load(REPLAYS / f"{name}.ndjson")
    course = decided_anew(recording)
    assert plain(course.events) == plain(recording.events)
    then = [event.at for event in decided(recording.events)]
    # Gateways take a few milliseconds to obey in the record, and none here.
    assert [event.at for event in decided(course.events)] == pytest.approx(then, abs=0.05, rel=0)
    assert course.last.phase is ENDS[name]
    assert course.misfits == ()
    assert Outcome(recording, course).same


@pytest.mark.parametrize("name", ENDS)
def test_what_the_recordings_are_for_is_in_them(name: str) -> None:
    recording = load(REPLAYS / f"{name}.ndjson")
    verdicts = [
        event.reason.split(":")[0]
        for event in recording.events
        if event.kind is EventKind.VERDICT and event.data.get("verdict") == "worse"
    ]
    expected = {"rolled-back-by-errors": ["gate errors"], "rolled-back-by-latency": ["gate latency"]}
    assert verdicts == expected.get(name, [])
    held = [event for event in recording.events if event.kind is EventKind.HELD]
    assert bool(held) == (name == "held-by-low-traffic")


def test_another_tick_would_be_noticed(tmp_path: Path) -> None:
    """The check above can fail: without the candidate's failures nothing is rolled back."""
    text = (REPLAYS / "rolled-back-by-errors.ndjson").read_text("utf-8")
    lines = text.splitlines()
    ticks = [number for number, line in enumerate(lines) if line.startswith('{"tick"')]
    changed = tmp_path / "changed.ndjson"
    changed.write_text("\n".join(line for n, line in enumerate(lines) if n not in ticks[-12:]), "utf-8")
    outcome = Outcome.of(load(changed))
    assert not outcome.same
    assert outcome.course.last.phase is Phase.PROGRESSING
