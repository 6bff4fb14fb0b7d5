"""Axes that can be read: nice ends, round moments, and distributions on a logarithmic one."""

import pytest

from tests.dashboard.modules import Script, call

SAME = Script("(value) => value")


@pytest.mark.parametrize(
    ("value", "least", "top"),
    [(0, 1, 1), (0.4, 1, 1), (1.2, 1, 2), (3, 1, 5), (7, 1, 10), (612, 1, 1000), (200, 1, 200), (0.0312, 0.001, 0.05)],
)
def test_the_top_of_an_axis_is_a_round_number(value: float, least: float, top: float) -> None:
    assert call("scale", "niceTop", value, least) == pytest.approx(top)


def test_a_distribution_lies_within_its_decades() -> None:
    assert call("scale", "decades", [[[2.0, 10], [150.0, 1]], []]) == [0, 3]
    assert call("scale", "decades", [[[10.0, 10]]]) == [1, 3], "two decades at least"
    assert call("scale", "decades", [[[0.0, 1], [0.2, 3]]]) == [-2, 0]
    assert call("scale", "decades", [[], []]) == [0, 3]
    assert call("scale", "decades", [[[5.0, 0]]]) == [0, 3], "an empty bucket is nothing"


def test_bars_are_shares_of_their_own_side() -> None:
    bars = call("scale", "bars", [[1.0, 30], [10.0, 0], [100.0, 10]])
    assert [bar["share"] for bar in bars] == [0.75, 0.25]
    assert [bar["from"] for bar in bars] == pytest.approx([0, 2])
    assert all(bar["to"] - bar["from"] == pytest.approx(1 / 12) for bar in bars)
    assert call("scale", "bars", []) == []


def test_moments_are_round() -> None:
    assert call("scale", "moments", 61, 300, 60) == [120, 180, 240, 300]


def test_a_path_breaks_where_nothing_was_seen() -> None:
    pairs = [[0, 1], [1, 2], [1, None], [5, 3], [6, None]]
    assert call("scale", "pathOf", pairs, SAME, SAME) == "M0.0 1.0L1.0 2.0M5.0 3.0"
    assert call("scale", "pathOf", [], SAME, SAME) == ""


def test_steps_hold_until_the_next() -> None:
    assert call("scale", "stepsOf", [[0, 5], [2, 7], [9, 7]], SAME, SAME) == "M0.0 5.0H2.0V7.0H9.0V7.0"
