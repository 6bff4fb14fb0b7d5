"""Alignment against a plain table of the longest common subsequence."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.compare.alignment import MOST_EDITS, Gap, gaps


def longest_common(left: str, right: str) -> int:
    """The length of a longest common subsequence, by the textbook's table."""
    row = [0] * (len(right) + 1)
    for one in left:
        fresh = [0]
        for place, other in enumerate(right):
            fresh.append(row[place] + 1 if one == other else max(row[place + 1], fresh[place]))
        row = fresh
    return row[-1]


def kept(left: str, right: str) -> tuple[str, str]:
    """What is left of both when the gaps are cut out."""
    found = gaps(left, right)
    cut_left = {at for gap in found for at in gap.left}
    cut_right = {at for gap in found for at in gap.right}
    return (
        "".join(each for at, each in enumerate(left) if at not in cut_left),
        "".join(each for at, each in enumerate(right) if at not in cut_right),
    )


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("", "", []),
        ("abc", "abc", []),
        ("", "ab", [Gap(range(0), range(2))]),
        ("ab", "", [Gap(range(2), range(0))]),
        ("abcd", "abXcd", [Gap(range(2, 2), range(2, 3))]),
        ("abcd", "acd", [Gap(range(1, 2), range(1, 1))]),
        ("abcd", "aXcY", [Gap(range(1, 2), range(1, 2)), Gap(range(3, 4), range(3, 4))]),
        ("aaa", "aa", [Gap(range(2, 3), range(2, 2))]),
        ("ab", "xy", [Gap(range(2), range(2))]),
    ],
)
def test_one_insertion_removal_or_change_is_one_gap(left: str, right: str, expected: list[Gap]) -> None:
    assert gaps(left, right) == expected


@settings(deadline=None, derandomize=True)
@given(st.text("abc", max_size=24), st.text("abc", max_size=24))
def test_what_is_common_is_equal_and_the_longest_there_is(left: str, right: str) -> None:
    from_left, from_right = kept(left, right)
    assert from_left == from_right
    assert len(from_left) == longest_common(left, right)


@settings(deadline=None, derandomize=True)
@given(st.text("abcde", max_size=24), st.text("abcde", max_size=24))
def test_gaps_are_in_order_never_empty_and_never_touch(left: str, right: str) -> None:
    found = gaps(left, right)
    assert all(gap.left or gap.right for gap in found)
    for one, following in pairwise(found):
        assert one.left.stop < following.left.start
        assert one.right.stop < following.right.start


def test_an_insertion_into_ten_thousand_members_is_one_gap() -> None:
    left = list(range(10_000))
    right = [*left[:5_000], -1, *left[5_000:]]
    assert gaps(left, right) == [Gap(range(5_000, 5_000), range(5_000, 5_001))]


@pytest.mark.timeout(10)
def test_members_that_are_too_far_apart_are_one_gap_between_the_common_ends() -> None:
    changed = MOST_EDITS
    left = [("same", 0), *(("left", at % 7) for at in range(changed * 50)), ("same", 1)]
    right = [("same", 0), *(("right", at % 5) for at in range(changed * 50)), ("same", 1)]
    assert gaps(left, right) == [Gap(range(1, len(left) - 1), range(1, len(right) - 1))]
