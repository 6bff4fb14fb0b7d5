"""The differences of two JSON values."""

import json

import pytest

from abreast.compare.json_body import MOST_DIFFERENCES, differences
from abreast.compare.model import ABSENT, Difference, Kind, Value
from abreast.compare.rules import Rules, Tolerance
from abreast.compare.tree import MAX_DEPTH, parse
from tests.compare.vectors import JSON_PATCH, Change

NO_RULES = Rules()


def told(left: object, right: object, rules: Rules = NO_RULES) -> list[tuple[str, str]]:
    """Kind and path of each difference; values are written as Python, and read as JSON."""
    found = differences(parse(json.dumps(left)), parse(json.dumps(right)), rules)
    return [(str(difference.kind), difference.path) for difference in found]


@pytest.mark.parametrize("change", JSON_PATCH, ids=lambda change: change.name)
def test_the_documents_of_the_json_patch_suite(change: Change) -> None:
    before, after = parse(json.dumps(change.before)), parse(json.dumps(change.after))
    paths = [difference.path for difference in differences(before, after, NO_RULES)]
    assert (paths == []) is (json.dumps(change.before, sort_keys=True) == json.dumps(change.after, sort_keys=True))
    assert set(change.paths) <= set(paths)
    backwards = differences(after, before, NO_RULES)
    assert (backwards == ()) is (paths == [])


def test_every_kind_of_difference_of_members() -> None:
    left: Value = {"same": 1, "gone": None, "number": 1, "type": 1, "null": "no", "nested": {"a/b": [{"x": 1}]}}
    right: Value = {"type": "1", "number": 2, "same": 1, "nested": {"a/b": [{"x": 2}]}, "null": None, "new": []}
    assert differences(left, right, NO_RULES) == (
        Difference(Kind.MISSING, "/gone", "/gone", None, ABSENT),
        Difference(Kind.CHANGED, "/number", "/number", 1, 2),
        Difference(Kind.TYPE, "/type", "/type", 1, "1"),
        Difference(Kind.TYPE, "/null", "/null", "no", None),
        Difference(Kind.CHANGED, "/nested/a~1b/0/x", "/nested/a~1b/*/x", 1, 2),
        Difference(Kind.ADDED, "/new", "/new", ABSENT, []),
    )


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("1", "1.0", []),
        ("100", "1e2", []),
        ("9007199254740992", "9007199254740993", [("changed", "")]),
        ("0.1", "0.10000000000000001", [("changed", "")]),
        ("1e400", "1e401", [("changed", "")]),
        ("1", "true", [("type", "")]),
        ("1.5", "NaN", [("type", "")]),
        ("NaN", "NaN", []),
        ("Infinity", "-Infinity", [("changed", "")]),
        ('{"a":1,"a":2}', '{"a":2}', []),
        ('"\\ud800"', '"\\ud801"', [("changed", "")]),
        ("{}", "[]", [("type", "")]),
    ],
)
def test_exactness(left: str, right: str, expected: list[tuple[str, str]]) -> None:
    found = differences(parse(left), parse(right), NO_RULES)
    assert [(str(difference.kind), difference.path) for difference in found] == expected


def test_one_element_put_into_a_thousand_is_one_difference() -> None:
    items = [{"id": number, "tags": ["a"]} for number in range(1_000)]
    more = [*items[:417], {"id": "new"}, *items[417:]]
    assert told({"items": items}, {"items": more}) == [("added", "/items/417")]
    assert told({"items": more}, {"items": items}) == [("missing", "/items/417")]


def test_several_edits_far_apart_are_told_one_by_one() -> None:
    left = [f"line {number}" for number in range(500)]
    right = [*left[:10], "in", *left[10:200], *left[201:400], "other", *left[401:]]
    assert told(left, right) == [("added", "/10"), ("missing", "/200"), ("changed", "/400")]


def test_one_changed_member_is_one_difference_even_beside_an_insertion() -> None:
    items = [{"sku": f"s{number}", "price": number} for number in range(50)]
    right = [{"sku": "new", "price": 0}, *items]
    right[31] = {**items[30], "price": 99}
    assert told(items, right) == [("added", "/0"), ("changed", "/30/price")]


