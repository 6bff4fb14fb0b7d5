"""What a node hands in: it comes back from JSON as it went in, and is short."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.analysis.tick import WAITING_S, Side
from abreast.nodes.second import NOBODY, NodeSecond, VersionSecond
from abreast.ports import Latencies, VersionCounts

few = st.integers(0, 10_000)
counted = st.dictionaries(st.integers(0, 999), few, max_size=6)
versions = st.builds(
    VersionSecond,
    st.builds(VersionCounts, counted, st.builds(Latencies, st.dictionaries(few, few, max_size=6)), few),
    st.tuples(*[few] * len(WAITING_S)),
    st.none() | st.floats(0, 2e9),
)
seconds = st.builds(
    NodeSecond,
    st.text(max_size=5),
    st.floats(0, 2e9),
    st.integers(1, 2**40),
    st.integers(0, 2**31).map(float),
    st.dictionaries(st.text(max_size=5), versions, max_size=3),
    counted,
    st.dictionaries(st.text(max_size=5), few, max_size=3),
)

ONE = NodeSecond(
    "b",
    100.25,
    7,
    108.0,
    {
        "v1": VersionSecond(VersionCounts({200: 8, 404: 1, 503: 2, 0: 1}, Latencies({900: 12}), 3), NOBODY, 107.5),
        "v2": VersionSecond(),
    },
    {200: 8, 503: 1},
)


@given(seconds)
@settings(max_examples=50, deadline=None)
def test_a_second_comes_back_from_json_as_it_went_in(second: NodeSecond) -> None:
    assert NodeSecond.from_json(orjson.loads(orjson.dumps(second.as_json()))) == second


def test_what_verdicts_are_made_from_has_failures_and_what_waits() -> None:
    waiting = (3, 2, *NOBODY[2:])
    second = VersionSecond(ONE.versions["v1"].counts, waiting)
    assert second.side == Side(12, 3, {900: 12}, waiting)
    assert ONE.sides["v2"] == Side()


def test_a_version_that_did_nothing_takes_a_few_bytes() -> None:
    assert VersionSecond().as_json() == [[], [], 0, [], None]


def test_another_clock_tells_other_times_of_the_same_second() -> None:
    moved = ONE.shifted(-60.0)
    assert (moved.at, moved.versions["v1"].last_request_at) == (48.0, 47.5)
    assert moved.versions["v2"] == ONE.versions["v2"]
    assert (moved.node, moved.since, moved.number, moved.users) == (ONE.node, ONE.since, ONE.number, ONE.users)
    assert ONE.shifted(0.0) is ONE


@pytest.mark.parametrize(
    "broken",
    [{}, {**ONE.as_json(), "at": "soon"}, {**ONE.as_json(), "users": [1]}, {**ONE.as_json(), "versions": {"v": []}}],
)
def test_anything_else_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, IndexError)):
        NodeSecond.from_json(broken)


def test_ages_of_another_release_are_refused_rather_than_taken_for_ours() -> None:
    with pytest.raises(ValueError, match="2 ages where 9"):
        VersionSecond.from_json([[], [], 4, [4, 1], None])
