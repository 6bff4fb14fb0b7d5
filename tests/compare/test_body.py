"""The right way of comparing for each media type."""

import gzip
import json

import pytest

from abreast.compare.body import differences
from abreast.compare.forms import digest
from abreast.compare.model import ABSENT, Answer, Difference, Kind
from abreast.compare.rules import Rules

NO_RULES = Rules()


def answer(body: str | bytes, media_type: str = "application/json", *, coding: str = "", cut: bool = False) -> Answer:
    named = (("content-type", media_type), ("content-encoding", coding))
    encoded = body.encode() if isinstance(body, str) else body
    return Answer(200, tuple((name, value) for name, value in named if value), encoded, truncated=cut)


def told(left: Answer, right: Answer, rules: Rules = NO_RULES) -> list[tuple[str, str]]:
    return [(str(found.kind), found.path) for found in differences(left, right, rules)]


@pytest.mark.parametrize(
    ("media_type", "left", "right", "expected"),
    [
        ("application/json", '{"a": 1}', '{"a":2}', [("changed", "/a")]),
        ("application/vnd.api+json; charset=utf-8", '{"a": 1}', "{}", [("missing", "/a")]),
        ("application/x-amz-json-1.1", '{"a": 1}', '{"a": 1.0}', []),
        ("application/x-ndjson", '{"a":1}\n{"a":2}\n', '{"a":1}\n{"a":"2"}\n', [("type", "/1/a")]),
        ("text/event-stream", 'data: {"a":1}\n\n', 'data: {"a":2}\n\n', [("changed", "/0/data/a")]),
        ("application/x-www-form-urlencoded", "a=1&b=2", "b=2&a=3", [("changed", "/a")]),
        ("application/xml", '<a x="1" y="2"/>', '<a y="2" x="1"/>', []),
        ("image/svg+xml", '<svg><g id="a"/></svg>', '<svg><g id="b"/></svg>', [("changed", "/svg/g/@id")]),
        ("text/plain", "one\ntwo\n", "one\n2\n", [("changed", "/1")]),
        ("text/css", "a{}\n", "a{}\nb{}\n", [("added", "/1")]),
        ("", "one\n", "two\n", [("changed", "/0")]),
        ("image/png", "one", "two", [("changed", "body")]),
        ("", b"\xff1", b"\xff2", [("changed", "body")]),
    ],
)
def test_the_media_type_says_how(
    media_type: str, left: str | bytes, right: str | bytes, expected: list[tuple[str, str]]
) -> None:
    assert told(answer(left, media_type), answer(right, media_type)) == expected


def test_html_is_compared_by_element() -> None:
    page = '<!doctype html><html><body><p class="a b">{}</p></body></html>'
    found = told(answer(page.format("one"), "text/html"), answer(page.format("two"), "text/html"))
    assert found == [("changed", "/html/body/p/text()")]


def test_multipart_is_compared_by_part_whatever_the_boundary() -> None:
    part = '--{0}\r\nContent-Disposition: form-data; name="a"\r\n\r\n{1}\r\n--{0}--\r\n'
    left, same, other = (
        answer(part.format(boundary, value), f"multipart/form-data; boundary={boundary}")
        for boundary, value in (("x", "1"), ("y", "1"), ("z", "2"))
    )
    assert told(left, same) == []
    assert [kind for kind, _ in told(left, other)] == ["changed"]


def test_text_that_is_json_is_compared_as_json() -> None:
    assert told(answer('{"a": 1, "b": 2}', "text/plain"), answer('{"b":2,"a":1}', "text/plain")) == []
    assert told(answer('{"a": 1}', ""), answer('{"a":"1"}', "")) == [("type", "/a")]
    assert told(answer("{ a", "text/plain"), answer("{ b", "text/plain")) == [("changed", "/0")]


def test_one_coding_or_another_is_the_same_body() -> None:
    plain, packed = answer('{"a": 1}'), answer(gzip.compress(b'{"a":1}'), coding="gzip")
    assert told(plain, packed) == []
    assert told(packed, answer('{"a": 2}')) == [("changed", "/a")]
    # Equal bytes mean something else in another coding.
    assert told(packed, answer(packed.body)) == [("undecodable", "body")]


@pytest.mark.parametrize(
    ("media_type", "good", "bad", "why"),
    [
        ("application/json", "{}", "{", "not JSON: Expecting property name"),
        ("application/x-ndjson", "{}\n[]\n", "{}\n[\n", "line 2"),
        ("application/xml", "<a/>", "<a>", "not well-formed"),
        ("text/html; charset=utf-8", "<p>", b"<p>\xff", "not utf-8"),
        ("multipart/mixed; boundary=x", "--x\r\n\r\nhi\r\n--x--\r\n", "hi", "multipart"),
    ],
)
def test_what_one_side_only_cannot_be_read_as_is_undecodable(
    media_type: str, good: str, bad: str | bytes, why: str
) -> None:
    one, other = answer(good, media_type), answer(bad, media_type)
    (found,) = differences(one, other, NO_RULES)
    assert (found.kind, found.path, found.pattern) == (Kind.UNDECODABLE, "body", "body")
    assert found.left == digest(one.body)
    assert why in str(found.right)
    (found,) = differences(other, one, NO_RULES)
    assert found.kind is Kind.UNDECODABLE
    assert why in str(found.left)


