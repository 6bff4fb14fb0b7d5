"""What all gateways did, made of what each hands in; what all counts keep is in tests/contracts/test_counts.py."""

from dataclasses import dataclass, field, replace

import pytest

from abreast.nodes.counts import MEMORY_S, NodeCounts, aligned
from abreast.nodes.joined import PRESENT_S
from abreast.nodes.second import NodeSecond
from abreast.rollout.observed import Tally
from tests.fakes.clock import FakeClock
from tests.nodes.seconds import BEGIN, second


@dataclass
class Server:
    """Server a's counts: its own gateway is a."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(BEGIN))
    counts: NodeCounts = field(init=False)

    def __post_init__(self) -> None:
        self.counts = NodeCounts(self.clock)

    def at(self, seconds: float) -> None:
        self.clock.time = BEGIN + seconds

    def tally(self, since: float = BEGIN) -> Tally:
        return self.counts.tally(since).get("v2", Tally())


@pytest.fixture
def server() -> Server:
    return Server()


def test_all_gateways_are_summed(server: Server) -> None:
    server.at(1.2)
    server.counts.hand_in([second("a", 1, 10, 1, in_flight=2)])
    server.counts.take([second("b", 1, 5, 2, in_flight=3), second("c", 1, 1)])
    assert server.tally() == Tally(16, 3, 5, BEGIN + 0.5)
    assert server.counts.users == {200: 13, 500: 3}
    assert server.counts.waiting("v2", 1.5) == 5
    assert server.counts.recent(10.0)["v2"].requests == 16
    [(at, sides)] = server.counts.seconds(BEGIN)
    assert (at, sides["v2"].requests, sides["v2"].errors, sides["v2"].waiting[0]) == (BEGIN + 1, 16, 3, 5)


def test_a_second_counts_once_whichever_way_and_however_often_it_comes(server: Server) -> None:
    own, other = second("a", 1, 10), second("b", 1, 5)
    server.at(1.2)
    assert server.counts.hand_in([own]) == [own]
    assert server.counts.take([own, other, other]) == [other]
    assert server.counts.take([other]) == []
    assert server.tally().requests == 15


def test_only_the_gateways_that_hand_in_here_are_exposed_here(server: Server) -> None:
    server.counts.hand_in([second("a", 1, 10, in_flight=1), second("edge", 1, 2, in_flight=1)])
    server.counts.take([second("b", 1, 5, in_flight=7)])
    exposed = server.counts.cumulative()["v2"]
    assert (exposed.requests, exposed.in_flight) == (12, 2)
    assert server.counts.exposed_users == {200: 12}


def test_what_a_gateway_that_is_silent_had_in_flight_is_not_known_any_more(server: Server) -> None:
    server.at(1.0)
    server.counts.hand_in([second("a", 1, 1, in_flight=2)])
    server.counts.take([second("b", 1, 1, in_flight=3)])
    server.at(1.0 + PRESENT_S)
    server.counts.hand_in([second("a", 6, 1, in_flight=2)])
    assert server.tally().in_flight == 2
    assert server.tally().requests == 3, "what it did stays"


def test_the_last_request_is_that_of_any_gateway(server: Server) -> None:
    server.at(3.0)
    server.counts.take([second("b", 3, 1)])
    server.counts.hand_in([second("a", 1, 1), second("a", 2)])
    assert server.tally().last_request_at == BEGIN + 2.5


def test_counts_are_complete_once_every_gateway_tells_without_a_gap(server: Server) -> None:
    server.counts.hand_in([second("a", 1)])
    assert server.counts.since == BEGIN
    server.counts.take([second("b", 7), second("b", 8)])
    assert server.counts.since == BEGIN + 6, "what b did before was not heard of"
    server.counts.take([second("b", 10)])
    assert server.counts.since == BEGIN + 9, "its ninth second is missing"
    server.counts.take([second("b", 1, since=BEGIN + 20)])
    assert server.counts.since == BEGIN + 20, "it counts anew"
    server.at(30.0)
    server.counts.missed()
    assert server.counts.since == BEGIN + 30


def test_seconds_of_an_earlier_start_still_count_and_do_not_stand_for_the_present(server: Server) -> None:
    server.at(21.0)
    server.counts.hand_in([second("a", 1, 10, in_flight=1, since=BEGIN + 20)])
    assert len(server.counts.take([second("a", 18, 5, in_flight=9), second("a", 19, 5, in_flight=9)])) == 2
    assert (server.tally().requests, server.tally().in_flight) == (20, 1)


def test_a_gateway_whose_clock_was_set_back_goes_on_once_its_earlier_start_is_silent(server: Server) -> None:
    server.counts.take([second("b", 1, 5, in_flight=9)])
    server.at(PRESENT_S + 1)
    server.counts.take([second("b", 1, 5, in_flight=1, since=BEGIN - 3600)])
    assert (server.tally(0.0).requests, server.tally().in_flight) == (10, 1)


def test_who_decides_from_now_on_weighs_what_nobody_has_weighed(server: Server) -> None:
    for number in range(1, 9):
        server.at(number + 0.2)
        server.counts.hand_in([second("a", number, 10)])
        server.counts.take([second("b", number, 1)])
    server.counts.rejoin(BEGIN + 5)
    assert [(at - BEGIN, sides["v2"].requests) for at, sides in server.counts.seconds(BEGIN + 5)] == [
        (6, 11),
        (7, 11),
        (8, 11),
    ]
    server.counts.take([second("c", 5, 100)])
    assert len(server.counts.seconds(BEGIN + 5)) == 3, "it may have been weighed before"


def test_tallies_reach_back_and_no_further(server: Server) -> None:
    for number in range(1, int(3 * MEMORY_S), 60):
        server.at(number)
        server.counts.hand_in([second("a", number, 1)])
    recent = server.tally(server.clock.time - 600).requests
    assert recent == 10
    assert MEMORY_S / 60 <= server.tally().requests <= 2 * MEMORY_S / 60 + 2


def test_a_clock_that_was_set_back_does_not_stop_the_counting(server: Server) -> None:
    server.at(100)
    server.counts.hand_in([second("a", 100, 1)])
    server.at(10)
    server.counts.hand_in([NodeSecond("a", BEGIN, 101, BEGIN + 10, second("a", 1, 2).versions)])
    assert server.tally(BEGIN + 9).requests == 3
    server.at(12)
    server.counts.hand_in([NodeSecond("a", BEGIN, 102, BEGIN + 12, second("a", 1, 4).versions)])
    assert server.tally(BEGIN + 11).requests == 4


@pytest.mark.parametrize(("now", "ago_s", "at"), [(2000.4, 0.3, 2000.0), (2000.4, 5.9, 1995.0)])
def test_clocks_that_agree_are_taken_as_they_are(now: float, ago_s: float, at: float) -> None:
    told = NodeSecond("b", BEGIN, 1, at)
    assert aligned(told, ago_s, now) is told


def test_a_clock_that_is_off_is_corrected_by_whole_seconds() -> None:
    told = second("b", 61, 1)
    assert aligned(told, 0.3, BEGIN + 1.4).at == BEGIN + 1
    assert aligned(told, 0.3, BEGIN + 3600.2).versions["v2"].last_request_at == BEGIN + 3599.5


class TestCaptures:
    """What became of copies is told once, for the ledger."""

    def test_of_all_nodes_and_each_once(self) -> None:
        counts = NodeCounts(FakeClock(BEGIN + 3))
        one = replace(second("a", 1), captures={"captured": 3, "method": 1})
        counts.hand_in([one])
        counts.take([one, replace(second("b", 1), captures={"captured": 2})])
        assert counts.take_captures() == {"captured": 5, "method": 1}
        assert counts.take_captures() == {}

    def test_who_decides_from_now_on_counts_from_where_it_begins(self) -> None:
        counts = NodeCounts(FakeClock(BEGIN + 3))
        counts.hand_in([replace(second("a", number), captures={"captured": number}) for number in (1, 2)])
        counts.rejoin(BEGIN + 1)
        assert counts.take_captures() == {"captured": 2}
