"""Secrets are found in text however they are spelled, and exactly where they stand."""

import html
import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.findings.spellings import SHORTEST, Span, needles, spans

ESCAPED = 'pa"ss\\wörd'
"""A secret that looks different in every kind of text."""


def found(text: str, *secrets: str, cut: bool = False) -> list[str]:
    """What of the text would be replaced."""
    return [text[span.start : span.end] for span in spans(text, needles(secrets), cut=cut)]


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("a s3cret/x b", "s3cret/x"),
        ("a s3cret%2Fx b", "s3cret%2Fx"),
        ("a s3cret%2fx b", "s3cret%2fx"),
        ("a s3cret%252Fx b", "s3cret%252Fx"),
        (r"a s3cret\/x b", r"s3cret\/x"),
        (r"a s3cret\u002fx b", r"s3cret\u002fx"),
        (r"a \x733cret/x b", r"\x733cret/x"),
        ("a s3cret&#47;x b", "s3cret&#47;x"),
        ("a s3cret&sol;x b", "s3cret&sol;x"),
        ("a s3cret\\\\u002fx b", "s3cret\\\\u002fx"),
    ],
)
def test_only_the_secret_is_taken(text: str, spelled: str) -> None:
    assert found(text, "s3cret/x") == [spelled]


def test_encodings_are_taken_with_all_around_them() -> None:
    """The characters beside it hold bits of it, and of what it was put together with."""
    code = b64encode(b"user:s3cret-x:more").decode()
    assert found(f"Basic {code}.", "s3cret-x") == [code]
    assert found(f"hash {b's3cret-x'.hex()}", "s3cret-x") == [b"s3cret-x".hex()]


@pytest.mark.parametrize("before", ["", "u", "uv", "uvw"])
@pytest.mark.parametrize("after", ["", "x", "xy"])
def test_base64_is_found_at_every_alignment(before: str, after: str) -> None:
    code = b64encode(f"{before}s3cret{after}".encode()).decode()
    assert found(f'"{code}"', "s3cret") == [code]


@pytest.mark.parametrize("before", ["", "/", "a/", "ab/"])
@pytest.mark.parametrize(
    "document",
    [
        json.dumps({"password": ESCAPED}),
        json.dumps({"password": ESCAPED}, ensure_ascii=False) + "\n",
        json.dumps(json.dumps({"password": ESCAPED, "b": 1})),
        f"page=1&password={quote(ESCAPED)}",
        f"page=1&password={quote_plus(ESCAPED)}&b=1",
        f"<password>{html.escape(ESCAPED)}</password>",
    ],
)
def test_a_secret_escaped_within_base64_takes_all_of_it(document: str, before: str) -> None:
    for code in (b64encode(document.encode()), urlsafe_b64encode(document.encode()).rstrip(b"=")):
        [taken] = found(f'"{before}{code.decode()}"', ESCAPED)
        assert code.decode() in taken


def test_base64_without_a_secret_stays() -> None:
    assert found(b64encode(rb'{"password": "p\u00e4ss"}').decode(), "another-one") == []


def test_every_occurrence_is_taken() -> None:
    assert found("abcd-abcd abcdabcd", "abcd") == ["abcd", "abcd", "abcd", "abcd"]


def test_what_overlaps_is_one_and_named_by_the_longer() -> None:
    assert spans("x user:pass y", needles(["user:pass", "pass", "user"])) == [Span(2, 11, "user:pass")]
    assert spans("abcdef", needles(["abcd", "cdef"])) == [Span(0, 6, "abcd")]


def test_short_and_ordinary_secrets_are_not_searched_for() -> None:
    assert found("abc true false null", "a" * (SHORTEST - 1), "abc", "true", "false", "null") == []
    assert found("abcd", "abcd") == ["abcd"]


def test_numbers_are_taken_whole_or_not_at_all() -> None:
    assert found("4711 x4711 -4711 47110 14711 4711.5", "4711") == ["4711", "4711", "4711", "4711"]


def test_what_was_meant_in_utf_8_is_found_as_such() -> None:
    """A header's bytes are read as latin-1; the body that echoes it is UTF-8."""
    header = "gr\u00fc\u00dfe".encode().decode("latin-1")
    assert found("say grüße", header) == ["grüße"]
    assert found(f"say {header}", "grüße") == [header]


def test_percent_encoded_bytes_of_latin_1_are_read() -> None:
    assert found("q=%FCber%20all", "über all") == ["%FCber%20all"]


def test_a_secret_that_is_itself_encoded_is_found_decoded() -> None:
    assert found("hello ada lovelace", "ada%20lovelace") == ["ada lovelace"]
    assert found("hello ada lovelace", "ada+lovelace") == ["ada lovelace"]
    assert found("q=ada+lovelace", "ada lovelace") == ["ada+lovelace"]
    assert found("sid abcdef", '"abcdef"') == ["abcdef"]


def test_the_beginning_of_a_secret_at_the_end_of_a_cut_text() -> None:
    assert found("x s3cr", "s3cret-x", cut=True) == ["s3cr"]
    assert found("x s3cr", "s3cret-x") == []
    assert found("x s3c", "s3cret-x", cut=True) == [], "as little as is not searched for"
    for half in ("%", "%2", "\\", "\\u00", "&", "&#4"):
        assert found(f"x s3cret{half}", "s3cret/x", cut=True) == [f"s3cret{half}"]


def test_texts_without_escapes_and_empty_ones() -> None:
    assert found("", "abcd") == []
    assert found("nothing here", "abcd") == []
    assert found("anything") == []


@given(
    st.lists(st.text(min_size=SHORTEST, max_size=12), min_size=1, max_size=4),
    st.lists(st.tuples(st.text(max_size=8), st.integers(0, 3), st.integers(0, 3)), max_size=6),
)
def test_spans_are_in_order_and_within_the_text(secrets: list[str], parts: list[tuple[str, int, int]]) -> None:
    spell = (str, quote, quote_plus, lambda text: json.dumps(text)[1:-1])
    text = "".join(before + spell[how](secrets[which % len(secrets)]) for before, which, how in parts)
    end = 0
    for span in spans(text, needles(secrets), cut=True):
        assert end <= span.start < span.end <= len(text)
        assert span.secret in secrets
        end = span.end