@pytest.mark.parametrize(
    ("media_type", "left", "right", "expected"),
    [
        ("application/json", "<p>one\n<p>", "<p>two\n<p>", [("changed", "/0")]),
        ("application/x-ndjson", "one\n", "two\n", [("changed", "/0")]),
        ("application/xml", "<a>\n<b>", "<a>\n<c>", [("changed", "/1")]),
        ("multipart/mixed", "one", "two", [("changed", "body")]),
        ("text/plain; charset=klingon", "one", "two", [("changed", "body")]),
        ("text/plain; charset=klingon", "one", "one", []),
        ("application/json", "[" * 2_000 + "1", "[" * 2_000 + "2", [("changed", "/0")]),
        ("application/json", "[]", "[" * 200 + "]" * 200, [("changed", "/0")]),
    ],
)
def test_what_neither_can_be_read_as_is_compared_as_text_or_by_digest(
    media_type: str, left: str, right: str, expected: list[tuple[str, str]]
) -> None:
    assert told(answer(left, media_type), answer(right, media_type)) == expected


def test_bytes_are_told_by_digest_and_length() -> None:
    left, right = answer(b"\0\1", "image/png"), answer(b"\0\2\3", "image/png")
    assert list(differences(left, right, NO_RULES)) == [
        Difference(Kind.CHANGED, "body", "body", digest(b"\0\1"), digest(b"\0\2\3"))
    ]


def test_a_body_that_is_gone_or_new() -> None:
    there, gone = answer("{}"), answer("")
    assert list(differences(there, gone, NO_RULES)) == [Difference(Kind.MISSING, "body", "body", digest(b"{}"), ABSENT)]
    assert list(differences(gone, there, NO_RULES)) == [Difference(Kind.ADDED, "body", "body", ABSENT, digest(b"{}"))]
    assert told(gone, answer(gzip.compress(b""), coding="gzip")) == []


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (("{}", "application/json"), ('{"a":1}', "text/plain"), [("added", "/a")]),
        (("{}", "application/json"), ('{"a":1}', ""), [("added", "/a")]),
        (("{}", "application/json"), ("<p>", "text/plain"), [("changed", "body")]),
        (("{}", "application/json"), ("<p>", "text/html"), [("changed", "body")]),
        (("<p>a</p>", "text/html"), ("<p>b</p>", ""), [("changed", "/p/text()")]),
        (("<p>a</p>", "text/html"), ("<p>b</p>", "text/plain"), [("changed", "body")]),
        (("one", "text/plain"), ("one\ntwo", "text/css"), [("added", "/1")]),
        (("one", "image/png"), ("two", "image/jpeg"), [("changed", "body")]),
        (("{}", "application/json"), ("{}", "text/html"), []),
    ],
)
def test_other_types_on_either_side(
    left: tuple[str, str], right: tuple[str, str], expected: list[tuple[str, str]]
) -> None:
    one, other = answer(*left), answer(*right)
    assert told(one, other) == expected
    assert len(told(other, one)) == len(expected)


def test_of_truncated_streams_the_events_that_both_have_are_compared() -> None:
    whole = "".join(f'data: {{"n": {number}}}\n\n' for number in range(5))
    cut = whole[:40]
    assert told(answer(cut, "text/event-stream", cut=True), answer(whole, "text/event-stream")) == []
    assert told(answer(whole, "text/event-stream"), answer(cut, "text/event-stream", cut=True)) == []
    assert told(answer(cut, "text/event-stream"), answer(whole, "text/event-stream")) != []
    changed = whole.replace("1", "7")
    assert told(answer(cut, "text/event-stream", cut=True), answer(changed, "text/event-stream")) == [
        ("changed", "/1/data/n")
    ]
    lines = '{"n":1}\n{"n":2}\n{"n'
    assert told(answer(lines, "application/x-ndjson", cut=True), answer('{"n":1}\n', "application/x-ndjson")) == [
        ("missing", "/1")
    ]
    longer = '{"n":1}\n{"n":2}\n{"n":3}\n'
    assert told(answer(lines, "application/x-ndjson", cut=True), answer(longer, "application/x-ndjson")) == []


def test_of_other_truncated_bodies_only_the_start_is_known() -> None:
    whole = json.dumps({"a": list(range(100))})
    cut = answer(whole[:50], cut=True)
    assert told(cut, answer(whole)) == []
    assert told(answer(whole), cut) == []
    assert told(cut, answer(whole[:70], cut=True)) == []
    assert told(cut, answer(whole.replace("1", "7"))) == [("changed", "body")]
    # It goes on beyond the other's end.
    assert told(cut, answer(whole[:30])) == [("changed", "body")]


@pytest.mark.parametrize("pattern", ["body", "", "/**"])
def test_a_body_can_be_ignored_whatever_it_is(pattern: str) -> None:
    rules = Rules(ignore=(pattern,))
    assert told(answer("{}"), answer("{"), rules) == []
    assert told(answer(b"1", "image/png"), answer(b"2", "image/png"), rules) == []
    assert told(answer("<a/>", "text/xml"), answer("<b/>", "text/xml"), rules) == []


def test_masks_and_ignored_paths_reach_every_format() -> None:
    rules = Rules(ignore=("/0/data/at",), mask=("nonce-[0-9]+",))
    stream = 'data: {{"at": {0}, "b": "nonce-{0}"}}\n\n'
    assert (
        told(answer(stream.format(1), "text/event-stream"), answer(stream.format(2), "text/event-stream"), rules) == []
    )
    assert told(answer("<a>nonce-1</a>", "text/xml"), answer("<a>nonce-2</a>", "text/xml"), rules) == []
    assert told(answer("nonce-1", "text/plain"), answer("nonce-2", "text/plain"), rules) == []
