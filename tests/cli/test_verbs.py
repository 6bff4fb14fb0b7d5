"""People's commands: what each sends, and what it prints of the answer."""

import json
from typing import Any

import pytest

from tests.cli.plane import Plane, Run, completed, state

DONE = {"message": "paused at 10 %", "phase": "paused", "weight": 1000, "revision": 8, "obeyed_s": 0.0214}


@pytest.mark.parametrize(
    ("words", "verb", "body"),
    [
        (["start", "v2"], "start", {"version": "v2"}),
        (["promote"], "promote", {"full": False}),
        (["promote", "--full"], "promote", {"full": True}),
        (["start", "v2", "--alone"], "start", {"version": "v2", "alone": True}),
        (["promote", "--alone"], "promote", {"full": False, "alone": True}),
        (["abort", "--alone"], "abort", {"alone": True}),
        (["undo", "--alone"], "undo", {"alone": True}),
        (["retry", "--alone"], "retry", {"alone": True}),
        (["retire", "--alone"], "retire", {"alone": True}),
        (["weight", "100%", "--alone"], "weight", {"weight": 10_000, "alone": True}),
        (["pause"], "pause", {}),
        (["resume"], "resume", {}),
        (["abort"], "abort", {}),
        (["undo"], "undo", {}),
        (["retry"], "retry", {}),
        (["retire"], "retire", {}),
        (["weight", "20%"], "weight", {"weight": 2000}),
        (["weight", "0.25 %"], "weight", {"weight": 25}),
    ],
)
def test_each_verb_sends_its_order(
    plane: Plane, abreast: Run, words: list[str], verb: str, body: dict[str, Any]
) -> None:
    plane.answers(f"/commands/{verb}", DONE)
    ended = abreast(*words)
    assert (ended.code, ended.err) == (0, "")
    sent = plane.asked[0].body
    assert sent is not None
    assert {key: value for key, value in sent.items() if key not in {"actor", "reason"}} == body
    assert sent["reason"] == ""


def test_an_order_says_what_it_did_and_since_when_it_holds(plane: Plane, abreast: Run) -> None:
    plane.answers("/commands/pause", DONE)
    assert abreast("pause").out == "paused at 10 %\nevery gateway obeys, 21 ms after the order\n"


def test_an_order_that_some_gateway_does_not_obey_says_so(plane: Plane, abreast: Run) -> None:
    plane.answers("/commands/abort", {**DONE, "obeyed_s": None})
    assert abreast("abort").out.endswith("not every gateway obeys yet: see abreast status\n")


def test_an_order_that_lost_servers_cannot_confirm_names_them(plane: Plane, abreast: Run) -> None:
    plane.answers("/commands/abort", {**DONE, "unconfirmed": ["b/gateway-1.0", "c"]})
    assert abreast("abort").out.endswith("after the order\nnot confirmed by: b/gateway-1.0, c\n")


def test_an_order_as_json_is_the_answer_of_the_api(plane: Plane, abreast: Run) -> None:
    plane.answers("/commands/pause", DONE)
    assert json.loads(abreast("pause", "--json").out) == DONE


def test_a_refused_order_ends_with_the_code_of_its_error(plane: Plane, abreast: Run) -> None:
    plane.answers("/commands/undo", {"detail": "nothing", "remedy": "wait", "exit_code": 6}, status=409)
    ended = abreast("undo")
    assert (ended.code, ended.out, ended.err) == (6, "", "error: nothing\n  → wait\n")


def test_a_share_that_is_none_is_not_sent(plane: Plane, abreast: Run) -> None:
    ended = abreast("weight", "20")
    assert ended.code == 2
    assert "'20' is no share" in ended.err
    assert plane.asked == []


class TestAbortOnly:
    """An abort that is meant for one version: a pipeline's, which must not end the next one's rollout."""

    def test_that_version_is_rolled_back(self, plane: Plane, abreast: Run) -> None:
        plane.answers("/status", state())
        plane.answers("/commands/abort", DONE)
        assert abreast("abort", "--only", "v2").code == 0
        assert [asked.path for asked in plane.asked] == ["/status", "/commands/abort"]

    @pytest.mark.parametrize("status", [state(candidate="v3"), state(allowed=["retry"]), completed()])
    def test_no_other_is(self, plane: Plane, abreast: Run, status: dict[str, Any]) -> None:
        plane.answers("/status", status)
        ended = abreast("abort", "--only", "v2")
        assert (ended.code, ended.out) == (0, "")
        assert ended.err == "no rollout of v2 is under way: nothing is rolled back\n"
        assert [asked.path for asked in plane.asked] == ["/status"]


EVENT = {
    "id": 4,
    "at": 0.0,
    "rollout": 1,
    "kind": "weight",
    "actor": "ada",
    "reason": "step 1: 1 %",
    "data": {},
    "sentence": "0 % → 1 %: step 1: 1 %",
}


def test_events_are_told_with_who_did_it(plane: Plane, abreast: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.answers("/events", [EVENT])
    ended = abreast("events", "-n", "3")
    assert ended.out.endswith("#1 weight      0 % → 1 %: step 1: 1 %  [ada]\n")
    assert ended.out[:4] in {"1969", "1970"}, "in local time"
    assert plane.asked[0].query == "limit=3"
    assert json.loads(abreast("events", "--json").out) == [EVENT]


def test_the_number_of_events_has_its_bounds(plane: Plane, abreast: Run) -> None:
    assert abreast("events", "-n", "0").code == 2
    assert plane.asked == []


def test_history_has_a_line_for_each_rollout(plane: Plane, abreast: Run) -> None:
    first = {"number": 0, "stable": "v1", "candidate": None, "phase": "completed", "started_at": 0.0, "reason": "first"}
    second = {**first, "number": 1, "candidate": "v2", "phase": "rolled-back", "reason": "aborted"}
    plane.answers("/history", [first, second])
    lines = abreast("history").out.splitlines()
    assert lines[0].startswith("#0 ")
    assert lines[0].split()[3:] == ["v1", "completed", "first"]
    assert lines[1].split()[3:] == ["v1", "→", "v2", "rolled-back", "aborted"]
    assert json.loads(abreast("history", "--json").out) == [first, second]


def test_explain_prints_the_sentences_of_the_status(plane: Plane, abreast: Run) -> None:
    plane.answers("/status", state())
    assert abreast("explain").out == "v1 → v2 is progressing for 12 m.\nYou can: promote, abort.\n"
    assert json.loads(abreast("explain", "--json").out) == state()["explanation"]


def test_tester_shows_the_header_of_each_side(plane: Plane, abreast: Run) -> None:
    headers = {"stable": "stable:secret", "candidate": "candidate:secret"}
    plane.answers("/tester", headers)
    assert abreast("tester").out == (
        "stable     x-abreast-version: stable:secret\ncandidate  x-abreast-version: candidate:secret\n"
    )
    assert json.loads(abreast("tester", "--json").out) == headers


def test_restart_gateway_says_what_took_over(plane: Plane, abreast: Run) -> None:
    plane.answers("/restart-gateway", {"message": "gateway-2 serves"})
    ended = abreast("restart-gateway")
    assert ended.out.splitlines()[-1] == "gateway-2 serves"
    assert plane.asked[0].method == "POST"
