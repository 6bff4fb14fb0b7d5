"""Recorded requests: what is kept, what is left out, how a line reads."""

import json

from abreast.compare.model import Request
from abreast.shadow.recording import KEPT, Recording, line_of


def test_they_are_taken_once() -> None:
    recording = Recording()
    recording.add(Request("GET", "/a"))
    recording.add(Request("GET", "/b"))
    assert [json.loads(line)["path"] for line in recording.taken().splitlines()] == ["/a", "/b"]
    assert recording.taken() == ""


def test_what_is_redacted_is_left_out() -> None:
    recording = Recording()
    headers = (("accept", "text/html"), ("authorization", "‹redacted:0badcafe›"))
    recording.add(Request("GET", "/", headers))
    assert json.loads(recording.taken())["headers"] == [["accept", "text/html"]]


def test_the_oldest_make_room() -> None:
    recording = Recording()
    for number in range(KEPT + 1):
        recording.add(Request("GET", f"/{number}"))
    lines = recording.taken().splitlines()
    assert len(lines) == KEPT
    assert json.loads(lines[0])["path"] == "/1"


def test_a_body_is_text_where_it_can_be() -> None:
    assert json.loads(line_of(Request("POST", "/", (), "ü".encode())))["body"] == "ü"
    assert json.loads(line_of(Request("POST", "/", (), b"\xff")))["body_base64"] == "/w=="
    assert set(json.loads(line_of(Request("GET", "/")))) == {"method", "path"}
