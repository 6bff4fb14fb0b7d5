"""Rows are put back in an order in which nothing is missing; those that need each other together."""

import random

import pytest

from abreast.schema.repair import Undo, Verdict
from abreast.schema.undo_order import groups
from tests.fakes.journal_entries import ITEMS


def row(number: int, *needs: int, verdict: Verdict = Verdict.CLEAN) -> Undo:
    return Undo(number, ITEMS, str(number), verdict, None, "{}", needs=needs)


def order(*rows: Undo) -> list[set[int]]:
    return [{undo.id for undo in group} for group in groups(rows)]


def test_as_given_when_nobody_needs_anybody() -> None:
    assert order(row(3), row(1), row(2)) == [{3}, {1}, {2}]


def test_needs_come_first() -> None:
    assert order(row(3, 1), row(2), row(1, 2)) == [{2}, {1}, {3}]


def test_a_circle_is_one_group_behind_what_it_needs() -> None:
    assert order(row(1, 2), row(2, 3), row(3, 1, 4), row(4), row(5, 3)) == [{4}, {1, 2, 3}, {5}]


def test_only_clean_rows_are_put_back() -> None:
    assert order(row(1, 2), row(2, verdict=Verdict.REPAIRED), row(3, verdict=Verdict.DEPENDENT)) == [{1}]


def test_a_long_chain_needs_no_recursion() -> None:
    length = 50_000
    made = order(*(row(number, number + 1) for number in range(length)), row(length))
    assert made == [{number} for number in range(length, -1, -1)]


@pytest.mark.parametrize("seed", range(30))
def test_every_row_once_and_never_before_what_it_needs(seed: int) -> None:
    chance = random.Random(seed)
    rows = [row(number, *chance.sample(range(30), chance.randrange(3))) for number in range(30)]
    made = order(*rows)
    place = {number: index for index, group in enumerate(made) for number in group}
    assert sorted(place) == list(range(30))
    assert sum(map(len, made)) == 30
    assert all(place[need] <= place[undo.id] for undo in rows for need in undo.needs)
    # Together only when each can be reached from each other.
    reach = {undo.id: reached(undo.id, {each.id: each.needs for each in rows}) for undo in rows}
    for group in made:
        assert all(two in reach[one] for one in group for two in group if one != two)


def reached(start: int, needs: dict[int, tuple[int, ...]]) -> set[int]:
    found: set[int] = set()
    left = [start]
    while left:
        following = set(needs[left.pop()]) - found
        found |= following
        left += following
    return found
