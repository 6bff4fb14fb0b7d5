"""What a replay says."""

import json
from dataclasses import replace

from abreast.model.checks import PromqlGate, Webhook
from abreast.model.event import Event, EventKind
from abreast.model.rollout import ErrorGate, Phase, ShadowStep, WeightStep
from abreast.replay.outcome import Outcome, said
from abreast.replay.recording import Recording
from abreast.replay.source import load
from tests.replay.recorder import BEGIN, LADDER, REPLAYS


def recording(name: str) -> Recording:
    return load(REPLAYS / f"{name}.ndjson")


def test_the_same_course_is_said_in_one_sentence() -> None:
    outcome = Outcome.of(recording("rolled-back-by-errors"))
    assert outcome.same
    assert outcome.summary().startswith(f"The same course: {len(outcome.rows)} decisions over ")
    assert outcome.summary().endswith(f"It ends rolled back, at {outcome.after(outcome.course.last.phase_since)}.")
    assert outcome.title == "rollout 1 of shop, v1 → v2, under its own policy"
    assert list(outcome.notes()) == []
    assert Outcome.of(recording("promoted")).summary().endswith("It ends with all users on v2 (retiring).")


def test_another_course_is_said_with_its_first_difference_and_what_does_not_fit() -> None:
    record = recording("rolled-back-by-latency")
    outcome = Outcome.of(record, replace(LADDER, latency=None))
    assert not outcome.same
    assert "under another policy" in outcome.title
    first = next(row for row in outcome.rows if not row.same)
    assert first.then is None
    assert f"at {outcome.after(first.event.at)} happens what the record does not have: " in outcome.summary()
    assert "step 2: weight 25 %" in outcome.summary()
    assert "When the record ends, at +" in outcome.summary()
    (note,) = (note for note in outcome.notes() if "does not fit" in note and "25 %" in note)
    assert "recorded with 10 % of users on the candidate and is decided for 25 %" in note
    assert "would have had more requests: proofs come later here than they would" in note


def test_what_is_gone_and_what_only_moved_is_said() -> None:
    record = recording("rolled-back-by-errors")
    patient = Outcome.of(record, replace(LADDER, at_least_s=3000.0, at_most_s=9000.0, errors=ErrorGate(window_s=900.0)))
    assert "the record has what does not happen now: step 2: weight 25 %" in patient.summary()
    slower = Outcome.of(record, replace(LADDER, at_least_s=60.0))
    assert "what happened at +0:51 happens at +1:03: step 2: weight 25 %" in slower.summary()
    (note,) = (note for note in slower.notes() if "does not fit" in note)
    assert "fewer requests: proofs come sooner" in note


def test_where_one_side_had_all_users_nothing_is_proven() -> None:
    outcome = Outcome.of(recording("promoted"), replace(LADDER, latency=None, at_least_s=300.0))
    last = list(outcome.notes())[-1]
    assert "recorded with 100 % of users on the candidate and is decided for 25 %; where the candidate had all" in last
    assert last.endswith("there is nothing to compare, so nothing is proven in that time.")


def test_times_are_told_as_a_clock_shows_them() -> None:
    outcome = Outcome.of(recording("held-by-low-traffic"))
    assert [outcome.after(BEGIN + at) for at in (0, 61.4, 3599.6, 36_000)] == [
        "+0:00",
        "+1:01",
        "+1:00:00",
        "+10:00:00",
    ]


def test_what_the_record_cannot_know_is_said() -> None:
    record = recording("held-by-low-traffic")
    gates = replace(
        LADDER,
        steps=(ShadowStep(100), *LADDER.steps),
        promql=(PromqlGate("p99", "http://prometheus", "up", at_most=1.0),),
        webhooks=(Webhook("tell", "event", "http://hooks"), Webhook("smoke", "rollout", "http://hooks")),
    )
    notes = list(Outcome.of(record, gates).notes())
    assert any(note.startswith("Answers of promql p99, webhook smoke (rollout) are not recorded") for note in notes)
    assert any(note.startswith("What comparing answers showed is not recorded") for note in notes)
    beside = replace(LADDER, steps=(WeightStep(1000, shadow=500), *LADDER.steps[1:]))
    assert "Of the differences gate only the verdict" in " ".join(Outcome.of(record, beside).notes())
    changed = Event(BEGIN + 9, 1, EventKind.SPEC, "abreast", "the spec changed")
    respelt = replace(record, events=(*record.events[:2], changed, *record.events[2:]))
    assert "The spec changed during the rollout" in " ".join(Outcome.of(respelt).notes())
    assert "The spec changed" not in " ".join(Outcome.of(respelt, LADDER).notes())


def test_takeovers_of_the_time_on_record_are_said() -> None:
    record = recording("rolled-back-by-errors")
    begin = record.start.started_at
    times = (begin + 9.0, begin + 14.0, record.ended_at + 60.0)
    taken_over = replace(
        record, events=(*record.events, *(Event(at, 1, EventKind.LEASE, "abreast", "b") for at in times))
    )
    outcome = Outcome.of(taken_over)
    assert outcome.same
    assert [note for note in outcome.notes() if note.startswith("A server took over at +0:09, +0:14: ")]


def test_as_data_it_has_every_decision_then_and_now() -> None:
    outcome = Outcome.of(recording("rolled-back-by-latency"), replace(LADDER, latency=None))
    data = json.loads(json.dumps(outcome.as_dict()))
    assert (data["service"], data["rollout"], data["same"], data["policy"]) == ("shop", 1, False, "given")
    assert len(data["decisions"]) == len(outcome.rows)
    assert {entry["same"] for entry in data["decisions"]} == {True, False}
    assert data["decisions"][0]["then"]["what"] == data["decisions"][0]["now"]["what"] == "pending → progressing"
    alone = next(entry for entry in data["decisions"] if entry["then"] is None)
    assert alone["now"]["reason"]
    assert data["misfits"][0]["recorded"] == 1000
    assert data["end"]["phase"] == Phase.PROGRESSING
    assert data["end"]["because"]
    assert data["notes"]


def test_each_kind_of_decision_has_its_words() -> None:
    def event(kind: EventKind, **data: str | int) -> Event:
        return Event(BEGIN, 1, kind, "abreast", "because", data)

    assert [
        said(event(EventKind.PHASE, before="baking", after="retiring")),
        said(event(EventKind.STEP, step=2, of=3, what="hold 1m")),
        said(event(EventKind.WEIGHT, before=0, after=25)),
        said(event(EventKind.VERDICT, verdict="worse")),
        said(event(EventKind.VERDICT)),
        said(event(EventKind.HELD)),
    ] == ["baking → retiring", "step 2: hold 1m", "0 % → 0.25 %", "verdict: worse", "verdict", "held"]
