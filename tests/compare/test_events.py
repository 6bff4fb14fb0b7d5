"""Streams of events as lists."""

from decimal import Decimal

import pytest

from abreast.compare.events import ndjson, sse
from abreast.compare.model import Value

CHAT = (
    ": keep-alive\n\n"
    'id: 1\nevent: delta\ndata: {"text": "Hel", "score": 0.10}\n\n'
    'id: 2\nevent: delta\ndata: {"text": "lo"}\n\n'
    "data: [DONE]\n\n"
)
CHAT_EVENTS: list[Value] = [
    {"id": "1", "event": "delta", "data": {"text": "Hel", "score": Decimal("0.1")}},
    {"id": "2", "event": "delta", "data": {"text": "lo"}},
    {"data": "[DONE]"},
]


def test_events_are_read_with_their_data_as_json_or_text() -> None:
    assert sse(CHAT) == CHAT_EVENTS


@pytest.mark.parametrize("line_end", ["\r\n", "\r", "\n"])
def test_any_end_of_line_and_a_byte_order_mark_are_the_same_stream(line_end: str) -> None:
    assert sse("\ufeff" + CHAT.replace("\n", line_end)) == CHAT_EVENTS


def test_a_stream_that_is_cut_in_the_middle_of_an_event_has_the_events_before_it() -> None:
    for end in range(CHAT.index("id: 2"), CHAT.index("data: [DONE]") - 1):
        assert sse(CHAT[:end]) == CHAT_EVENTS[:1]
    assert sse(CHAT[: CHAT.index("data: [DONE]")]) == CHAT_EVENTS[:2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The examples of WHATWG HTML, 9.2.6, "Interpreting an event stream".
        ("data: YHOO\ndata: +2\ndata: 10\n\n", [{"data": "YHOO\n+2\n10"}]),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
            [{"data": "first event", "id": "1"}, {"data": "second event", "id": ""}],
        ),
        ("data\n\ndata\ndata\n\ndata:\n", [{"data": ""}, {"data": "\n"}]),
        ("data:test\n\ndata: test\n\n", [{"data": "test"}, {"data": "test"}]),
    ],
)
def test_the_examples_of_the_standard(text: str, expected: list[Value]) -> None:
    assert sse(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n\n\n", []),
        ("event: ping\n\n", []),
        ("retry: 3000\n\n", [{"retry": 3000}]),
        ("retry: soon\ndata: x\n\n", [{"data": "x"}]),
        ("retry: \u0661\ndata: x\n\n", [{"data": "x"}]),
        (f"retry: {'9' * 5000}\ndata: x\n\n", [{"data": "x"}]),
        ("id: a\0b\ndata: x\n\n", [{"data": "x"}]),
        ("id: 7\n\n", [{"id": "7"}]),
        ("unknown: x\ndata: 12\n\n", [{"data": 12}]),
    ],
)
def test_what_a_browser_ignores_is_ignored(text: str, expected: list[Value]) -> None:
    assert sse(text) == expected


def test_ndjson_has_a_value_per_line_and_empty_lines_are_none() -> None:
    assert ndjson('{"id": 9007199254740993}\r\n\n1.50\n  \n"x"') == [{"id": 9007199254740993}, Decimal("1.5"), "x"]
    assert ndjson("") == []


def test_a_line_that_is_broken_is_named() -> None:
    with pytest.raises(ValueError, match=r"line 3 of the stream: not JSON"):
        ndjson('{"a": 1}\n\n{"a": \n{"a": 3}\n')
