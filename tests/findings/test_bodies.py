"""Bodies are read as what they are, and written anew without what is secret."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.compare.model import Answer, Value
from abreast.findings.bodies import hidden, read

MULTIPART = "multipart/form-data; boundary=bb"


def answer(media_type: str, body: bytes, **headers: str) -> Answer:
    more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(200, (("content-type", media_type), *more), body)


def part(name: str, content: str) -> str:
    return f'--bb\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{content}\r\n'


def form(*parts: str) -> Answer:
    return answer(MULTIPART, ("".join(parts) + "--bb--\r\n").encode())


def same(value: Value) -> Value:
    return value


def never(name: str) -> bool:
    del name
    return False


def upper(secret: str) -> str:
    return secret.upper()


@pytest.mark.parametrize(
    ("given_answer", "values"),
    [
        (answer("application/json", b'{"a": [1, null]}'), ({"a": [1, None]},)),
        (answer("application/problem+json", b"1"), (1,)),
        (answer("text/plain", b'{"a": 1}'), ({"a": 1},)),
        (answer("", b'{"a": 1}'), ({"a": 1},)),
        (answer("application/x-ndjson", b'{"a": 1}\n{"a": 2}\n'), ({"a": 1}, {"a": 2})),
        (answer("text/event-stream", b'event: e\ndata: {"a": 1}\n\n: no\n\n'), ({"event": "e", "data": {"a": 1}},)),
        (answer("application/json", gzip.compress(b"[2]", mtime=0), content_encoding="gzip"), ([2],)),
        (form(part("user", "ada")), ({"user": "ada"},)),
        (answer("text/html", b"<p>"), None),
        (answer("text/plain", b"hello"), None),
        (answer("application/json", b'{"a": '), None),
        (answer("application/x-www-form-urlencoded", b"a=1"), None),
    ],
)
def test_values_are_read_where_there_are_any(given_answer: Answer, values: tuple[Value, ...] | None) -> None:
    body = read(given_answer)
    assert body.values == values
    assert not body.fault


@pytest.mark.parametrize(
    ("given_answer", "fault"),
    [
        (answer("application/json", b"plain", content_encoding="gzip"), "gzip"),
        (answer("text/plain; charset=utf-8", b"\xff"), "utf-8"),
        (answer(MULTIPART, b"nothing"), "boundary"),
    ],
)
def test_what_cannot_be_decoded_says_why(given_answer: Answer, fault: str) -> None:
    body = read(given_answer)
    assert (body.text, body.values) == (None, None)
    assert fault in body.fault


def test_binary_is_no_text_and_no_fault() -> None:
    body = read(answer("image/png", b"\x89PNG"))
    assert (body.text, body.values, body.fault) == (None, None, "")


def test_values_are_written_anew() -> None:
    body = read(answer("application/json", b'{"a":1,"a":2.50}'))
    assert hidden(body, same, never, upper) == '{"a": 2.50}'


def test_a_stream_has_a_line_for_each() -> None:
    body = read(answer("text/event-stream", b": secret comment\ndata: 1\n\ndata: x\n\ndata: unfinished"))
    assert hidden(body, same, never, upper) == '{"data": 1}\n{"data": "x"}'


def test_a_stream_is_veiled_as_one_list() -> None:
    """Paths into it begin with the place of the line, as differences have it."""
    seen: list[Value] = []

    def veiled(value: Value) -> Value:
        seen.append(value)
        return ["hidden"]

    assert hidden(read(answer("application/x-ndjson", b"1\n2\n")), veiled, never, upper) == '"hidden"'
    assert seen == [[1, 2]]
    assert hidden(read(answer("application/x-ndjson", b"1\n2\n")), lambda _: "whole", never, upper) == '"whole"'


def test_fields_are_hidden_by_name() -> None:
    plain = read(answer("application/x-www-form-urlencoded", b"a=x&b=y"))
    assert hidden(plain, same, "b".__eq__, upper) == "a=x&b=Y"
    parts = read(form(part("a", "x"), part("b", "y"), part("b", "z")))
    assert hidden(parts, same, "b".__eq__, upper) == '{"a": "x", "b": ["Y", "Z"]}'


def test_files_in_a_form_are_hidden_whole() -> None:
    file = (
        '--bb\r\ncontent-disposition: form-data; name="b"; filename="f"\r\n'
        'content-type: application/json\r\n\r\n{"n": 1}\r\n'
    )
    told = hidden(read(form(file)), same, "b".__eq__, upper)
    assert told is not None
    assert json.loads(told) == {"b": {"filename": "F", "type": "APPLICATION/JSON", "content": {"n": "1"}}}


def test_what_has_no_values_has_no_places() -> None:
    assert hidden(read(answer("text/html", b"<p>")), same, never, upper) is None
    assert hidden(read(answer("image/png", b"\x89")), same, never, upper) is None


@given(st.binary(max_size=200), st.sampled_from(["", "text/plain", "application/json", "text/event-stream", MULTIPART]))
def test_any_bytes_are_read(raw: bytes, media_type: str) -> None:
    body = read(answer(media_type, raw))
    assert body.values is None or hidden(body, same, never, upper) is not None
    assert body.text is not None or body.values is not None or body.fault or b"\0" in raw or not media_type
