"""JSON read exactly and shown shortly."""

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.compare import tree
from abreast.compare.model import ABSENT, Value

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740993", 9007199254740993),
        ("0.1", Decimal("0.1")),
        ("1e400", Decimal("1e400")),
        ("-0", 0),
        ('{"a":1,"a":2}', {"a": 2}),
        ('"\\u0000"', "\0"),
        ('"\\ud83d\\ude00"', "😀"),
        (' [null, true, ""] ', [None, True, ""]),
    ],
)
def test_what_is_read(text: str, value: Value) -> None:
    assert tree.parse(text) == value


def test_a_number_of_any_length_is_exact() -> None:
    digits = "7" * 5_000
    assert tree.same(tree.parse(digits), tree.parse(f"{digits}.0"))
    assert not tree.same(tree.parse(f"{digits}1"), tree.parse(f"{digits}2"))
    assert tree.type_of(tree.parse(digits)) == "number"


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_a_type_of_its_own(name: str) -> None:
    value = tree.parse(name)
    assert tree.type_of(value) == "non-finite"
    assert tree.same(value, tree.parse(f"[{name}]")[0])  # type: ignore[index]  # it is a list
    assert not tree.same(value, name)
    assert tree.shown(value) == name


@pytest.mark.parametrize("text", ['"\\ud800"', '"\ud800"', '{"\\udfff": ["a\\ud83d"]}'])
def test_lone_surrogates_are_kept_as_text_that_can_be_stored(text: str) -> None:
    assert "\\ud" in tree.shown(tree.parse(text))
    json.dumps(tree.parse(text), ensure_ascii=False).encode()


def test_lone_surrogates_are_told_apart() -> None:
    assert not tree.same(tree.parse('"\\ud800"'), tree.parse('"\\ud801"'))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not JSON: Expecting value at line 1 column 1"),
        ('{"a":1}x', "not JSON: Extra data at line 1 column 8"),
        ('{"a":\n1,}', "line 2 column 3"),
        ("'secret'", "not JSON"),
        ("1e99999999999999999999", "exponent"),
        ("[01]", "line 1"),
    ],
)
def test_what_is_no_json_is_told_by_its_place_and_not_quoted(text: str, told: str) -> None:
    with pytest.raises(tree.NotJsonError, match="not JSON") as caught:
        tree.parse(text)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("opened", ["[", '{"a":', '[{"a":'])
def test_depth_is_bounded(opened: str) -> None:
    closed = opened[::-1].translate({ord("["): "]", ord("{"): "}", ord("a"): "", ord('"'): "", ord(":"): ""})
    fits, levels = tree.MAX_DEPTH // (len(closed)), len(closed)
    deep = opened * fits + "0" + closed * fits
    assert tree.type_of(tree.parse(deep)) in {"array", "object"}
    for more in (fits + 1, 100_000):
        with pytest.raises(tree.TooDeepError, match=f"deeper than {tree.MAX_DEPTH} levels"):
            tree.parse(opened * more + "0" + closed * more)
    assert levels in {1, 2}


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert tree.parse("[" + "[],{}," * 500 + "0]") == [*([[], {}] * 500), 0]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, Decimal("1.0"), True),
        (Decimal("1e2"), 100, True),
        (1, True, False),
        (0, False, False),
        (Decimal(1), True, False),
        ([1, [0]], [True, [False]], False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": None}, {"b": None}, False),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ("1", 1, False),
        (None, False, False),
        (math.nan, float("nan"), True),
        (math.inf, Decimal("Infinity"), True),
        (ABSENT, None, False),
    ],
)
def test_sameness(left: Value, right: Value, expected: bool) -> None:
    assert tree.same(left, right) is expected
    assert tree.same(right, left) is expected


@given(JSON, JSON)
def test_the_canonical_text_is_one_just_for_what_is_the_same(left: Value, right: Value) -> None:
    assert (tree.canonical(left) == tree.canonical(right)) is tree.same(left, right)


@pytest.mark.parametrize(
    ("one", "another"),
    [("1", "1.0"), ("100", "1e2"), ("0.5", "5.00e-1"), ("0", "-0.0"), ('{"a":1,"b":[]}', '{"b":[],"a":1.0}')],
)
def test_two_ways_of_writing_have_one_canonical_text(one: str, another: str) -> None:
    assert tree.canonical(tree.parse(one)) == tree.canonical(tree.parse(another))


@pytest.mark.parametrize(
    ("one", "another"), [("1", "true"), ("1.5", '"1.5"'), ("1e5000", "1e5001"), ("NaN", '"NaN"'), ("[]", "{}")]
)
def test_two_things_have_two_canonical_texts(one: str, another: str) -> None:
    assert tree.canonical(tree.parse(one)) != tree.canonical(tree.parse(another))


def test_nothing_but_json_has_a_canonical_text() -> None:
    with pytest.raises(TypeError, match="absent is no JSON value"):
        tree.canonical(ABSENT)


@given(JSON)
def test_reading_what_is_shown_gives_the_value_again(value: Value) -> None:
    assert tree.same(tree.parse(tree.shown(value, limit=10**6)), value)


@given(JSON, st.integers(1, 30))
def test_what_is_shown_is_short_and_says_when_it_is_cut(value: Value, limit: int) -> None:
    whole, cut = tree.shown(value, limit=10**6), tree.shown(value, limit)
    assert len(cut) <= limit
    assert cut == whole or cut.endswith("…")


def test_long_values_are_not_written_out_to_be_cut() -> None:
    assert tree.shown(["x" * 10**6] * 1000, 20) == '["xxxxxxxxxxxxxxxxx…'
    assert tree.shown(list(range(1_000)), 30).endswith("…")


def test_how_values_are_shown() -> None:
    assert tree.shown(tree.parse('{"é": [1, 2.50, null, "a\\"b", true, {}]}')) == (
        '{"é": [1, 2.50, null, "a\\"b", true, {}]}'
    )
    assert tree.shown(ABSENT) == "absent"
