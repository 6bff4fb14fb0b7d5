"""What people read of a finding."""

import random
from dataclasses import replace

import pytest

from abreast.compare.model import Kind
from abreast.findings.finding import REDACTED_MARK, VALUE_LIMIT, Finding, Place, gravity, rank
from abreast.findings.report import Key, ShownDifference

ORDERS = "GET /orders/{id}"
TOTAL = Key("/total", Kind.TYPE)


def finding(key: Key = TOTAL, left: str | None = None, right: str | None = None) -> Finding:
    shown = ShownDifference(key.pattern, key, left, right)
    return Finding(1, 1, ORDERS, (key,), (ORDERS,), exchanges=124, compared=400, example=shown)


def test_the_title_says_what_happened_where_and_how_often() -> None:
    title = finding(TOTAL, "12.5", '"12.5"').title
    assert title == "GET /orders/{id}: /total is a string, was a number, in 31 % of answers (124 of 400)"


SENTENCES = [
    (Kind.NO_ANSWER, "status", "200", '"time-out after 2 s"', 'no answer: "time-out after 2 s", was 200'),
    (Kind.STATUS, "status", "200", "500", "the status is 500, was 200"),
    (Kind.UNDECODABLE, "body", None, '"not gzip"', 'the body cannot be decoded: "not gzip"'),
    (Kind.MISSING, "/total", "12.5", None, "/total is missing, was 12.5"),
    (Kind.TYPE, "/a", '"x"', "null", "/a is null, was a string"),
    (Kind.TYPE, "/a", "true", "{}", "/a is an object, was a boolean"),
    (Kind.TYPE, "", "[]", "-1", "the body is a number, was an array"),
    (Kind.TYPE, "/a", f'"{REDACTED_MARK}00112233"', "1", "/a has another type"),
    (Kind.CHANGED, "/name", '"x"', '"y"', '/name is "y", was "x"'),
    (Kind.CHANGED, "/name", None, None, "/name differs"),
    (Kind.LENGTH, "/items", "3", "4", "/items has another length: 4, was 3"),
    (Kind.ORDER, "/items", "[1]", "[2]", "/items is in another order"),
    (Kind.ADDED, "/debug", None, "true", "/debug is new: true"),
    (Kind.HEADER, "header:server", '"a"', '"b"', 'header server is "b", was "a"'),
    (Kind.HEADER, "header:etag", '"a"', None, 'header etag is missing, was "a"'),
    (Kind.HEADER, "trailer:x", None, '"b"', 'trailer x is new: "b"'),
]


@pytest.mark.parametrize(("kind", "pattern", "left", "right", "sentence"), SENTENCES)
def test_each_kind_has_its_sentence(
    kind: Kind, pattern: str, left: str | None, right: str | None, sentence: str
) -> None:
    assert finding(Key(pattern, kind), left, right).title == f"{ORDERS}: {sentence}, in 31 % of answers (124 of 400)"


def test_no_kind_is_without_a_sentence() -> None:
    assert {kind for kind, *_ in SENTENCES} == set(Kind)
    for kind in Kind:
        assert "31 %" in replace(finding(Key("/a", kind)), example=None).title


def test_others_that_change_together_are_counted() -> None:
    keys = (TOTAL, Key("/b", Kind.ADDED), Key("/c", Kind.ADDED))
    assert ", and 2 more that change together, in 31 %" in replace(finding(), keys=keys).title


def test_other_endpoints_are_counted() -> None:
    several = replace(finding(Key("header:server", Kind.HEADER)), endpoints=(ORDERS, "GET /a", "GET /b"))
    assert several.title.startswith("GET /orders/{id} and 2 more: header server")


def test_what_was_only_carried_over_was_not_seen_yet() -> None:
    carried = replace(finding(TOTAL, "1", '"1"'), exchanges=0, compared=0)
    assert carried.title == "GET /orders/{id}: /total is a string, was a number; not seen in this rollout"
    assert carried.share == 0


def test_titles_stay_on_one_short_line() -> None:
    title = finding(Key("/a", Kind.CHANGED), '"' + "x\n y" * 500, '"z"').title
    assert "\n" not in title
    assert len(title) < len(ORDERS) + VALUE_LIMIT + 60
    assert "…" in title


@pytest.mark.parametrize(
    ("exchanges", "compared", "told"),
    [
        (1, 1, "100 %"),
        (31, 100, "31 %"),
        (1, 200, "0.5 %"),
        (996, 1000, "99.6 %"),
        (999_999, 1_000_000, "nearly all"),
        (4, 1_000_000, "next to none"),
        (4, 10_000, "0.04 %"),
        (9_999, 10_000, "99.99 %"),
    ],
)
def test_a_share_is_never_rounded_to_nothing_or_everything(exchanges: int, compared: int, told: str) -> None:
    title = replace(finding(), exchanges=exchanges, compared=compared).title
    assert f"in {told} of answers ({exchanges:,} of {compared:,})" in title


def test_the_gravest_come_first_then_the_most_frequent() -> None:
    status = Key("status", Kind.STATUS)
    grave = replace(finding(status), number=3, exchanges=1)
    often = replace(finding(), number=2, exchanges=300)
    seldom = replace(finding(), number=1, exchanges=2)
    shuffled = [seldom, often, grave]
    random.Random(3).shuffle(shuffled)
    assert sorted(shuffled, key=rank) == [grave, often, seldom]


def test_keys_are_ordered_by_risk_and_depth() -> None:
    keys = [Key("/a/b", Kind.TYPE), Key("/z", Kind.TYPE), Key("/a", Kind.MISSING), Key("/a", Kind.HEADER)]
    assert sorted(keys, key=gravity) == [keys[2], keys[1], keys[0], keys[3]]


def test_its_places_are_all_keys_at_all_endpoints() -> None:
    keys = (Key("header:a", Kind.HEADER), Key("header:b", Kind.HEADER))
    several = replace(finding(), keys=keys, endpoints=("GET /a", "GET /b"))
    assert several.about_headers
    assert set(several.places) == {Place(endpoint, key) for endpoint in ("GET /a", "GET /b") for key in keys}