def test_one_changed_among_repeated_elements_is_one_difference() -> None:
    assert told([0, 0, 0, 1, 0, 0], [0, 7, 0, 1, 0, 0]) == [("changed", "/1")]
    assert told([[0], [0], [1], [1]], [[5], [0], [1], [6]]) == [("changed", "/0/0"), ("changed", "/3/0")]


def test_an_insertion_among_elements_that_all_changed_is_found_by_their_names() -> None:
    left = [{"id": number, "served_by": "a"} for number in range(10)]
    right = [{"id": number, "served_by": "b"} for number in (0, 1, 77, *range(2, 10))]
    found = told(left, right)
    assert ("added", "/2") in found
    assert found.count(("added", "/2")) == 1
    assert {path for kind, path in found if kind == "changed"} == {f"/{number}/served_by" for number in range(10)}


@pytest.mark.parametrize(
    ("left", "right"), [([1, 2, 3], [3, 1, 2]), ([1, 9, 2, 3], [1, 9, 3, 2]), ([{}, []], [[], {}])]
)
def test_another_order_is_one_difference(left: list[Value], right: list[Value]) -> None:
    assert differences({"a": left}, {"a": right}, NO_RULES) == (Difference(Kind.ORDER, "/a", "/a", left, right),)


def test_a_thousand_elements_in_another_order_are_one_difference() -> None:
    assert told(list(range(1_000)), list(range(1_000))[::-1]) == [("order", "")]


def test_arrays_with_nothing_in_common_differ_by_place_and_in_length() -> None:
    found = differences({"a": ["x", "y", "z"]}, {"a": ["p", "q"]}, NO_RULES)
    assert [(difference.kind, difference.path) for difference in found] == [
        (Kind.CHANGED, "/a/0"),
        (Kind.CHANGED, "/a/1"),
        (Kind.LENGTH, "/a"),
    ]
    assert (found[-1].left, found[-1].right) == (3, 2)


def test_beside_common_elements_nothing_is_told_by_length() -> None:
    assert told([1, 2, 3], [1, 7, 8, 9]) == [("changed", "/1"), ("changed", "/2"), ("added", "/3")]
    assert told([2, 3, 1], [7, 1]) == [("changed", "/0"), ("missing", "/1")]


def test_an_array_that_became_empty_lacks_its_elements() -> None:
    assert told(["a", "b"], []) == [("missing", "/0"), ("missing", "/1")]
    assert told([], [["a"]]) == [("added", "/0")]


def test_unordered_arrays_are_compared_as_multisets() -> None:
    rules = Rules(unordered=("/tags", "/groups/*"))
    assert told({"tags": ["a", "b", "b"]}, {"tags": ["b", "a", "b"]}, rules) == []
    assert told({"tags": ["a", "b", "b"]}, {"tags": ["b", "a", "a"]}, rules) == [("changed", "/tags/2")]
    assert told({"tags": ["a", "b"]}, {"tags": ["b"]}, rules) == [("missing", "/tags/0")]
    assert told({"tags": ["b"]}, {"tags": ["a", "b"]}, rules) == [("added", "/tags/0")]
    assert told({"groups": [["a", "b"]]}, {"groups": [["b", "a"]]}, rules) == []
    assert told({"other": ["a", "b"]}, {"other": ["b", "a"]}, rules) == [("order", "/other")]


def test_unordered_elements_that_changed_are_compared_by_member() -> None:
    left = [{"id": 1, "n": 1}, {"id": 2, "n": 1}, {"id": 3, "n": 1}]
    right = [{"id": 3, "n": 1}, {"id": 2, "n": 5}, {"id": 1, "n": 1}]
    assert told(left, right, Rules(unordered=("",))) == [("changed", "/1/n")]


def test_keyed_arrays_are_aligned_by_the_member() -> None:
    rules = Rules(keyed=(("/users", "login"),))
    left = {"users": [{"login": "ada", "age": 36}, {"login": "bob", "age": 40}, {"login": "cy"}]}
    right = {"users": [{"login": "dee"}, {"login": "bob", "age": "40"}, {"login": "ada", "age": 36}]}
    assert told(left, right, rules) == [("type", "/users/1/age"), ("missing", "/users/2"), ("added", "/users/0")]


