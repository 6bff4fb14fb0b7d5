"""The pairs are what they are called; rates and ratios are medians; every bar is asked for."""

import json

import pytest

from abreast.bench.compare import (
    BARS_PER_S,
    ONE,
    PAIRS,
    REORDERED,
    SAME,
    SIZES_KB,
    TEN,
    Measured,
    Sizes,
    Summary,
    answers,
    document,
    measure,
    summary,
)
from abreast.compare.exchange import compare
from abreast.compare.model import Kind


@pytest.mark.parametrize("kb", SIZES_KB)
@pytest.mark.parametrize("pair", PAIRS)
def test_a_pair_has_as_many_differences_as_its_kind_says(kb: int, pair: str) -> None:
    for left, right in answers(kb, pair):
        found = compare(left, right)

        assert len(found) == PAIRS[pair]
        assert {each.kind for each in found} <= {Kind.CHANGED}
        assert all(each.path.endswith("/price") for each in found)


@pytest.mark.parametrize("kb", SIZES_KB)
def test_documents_are_of_their_size_and_all_different(kb: int) -> None:
    bodies = {left.body for left, _ in answers(kb, SAME)}

    assert len(bodies) == len(answers(kb, SAME))
    assert all(kb * 1024 <= len(body) < kb * 1024 + 300 for body in bodies)


def test_only_equal_bytes_can_be_told_without_reading() -> None:
    for left, right in answers(2, REORDERED):
        assert left.body != right.body
        assert json.loads(left.body) == json.loads(right.body)
        assert list(json.loads(left.body)) == list(reversed(json.loads(right.body)))
    assert all(left.body == right.body for left, right in answers(2, SAME))


def test_a_small_document_still_has_ten_lines_to_change() -> None:
    made = document(10, seed=1)

    assert len(made["lines"]) == 10
    assert made == document(10, seed=1)
    assert made != document(10, seed=2)


def test_a_summary_is_of_its_own_kind_and_takes_ratios_within_a_round() -> None:
    found = [
        Measured(2, ONE, 0, per_s=1000.0, reading_per_s=4000.0),
        Measured(2, ONE, 1, per_s=2000.0, reading_per_s=4000.0),
        Measured(2, ONE, 2, per_s=3000.0, reading_per_s=3000.0),
        Measured(50, ONE, 0, per_s=9.0, reading_per_s=900.0),
        Measured(2, TEN, 0, per_s=9.0, reading_per_s=900.0),
    ]

    assert summary(2, ONE, found) == Summary(2, ONE, per_s=2000.0, times_reading=2.0, bar_per_s=1500.0)
    assert summary(50, ONE, found) == Summary(50, ONE, per_s=9.0, times_reading=100.0, bar_per_s=0.0)


def test_a_bar_is_missed_below_it_and_met_at_it() -> None:
    assert BARS_PER_S == {(2, SAME): 5000, (2, REORDERED): 5000, (2, ONE): 1500, (2, TEN): 1500}
    assert Summary(2, TEN, 1500.0, 5.0, 1500.0).met
    assert not Summary(2, TEN, 1499.0, 5.0, 1500.0).met
    assert Summary(50, TEN, 1.0, 5.0, 0.0).met


def test_every_kind_is_measured_in_every_round_from_another_one_on() -> None:
    lines: list[str] = []

    found = measure(Sizes(rounds=2, slice_s=0.01), lines.append)

    kinds = [(kb, pair) for kb in SIZES_KB for pair in PAIRS]
    visited = [[(each.kb, each.pair) for each in found.measured if each.round == number] for number in (0, 1)]
    assert visited == [kinds, [*kinds[1:], kinds[0]]]
    assert [(each.kb, each.pair) for each in found.summaries] == kinds
    by_kind = {(each.kb, each.pair): each for each in found.summaries}
    assert by_kind[2, SAME].per_s > 5 * by_kind[2, REORDERED].per_s
    assert by_kind[2, ONE].per_s > 3 * by_kind[50, ONE].per_s
    assert by_kind[2, ONE].times_reading > 1
    assert lines == ["round 1 of 2: 8 kinds of pairs", "round 2 of 2: 8 kinds of pairs"]
    told = json.loads(json.dumps(found.as_dict()))
    assert told["met"] is all(each.met for each in found.summaries)
    assert len(told["measured"]) == 16
