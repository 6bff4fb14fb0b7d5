"""Ticks: through JSON and back, and two gateways' as one's."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.analysis.tick import WAITING_S, Side, Tick

sides = st.builds(
    Side,
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.dictionaries(st.integers(0, 10**8), st.integers(1, 10**6), max_size=6),
    st.lists(st.integers(0, 500), min_size=len(WAITING_S), max_size=len(WAITING_S)).map(tuple),
)
ticks = st.builds(Tick, st.floats(0, 4e9), sides, sides, st.booleans(), st.booleans())


@given(ticks)
def test_through_json_and_back(tick: Tick) -> None:
    assert Tick.from_json(orjson.loads(orjson.dumps(tick.as_json()))) == tick


def test_as_json_it_is_short() -> None:
    quiet = Tick(1_800_000_000.0, Side(2, 0, {1200: 1, 990: 1}), Side())
    assert orjson.dumps(quiet.as_json()) == (
        b'{"at":1800000000.0,"candidate":[2,0,[990,1,1200,1],[]],"stable":[0,0,[],[]]}'
    )
    assert quiet.as_json().keys().isdisjoint({"warming", "alone"})
    assert Tick(1.0, warming=True, alone=True).as_json()["warming"] is True


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"at": 1.0, "candidate": [1, 0, []], "stable": [0, 0, [], []]},
        {"at": 1.0, "candidate": [1, 0, [5], []], "stable": [0, 0, [], []]},
        {"at": 1.0, "candidate": ["many", 0, [], []], "stable": [0, 0, [], []]},
        {"at": None, "candidate": [1, 0, [], []], "stable": [0, 0, [], []]},
    ],
)
def test_anything_else_is_refused(data: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, IndexError)):
        Tick.from_json(data)


def test_two_gateways_of_the_same_second_are_one() -> None:
    waiting = (4, 3, 2, 1, 0, 0, 0, 0, 0)
    one = Tick(7.0, Side(5, 1, {990: 4, 1000: 1}, waiting), Side(90, 2, {990: 90}))
    other = Tick(7.2, Side(1, 1, {1000: 1}, waiting), Side(9, 0, {1100: 9}), warming=True)
    both = one + other
    assert both.at == 7.2
    assert both.candidate == Side(6, 2, {990: 4, 1000: 2}, (8, 6, 4, 2, 0, 0, 0, 0, 0))
    assert both.stable == Side(99, 2, {990: 90, 1100: 9})
    assert both.warming
    assert one.candidate.latencies == {990: 4, 1000: 1}


@pytest.mark.parametrize(("one", "other", "both"), [(True, True, True), (True, False, False), (False, False, False)])
def test_stable_has_no_traffic_where_no_gateway_gives_it_any(*, one: bool, other: bool, both: bool) -> None:
    assert (Tick(1.0, alone=one) + Tick(1.0, alone=other)).alone is both


@given(ticks, ticks, ticks)
def test_in_whatever_order_gateways_are_added(one: Tick, two: Tick, three: Tick) -> None:
    assert (one + two) + three == three + (two + one)
