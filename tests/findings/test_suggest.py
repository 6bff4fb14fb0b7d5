"""Rules that are suggested are YAML, say why, and hide no finding."""

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from abreast.compare.model import Kind
from abreast.findings.book import Book, absorb
from abreast.findings.report import Key
from abreast.findings.suggest import NOISY_AT_LEAST, suggestions
from tests.findings.batches import NAME, ORDERS, STATUS, TOTAL, batch, path, report


def test_each_line_has_its_reason() -> None:
    noise = {
        "GET /orders": {"/generated_at": "a timestamp near now", "/tags": "any order"},
        "GET /users": {"/id": "a UUID"},
    }
    assert suggestions(Book.of(1), noise) == (
        "rollout:\n"
        "  gates:\n"
        "    differences:\n"
        "      ignore:\n"
        "        - /generated_at   # GET /orders: a timestamp near now\n"
        "        - /id             # GET /users: a UUID\n"
        "      unordered:\n"
        "        - /tags   # GET /orders: any order\n"
    )


def test_nothing_is_suggested_for_nothing() -> None:
    assert suggestions(Book.of(1), {}) == ""
    assert suggestions(Book.of(1), {ORDERS: {}}) == ""


def test_several_endpoints_share_a_line() -> None:
    noise = {"GET /a": {"/at": "a timestamp"}, "GET /b": {"/at": "a timestamp"}, "GET /c": {"/at": "a UUID"}}
    assert "        - /at   # GET /a, GET /b: a timestamp; GET /c: a UUID\n" in suggestions(Book.of(1), noise)


def test_a_finding_is_never_suggested_away() -> None:
    book, news = absorb(Book.of(1), batch(report(path(TOTAL, range(1, 41)))))
    assert news
    noise = {ORDERS: {TOTAL.pattern: "a number", "/other": "a number"}}
    assert yaml.safe_load(suggestions(book, noise))["rollout"]["gates"]["differences"] == {"ignore": ["/other"]}


def test_what_stable_does_to_itself_as_often_is_noise() -> None:
    order = Key("/tags", Kind.ORDER)
    told = report(
        path(NAME, range(1, 7), control=NOISY_AT_LEAST - 4, both=4),
        path(order, range(7, 13), control=NOISY_AT_LEAST),
        path(STATUS, range(13, 20), control=NOISY_AT_LEAST),
        path(Key("/seldom", Kind.CHANGED), range(20, 22), control=NOISY_AT_LEAST - 1),
    )
    book, news = absorb(Book.of(1), batch(told))
    assert not news
    text = suggestions(book, {})
    assert yaml.safe_load(text)["rollout"]["gates"]["differences"] == {"ignore": ["/name"], "unordered": ["/tags"]}
    assert f"# {ORDERS}: stable differs from itself: 10 times, the candidate alone 6 times\n" in text


def test_a_learned_shape_is_the_better_reason() -> None:
    book, _ = absorb(Book.of(1), batch(report(path(NAME, [1], control=50))))
    text = suggestions(book, {ORDERS: {"/name": "a word"}})
    assert text.count("/name") == 1
    assert "a word" in text


@pytest.mark.parametrize("pattern", ["status", "body", "", "…"])
def test_nothing_wide_is_suggested(pattern: str) -> None:
    assert suggestions(Book.of(1), {ORDERS: {pattern: "any"}}) == ""


@given(st.dictionaries(st.text(min_size=1), st.dictionaries(st.text(), st.text())))
def test_any_names_make_the_yaml_that_was_meant(noise: dict[str, dict[str, str]]) -> None:
    slashed = {
        endpoint: {f"/{pattern}": shape for pattern, shape in shapes.items()} for endpoint, shapes in noise.items()
    }
    wanted = {pattern for shapes in slashed.values() for pattern in shapes}
    text = suggestions(Book.of(1), slashed)
    read = yaml.safe_load(text)["rollout"]["gates"]["differences"] if text else {}
    assert {pattern for patterns in read.values() for pattern in patterns} == wanted


@pytest.mark.parametrize("pattern", ["header:etag", "trailer:x", "/a: b", "/a #b", "/*/b", "*", "/a/", "/é", "/a:"])
def test_patterns_are_quoted_where_yaml_asks_for_it(pattern: str) -> None:
    text = suggestions(replace(Book.of(1)), {ORDERS: {pattern: "any"}})
    assert yaml.safe_load(text)["rollout"]["gates"]["differences"]["ignore"] == [pattern]
