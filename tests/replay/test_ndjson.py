"""Recordings as files: they come back as they went in, and a bad one is told with every line that is wrong."""

import json

import pytest

from abreast.analysis.tick import Side, Tick
from abreast.model.errors import UsageError
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase
from abreast.replay.ndjson import lines, parse
from abreast.replay.recording import Recording, first_state
from tests.rollout.play import BEGIN, under_way

START = first_state(under_way(Phase.PROGRESSING))
RECORDING = Recording(
    START,
    (Tick(BEGIN + 1, Side(3, 1, {990: 3}), warming=True), Tick(BEGIN + 2.000001, alone=True)),
    (
        Event(BEGIN, 1, EventKind.STARTED, "ada", "rollout of v2 beside v1 began", {"candidate": "v2"}),
        Event(BEGIN + 1, 1, EventKind.WEIGHT, "abreast", "step 1: 1 %", {"before": 0, "after": 100}),
        Event(BEGIN + 1, 1, EventKind.HELD, "abreast", "wartet … é", {}),
    ),
)
TEXT = "\n".join(lines(RECORDING))
HEADER, *REST = TEXT.splitlines()


def test_a_recording_comes_back_as_it_went_in() -> None:
    assert parse(TEXT, "it.ndjson") == RECORDING
    assert parse(f"\n{TEXT}\n\n", "it.ndjson") == RECORDING


def test_lines_are_in_order_of_time_and_a_tick_comes_before_what_it_decided() -> None:
    assert [next(iter(json.loads(line))) for line in TEXT.splitlines()] == [
        *("recording", "event", "tick", "event", "event", "tick")
    ]


def refused(*text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse("\n".join(text), "it.ndjson")
    assert "--out" in caught.value.remedy
    return caught.value.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "'{' is no JSON"),
        ("[1]", "'[1]' is no object"),
        ('{"count": 1}', "expected a tick or an event, got an object with: count"),
        ("{}", "got an object with: nothing"),
        ('{"tick": {"at": 5}}', "the tick makes no sense: KeyError('candidate')"),
        ('{"tick": []}', "the tick makes no sense"),
        ('{"event": {"at": 1e9, "kind": "step", "actor": "ada"}}', "the event makes no sense: KeyError('reason')"),
        ('{"event": {"at": 1e9, "kind": "stepp", "actor": "a", "reason": "b"}}', "'stepp'; did you mean 'step'?"),
        ('{"event": {"at": 1e9, "kind": "step", "actor": "", "reason": "b"}}', "needs an actor and a reason"),
        ('{"event": {"at": 5, "kind": "step", "actor": "a", "reason": "b"}}', f"at 5.0 comes after one at {BEGIN + 1}"),
        (json.dumps({"tick": Tick(BEGIN + 1).as_json()}), f"there is a tick at {BEGIN + 1} already"),
    ],
)
def test_a_line_that_makes_no_sense_is_told_with_its_number(line: str, words: str) -> None:
    message = refused(HEADER, *REST[:2], line, REST[-1])
    assert "1 fault" in message
    assert f"it.ndjson:4: {words}" in message or ("it.ndjson:4: " in message and words in message)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (REST[1], 'the first line must say {"recording": 1, "rollout": …}, got an object with: tick'),
        ('{"recording": 2}', "got recording 2"),
        ('{"recording": 1}', "the rollout makes no sense: rollout: "),
        ('{"recording": 1, "rollout": {"service": 3}}', "service: "),
        (HEADER.replace('"candidate":"v2"', '"candidate":null'), "rollout 1 has no candidate"),
    ],
)
def test_a_first_line_that_makes_no_sense_is_told(line: str, words: str) -> None:
    message = refused(line, *REST)
    assert "it.ndjson:1: " in message
    assert words in message


def test_all_faults_are_told_at_once_and_many_are_cut_short() -> None:
    message = refused(HEADER, "{", *REST, "}")
    assert "2 faults" in message
    assert "it.ndjson:2: " in message
    assert f"it.ndjson:{len(REST) + 3}: " in message
    many = refused(HEADER, *["x"] * 50)
    assert "50 faults" in many
    assert many.endswith("… and 30 more")


@pytest.mark.parametrize("text", [(), (HEADER,), (HEADER, REST[0])])
def test_without_a_tick_there_is_nothing_to_decide(text: tuple[str, ...]) -> None:
    assert f"it.ndjson:{max(len(text), 1)}: there is no tick" in refused(*text)
