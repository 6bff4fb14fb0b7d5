"""Requests one to a line."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.compare.model import Request
from abreast.offline.entry import EntryError, Reading
from abreast.offline.ndjson import entry, read
from abreast.shadow.recording import line_of


def faults(text: str) -> list[str]:
    """What is wrong with the lines, as told."""
    reading = Reading("r")
    read(text, reading)
    return [str(fault) for fault in reading.faults]


def test_the_smallest_request_is_a_path() -> None:
    assert entry('{"path": "/orders/7"}').request == Request("GET", "/orders/7")


def test_a_url_gives_the_host_beside_the_request() -> None:
    found = entry('{"method": "put", "url": "http://shop:81/a?b=c", "headers": {"X": ["1", "2"]}, "body": "é"}', 4)

    assert (found.line, found.host) == (4, "shop:81")
    assert found.request == Request("PUT", "/a?b=c", (("x", "1"), ("x", "2")), "é".encode())


def test_a_body_of_bytes_is_base64() -> None:
    assert entry('{"path": "/", "body_base64": "AP8="}').request.body == b"\x00\xff"


def test_empty_lines_and_remarks_are_nothing_and_lines_are_counted() -> None:
    reading = Reading("r")
    read('\n# a remark\r\n{"path": "/a"}\r\n\n  {"path": "/b"}', reading)

    assert [(each.line, each.request.path) for each in reading.entries] == [(3, "/a"), (5, "/b")]
    assert reading.faults == []


def test_every_fault_is_told_with_its_line_and_what_to_write() -> None:
    lines = [
        '{"path": "/a", "boddy": "x"}',
        '{"method": "GET"}',
        '{"path": "/a", "url": "http://h/a"}',
        '{"path": "http://h/a"}',
        '{"path": 7}',
        '{"path": "/", "headers": [["a", 1]]}',
        '{"path": "/", "headers": {"a": 1}}',
        '{"path": "/", "headers": "a: 1"}',
        '{"path": "/", "body": "a", "body_base64": "YQ=="}',
        '{"path": "/", "body_base64": "?"}',
        '{"path": "/"',
        "[1]",
        '{"path": "/good"}',
    ]

    assert faults("\n".join(lines)) == [
        "r:1: unknown member 'boddy'; allowed: method, path, url, headers, body, body_base64\n  → did you mean 'body'?",
        "r:2: there is neither 'path' nor 'url'\n  → give one of them",
        "r:3: there is both 'path' and 'url'\n  → give one of them",
        "r:4: path: 'path' is 'http://h/a', a whole URL\n  → call it 'url'",
        'r:5: \'path\' is 7, and text is wanted\n  → write "path": "…"',
        'r:6: headers[0]: [\'a\', 1] is no pair of texts\n  → write ["NAME", "VALUE"]',
        "r:7: headers.a: 1 is no text\n  → write it in quotes",
        'r:8: headers: \'a: 1\' holds no headers\n  → write [["NAME", "VALUE"], …] or {"NAME": "VALUE"}',
        "r:9: there are both 'body' and 'body_base64'\n  → give one of them",
        "r:10: body_base64: no base64: Only base64 data is allowed\n  → encode the body's bytes again",
        (
            "r:11: no JSON: Expecting ',' delimiter: line 1 column 13 (char 12)\n"
            "  → write one whole JSON object on each line"
        ),
        'r:12: [1] is no object\n  → write {"method": "GET", "path": "/…"}',
    ]


NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=8).map(lambda name: f"x-{name}")
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc", "Zs"]), max_size=9)


@given(
    st.builds(
        Request,
        st.sampled_from(["GET", "POST", "PROPFIND"]),
        st.text("abc/?=&%20", max_size=12).map(lambda path: f"/{path}"),
        st.lists(st.tuples(NAMES, VALUES), max_size=4).map(tuple),
        st.binary(max_size=20),
    )
)
def test_what_is_written_is_read_back(request_made: Request) -> None:
    line = line_of(request_made)

    assert "\n" not in line
    assert entry(line).request == request_made


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda of: st.lists(of, max_size=3)))
def test_any_value_anywhere_is_a_request_or_a_fault(value: object) -> None:
    for name in ("method", "path", "url", "headers", "body", "body_base64", "other"):
        line = json.dumps({"path": "/", name: value})
        with suppress(EntryError):
            assert entry(line).request.path.startswith("/")


def test_json_too_deep_to_read_is_a_fault() -> None:
    with pytest.raises(EntryError, match="no JSON"):
        entry('{"path":' + "[" * 100_000)
