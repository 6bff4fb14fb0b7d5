"""Seconds on their way: nothing is lost while the store is away, and nothing comes twice."""

from dataclasses import dataclass, field

import pytest

from abreast.app.delivery import Delivery
from abreast.nodes.joined import KEPT_S
from abreast.nodes.second import NodeSecond
from abreast.store.node_seconds import Told
from tests.fakes.clock import FakeClock
from tests.fakes.counting import FakeCounting
from tests.nodes.seconds import BEGIN, second


@dataclass
class Server:
    """Server a with its own gateway."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(BEGIN))
    own: FakeCounting = field(default_factory=FakeCounting)

    def __post_init__(self) -> None:
        self.delivery = Delivery("a", self.own, self.clock)

    def counts(self, number: int, requests: int = 10) -> None:
        """Its own gateway's second of that number is over."""
        self.clock.time = BEGIN + number + 0.1
        self.own.seconds.append(second("", number, requests))
        self.delivery.collect()

    @property
    def requests(self) -> int:
        return self.delivery.counts.tally(0.0)["v2"].requests


@pytest.fixture
def server() -> Server:
    return Server()


def named(seconds: object) -> list[tuple[str, int]]:
    assert isinstance(seconds, tuple)
    return [(each.node, each.number) for each in seconds if isinstance(each, NodeSecond)]


def test_its_own_gateways_seconds_count_at_once_and_wait_until_they_are_written(server: Server) -> None:
    server.counts(1)
    server.counts(2)
    server.delivery.collect()
    assert server.requests == 20
    waiting = server.delivery.unwritten
    assert named(waiting) == [("a", 1), ("a", 2)]
    server.counts(3)
    server.delivery.written(waiting)
    assert named(server.delivery.unwritten) == [("a", 3)]


def test_what_another_gateway_hands_in_goes_the_same_way(server: Server) -> None:
    server.clock.time = BEGIN + 1.1
    server.delivery.hand_in([second("edge", 1, 7)])
    server.delivery.hand_in([second("edge", 1, 7)])
    server.counts(1)
    assert server.requests == 17
    assert named(server.delivery.unwritten) == [("edge", 1), ("a", 1)]


def test_what_could_not_be_written_for_two_minutes_is_given_up(server: Server) -> None:
    for number in range(1, int(KEPT_S) + 10):
        server.counts(number)
    assert named(server.delivery.unwritten)[0] == ("a", 10)
    assert server.requests == 10 * (KEPT_S + 9), "here it counts"


def test_what_is_read_is_read_on_from_there_and_its_own_does_not_count_again(server: Server) -> None:
    server.counts(1)
    server.delivery.read([Told(7, 0.2, second("a", 1, 10)), Told(9, 0.2, second("b", 1, 5))])
    assert (server.requests, server.delivery.read_to) == (15, 9)
    server.delivery.read([])
    assert server.delivery.read_to == 9


def test_a_clock_that_is_off_does_no_harm(server: Server) -> None:
    server.counts(1)
    server.delivery.read([Told(1, 0.1, second("b", 1, 5, since=BEGIN + 3600))])
    [(at, sides)] = server.delivery.counts.seconds(BEGIN)
    assert (at, sides["v2"].requests) == (BEGIN + 1, 15)


def test_after_two_minutes_without_the_store_complete_counts_begin_anew(server: Server) -> None:
    server.delivery.read([])
    server.clock.time += KEPT_S - 1
    server.delivery.read([])
    assert server.delivery.counts.since == BEGIN
    server.clock.time += KEPT_S + 1
    server.delivery.read([])
    assert server.delivery.counts.since == server.clock.time
