"""Text by line."""

import pytest

from abreast.compare.model import ABSENT, Difference, Kind
from abreast.compare.rules import Rules, Tolerance
from abreast.compare.text import MOST_LINES, TOLD_LINES, differences

ROBOTS = "User-agent: *\nDisallow: /admin\nDisallow: /cart\nSitemap: https://shop.example/sitemap.xml\n"


def found(left: str, right: str, rules: Rules | None = None) -> list[Difference]:
    return list(differences(left, right, rules or Rules()))


def test_equal_texts_have_no_difference() -> None:
    assert found(ROBOTS, ROBOTS) == []
    assert found("", "") == []


def test_a_changed_line_is_told_at_its_place_with_both_texts() -> None:
    assert found(ROBOTS, ROBOTS.replace("/cart", "/basket")) == [
        Difference(Kind.CHANGED, "/2", "/2", "Disallow: /cart", "Disallow: /basket")
    ]


def test_one_line_put_in_is_one_difference_at_the_left_place_where_it_was_put() -> None:
    right = ROBOTS.replace("Disallow: /cart", "Disallow: /beta\nDisallow: /cart")
    assert found(ROBOTS, right) == [Difference(Kind.ADDED, "/2", "/2", ABSENT, "Disallow: /beta")]


def test_one_line_taken_out_is_one_difference() -> None:
    right = ROBOTS.replace("Disallow: /admin\n", "")
    assert found(ROBOTS, right) == [Difference(Kind.MISSING, "/1", "/1", "Disallow: /admin", ABSENT)]


def test_changed_lines_are_paired_before_the_rest_is_added() -> None:
    assert found("a\nb\nc", "a\nX\nY\nZ\nc") == [
        Difference(Kind.CHANGED, "/1", "/1", "b", "X"),
        Difference(Kind.ADDED, "/2", "/2", ABSENT, "Y"),
        Difference(Kind.ADDED, "/2", "/2", ABSENT, "Z"),
    ]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("", "hello", [(Kind.ADDED, "/0", "hello")]),
        ("hello", "", [(Kind.MISSING, "/0", ABSENT)]),
        ("hello", "hello\n", [(Kind.ADDED, "/1", "")]),
        ("", "\n", [(Kind.ADDED, "/0", ""), (Kind.ADDED, "/0", "")]),
        ("a\nb", "a\r\nb", [(Kind.CHANGED, "/0", "a\r")]),
    ],
)
def test_no_byte_goes_unseen(left: str, right: str, expected: list[tuple[Kind, str, object]]) -> None:
    assert [(each.kind, each.path, each.right) for each in found(left, right)] == expected


def test_only_the_first_lines_keep_their_place_in_the_pattern() -> None:
    lines = [f"line {place}" for place in range(TOLD_LINES + 2)]
    right = [*lines]
    right[TOLD_LINES - 1] = right[TOLD_LINES] = "other"
    assert [(each.path, each.pattern) for each in found("\n".join(lines), "\n".join(right))] == [
        (f"/{TOLD_LINES - 1}", f"/{TOLD_LINES - 1}"),
        (f"/{TOLD_LINES}", "/*"),
    ]


def test_what_a_mask_matches_is_not_compared_but_what_is_beside_it_is() -> None:
    rules = Rules(mask=(r"pid=\d+", r"\d\d:\d\d:\d\d"))
    left, right = "12:00:01 pid=7 up\nready", "12:00:02 pid=12 up\nready"
    assert found(left, right, rules) == []
    assert found(left, right.replace("up", "down"), rules) == [
        Difference(Kind.CHANGED, "/0", "/0", "12:00:01 pid=7 up", "12:00:02 pid=12 down")
    ]


def test_ignored_lines_are_left_out_and_others_are_not() -> None:
    left, right = "a\nb\nc", "A\nb\nC"
    assert [each.path for each in found(left, right, Rules(ignore=("/0",)))] == ["/2"]
    assert found(left, right, Rules(ignore=("/*",))) == []


def test_a_line_that_is_a_number_has_its_tolerance() -> None:
    rules = Rules(tolerance=(("/0", Tolerance(absolute=2)),))
    assert found("100\nx", "101\nx", rules) == []
    assert [each.path for each in found("100\nx", "103\nx", rules)] == ["/0"]


@pytest.mark.timeout(20)
def test_a_text_of_nothing_but_line_ends_takes_bounded_work() -> None:
    left = "\n" * (MOST_LINES * 20)
    assert [each.path for each in found(left, left + "x")] == [f"/{MOST_LINES - 1}"]