def test_ignored_places_are_not_walked_and_do_not_hinder_alignment() -> None:
    rules = Rules(ignore=("/*/seen_at", "/*/trace/**"))
    left = [{"n": number // 2, "seen_at": number, "trace": {"id": number}} for number in range(40)]
    right = [{"n": number // 2, "seen_at": number + 7, "trace": [number]} for number in range(40)]
    assert told(left, right, rules) == []
    assert told(left, [*right[:5], {"n": "in"}, *right[5:]], rules) == [("added", "/5")]
    assert told(left, [{**element, "more": 1} for element in right[:1]] + right[1:], rules) == [("added", "/0/more")]
    assert told({"a": 1}, {}, Rules(ignore=("/a",))) == []
    assert told({"a": 1}, {"b": 1}, Rules(ignore=("/**",))) == []


def test_ignoring_above_where_the_values_are_ignores_all() -> None:
    assert differences(1, 2, Rules(ignore=("/0",)), at=(0, "fields")) == ()
    assert [found.path for found in differences(1, 2, NO_RULES, at=(0, "fields"))] == ["/0/fields"]


def test_tolerances_hold_for_their_places_only() -> None:
    rules = Rules(tolerance=(("/items/*/price", Tolerance(absolute=0.01)), ("/at", Tolerance(seconds=60))))
    left = {"items": [{"price": 1.00}, {"price": 2.0}, {"price": 7}], "at": "2024-05-01T10:00:00Z", "price": 1}
    right = {"items": [{"price": 1.01}, {"price": 2.2}, {"price": 7}], "at": "2024-05-01T10:00:59Z", "price": 1.01}
    assert told(left, right, rules) == [("changed", "/items/1/price"), ("changed", "/price")]
    assert told({"at": "2024-05-01T10:00:00Z"}, {"at": None}, rules) == [("type", "/at")]


def test_within_a_tolerance_elements_are_aligned_and_beyond_it_told() -> None:
    rules = Rules(tolerance=(("/*", Tolerance(absolute=0.5)),), unordered=("",))
    assert told([1, 5, 9], [9.1, 1.1, 5.1], Rules(tolerance=rules.tolerance)) != []
    assert told([1.0, 5.0], [5.0, 1.2], rules) == []
    assert told([1.0, 5.0], [5.0, 3], rules) == [("changed", "/0")]


def test_masks_hold_for_texts_everywhere() -> None:
    rules = Rules(mask=("nonce-[0-9]+",))
    assert told({"a": [{"b": "x nonce-1"}]}, {"a": [{"b": "x nonce-2"}]}, rules) == []
    assert told(["x nonce-1", "y"], ["new", "x nonce-2", "y"], rules) == [("added", "/0")]
    assert told({"b": "x nonce-1"}, {"b": "y nonce-2"}, rules) == [("changed", "/b")]


def test_no_more_than_so_many_differences_are_told() -> None:
    left = {f"k{number}": number for number in range(1_000)}
    assert len(told(left, {})) == MOST_DIFFERENCES
    assert len(told([left], [{}])) == MOST_DIFFERENCES
    assert len(told([], list(range(1_000)))) == MOST_DIFFERENCES


def test_the_deepest_values_that_are_read_are_walked() -> None:
    half = MAX_DEPTH // 2
    left, right = (parse('[{"a":' * half + leaf + "}]" * half) for leaf in ("1", "2"))
    everywhere = Rules(ignore=("/x",), unordered=("/**",), mask=("y",))
    for rules in (NO_RULES, everywhere):
        assert [found.path for found in differences(left, right, rules)] == ["/0/a" * half]


def test_arrays_of_the_worst_kind_are_compared_in_bounded_time() -> None:
    left: Value = [number * 7919 % 13 for number in range(4_000)]
    right: Value = [number * 6007 % 11 for number in range(3_900)]
    found = differences(left, right, NO_RULES)
    assert len(found) == MOST_DIFFERENCES
