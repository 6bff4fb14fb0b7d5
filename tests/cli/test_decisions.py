"""``abreast accept`` and ``abreast reopen``: what is sent, and what is printed."""

import json
import time
from datetime import datetime

import pytest

from abreast.findings.finding import FindingState
from tests.cli.found import decided
from tests.cli.plane import Plane, Run
from tests.contracts.test_findings import a_finding

ACCEPTED = decided("finding 7 is accepted: total\x1b", a_finding(7, state=FindingState.ACCEPTED, actor="ada"))
REOPENED = decided("finding 7 is reopened: total", a_finding(7))


def sent(plane: Plane) -> dict[str, object]:
    (asked,) = plane.asked
    assert asked.method == "POST"
    assert asked.body is not None
    assert asked.body.pop("actor")
    return asked.body


def test_accepting_sends_why_and_prints_what_it_did_and_how_to_undo_it(plane: Plane, abreast: Run) -> None:
    plane.answers("/findings/7/accept", ACCEPTED)
    ended = abreast("accept", "7", "-m", "prices are text now")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == ("finding 7 is accepted: total\\x1b\nif it is not meant after all: abreast reopen 7\n")
    assert sent(plane) == {"reason": "prices are text now", "until": None, "rollout": None}


@pytest.mark.parametrize(("text", "length_s"), [("14d", 14 * 86_400.0), ("1h30m", 5400.0)])
def test_until_may_be_a_duration_from_now(plane: Plane, abreast: Run, text: str, length_s: float) -> None:
    plane.answers("/findings/7/accept", ACCEPTED)
    before = time.time()
    assert abreast("accept", "7", "-m", "why", "--until", text).code == 0
    until = sent(plane)["until"]
    assert isinstance(until, float)
    assert before + length_s <= until <= time.time() + length_s


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("2096-12-01T09:00+01:00", 4_005_187_200.0),
        ("2096-12-01T08:00:00Z", 4_005_187_200.0),
        ("2096-12-01", datetime(2096, 12, 1).astimezone().timestamp()),  # local
    ],
)
def test_until_may_be_a_date_local_unless_it_says_otherwise(
    plane: Plane, abreast: Run, text: str, until: float
) -> None:
    plane.answers("/findings/7/accept", ACCEPTED)
    assert abreast("accept", "7", "-m", "why", "--until", text).code == 0
    assert sent(plane)["until"] == until


@pytest.mark.parametrize("text", ["soon", "14", "2026-13-01", "9999-99", "1 fortnight"])
def test_until_anything_else_is_refused_before_anybody_is_asked(plane: Plane, abreast: Run, text: str) -> None:
    ended = abreast("accept", "7", "-m", "why", "--until", text)
    assert (ended.code, ended.out, plane.asked) == (2, "", [])
    assert repr(text) in ended.err
    assert "--until 14d" in ended.err


def test_accepting_without_a_reason_is_refused(plane: Plane, abreast: Run) -> None:
    assert abreast("accept", "7").code == 2
    assert plane.asked == []


def test_reopening_needs_no_reason(plane: Plane, abreast: Run) -> None:
    plane.answers("/findings/7/reopen", REOPENED)
    ended = abreast("reopen", "7")
    assert ended.out.startswith("finding 7 is reopened: total\nif it is meant: abreast accept 7")
    assert sent(plane) == {"reason": "", "rollout": None}


@pytest.mark.parametrize(("verb", "answer"), [("accept", ACCEPTED), ("reopen", REOPENED)])
def test_a_decision_can_be_tied_to_a_rollout_and_printed_as_json(
    plane: Plane, abreast: Run, verb: str, answer: dict[str, object]
) -> None:
    plane.answers(f"/findings/7/{verb}", answer)
    ended = abreast(verb, "7", "-m", "why", "--rollout", "3", "--json")
    assert json.loads(ended.out) == answer
    assert sent(plane)["rollout"] == 3


def test_a_refusal_ends_with_the_code_of_its_error(plane: Plane, abreast: Run) -> None:
    problem = {"detail": "finding 7 is open already", "remedy": "nothing", "exit_code": 6}
    plane.answers("/findings/7/reopen", problem, status=409)
    ended = abreast("reopen", "7")
    assert (ended.code, ended.out, ended.err) == (6, "", "error: finding 7 is open already\n  → nothing\n")
