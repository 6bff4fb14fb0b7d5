"""Seconds of several nodes become one each: whole, or after a grace; late ones with the next."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.nodes.joined import GRACE_S, KEPT_S, PRESENT_S, Joined
from tests.nodes.seconds import BEGIN, second


@dataclass
class Reader:
    """Who joins, at a time that a test sets."""

    now: float = BEGIN
    joined: Joined = field(default_factory=lambda: Joined(BEGIN))

    def hears(self, node: str, number: int, requests: int = 0) -> None:
        self.joined.add(second(node, number, requests), self.now)

    def told(self, since: float = 0.0) -> list[tuple[float, int]]:
        return [(at - BEGIN, sides["v2"].requests) for at, sides in self.joined.since(since, self.now)]


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_a_second_is_whole_once_all_that_are_there_have_told_it(reader: Reader) -> None:
    for number in (1, 2):
        reader.now = BEGIN + number + 0.2
        reader.hears("a", number, 10)
        reader.hears("b", number, 5)
    assert reader.told() == [(1, 15), (2, 15)]
    reader.now = BEGIN + 3.2
    reader.hears("a", 3, 10)
    assert reader.told(BEGIN + 2) == []
    reader.hears("b", 3, 7)
    assert reader.told(BEGIN + 2) == [(3, 17)]


def test_nobody_is_waited_for_past_the_grace_and_what_comes_late_is_told_with_the_next(reader: Reader) -> None:
    reader.now = BEGIN + 1.2
    reader.hears("a", 1, 10)
    reader.hears("b", 1, 1)
    assert reader.told() == [(1, 11)]
    for number in (2, 3):
        reader.now = BEGIN + number + 0.2
        reader.hears("a", number, 10)
    assert reader.told(BEGIN + 1) == []
    reader.now = BEGIN + 2 + GRACE_S
    assert reader.told(BEGIN + 1) == [(2, 10)]
    reader.hears("b", 2, 1)
    reader.hears("b", 3, 2)
    assert reader.told(BEGIN + 2) == [(3, 13)]
    assert reader.told() == [(1, 11), (2, 10), (3, 13)], "what was told stays as it was"


def test_who_is_not_there_any_more_is_not_waited_for(reader: Reader) -> None:
    reader.hears("b", 0)
    reader.now = BEGIN + PRESENT_S + 1.1
    reader.hears("a", int(PRESENT_S) + 1, 10)
    assert reader.told() == [(PRESENT_S + 1, 10)]


def test_a_node_that_left_a_second_out_is_not_waited_for_in_it(reader: Reader) -> None:
    reader.now = BEGIN + 2.1
    for number in (1, 2):
        reader.hears("a", number, 10)
    reader.hears("b", 2, 4)
    assert reader.told() == [(1, 10), (2, 14)]


def test_a_second_that_is_not_over_is_not_told(reader: Reader) -> None:
    reader.now = BEGIN + 0.9
    reader.hears("a", 1, 10)
    assert reader.told() == []


def test_what_was_weighed_before_is_not_told_again(reader: Reader) -> None:
    reader.joined = Joined(BEGIN + 2.6)
    reader.now = BEGIN + 4.2
    for number in (1, 2, 3, 4):
        reader.hears("a", number, 10)
        reader.hears("b", number, 1)
    assert reader.told() == [(3, 11), (4, 11)]


def test_what_nobody_asks_for_is_forgotten(reader: Reader) -> None:
    for number in range(1, 400):
        reader.now = BEGIN + number
        reader.hears("a", number, 1)
    assert len(reader.told()) == KEPT_S + 1


def test_where_the_clock_was_set_back_it_goes_on_from_there(reader: Reader) -> None:
    for number in (100, 101):
        reader.now = BEGIN + number
        reader.hears("a", number, 1)
    assert reader.told() == [(100, 1), (101, 1)]
    reader.now = BEGIN + 10.2
    assert reader.told(BEGIN + 10) == []
    for number in (11, 12):
        reader.now = BEGIN + number + 0.2
        reader.hears("a", number, 5)
        assert reader.told(BEGIN + number - 1) == [(number, 5)]


arrivals = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 12)), max_size=40, unique=True)
"""Which node's second is heard of next."""
pauses = st.lists(st.floats(0.0, 3.0), min_size=40, max_size=40)


@given(arrivals, pauses)
@settings(deadline=None)
def test_in_whatever_order_they_come_each_is_told_once(order: list[tuple[str, int]], waits: list[float]) -> None:
    reader, asked_until, got = Reader(), BEGIN, 0
    for (node, number), pause_s in zip(order, waits, strict=False):
        reader.now = max(reader.now + pause_s, BEGIN + number)
        reader.hears(node, number, number)
        for at, requests in reader.told(asked_until):
            assert BEGIN + at > asked_until
            asked_until, got = BEGIN + at, got + requests
    reader.now += len(order) + GRACE_S + PRESENT_S
    got += sum(requests for _, requests in reader.told(asked_until))
    assert got == sum(number for _, number in order)
