"""What all counts keep: the same suite over the fake, readings of an Envoy, and what several gateways hand in."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace

import pytest

from abreast.analysis.tick import Side
from abreast.envoy.counts import EnvoyCounts, Totals
from abreast.nodes.counts import NodeCounts
from abreast.nodes.second import NodeSecond, VersionSecond
from abreast.operations.control import UserCounts
from abreast.ports import Latencies, VersionCounts
from abreast.rollout.observed import Tally
from tests.fakes.clock import FakeClock
from tests.fakes.counts import FakeCounts

BEGIN = 1000.0


class World(ABC):
    """Counts, and a hand that makes traffic."""

    def __init__(self) -> None:
        self.clock = FakeClock(BEGIN)

    counts: UserCounts

    @abstractmethod
    def tick(self, version: str, codes: Mapping[int, int], in_flight: int = 0) -> None:
        """Another second, and what the version answered in it, 10 ms each."""


class FakeWorld(World):
    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeCounts(self.clock, since=BEGIN)
        self.counts = self.fake

    def tick(self, version: str, codes: Mapping[int, int], in_flight: int = 0) -> None:
        self.clock.time += 1.0
        self.fake.add(version, codes, in_flight=in_flight)
        for code, count in codes.items():
            self.fake.users[code] = self.fake.users.get(code, 0) + count


class EnvoyWorld(World):
    """Totals that only grow, as Envoy's do."""

    def __init__(self) -> None:
        super().__init__()
        self.envoy = EnvoyCounts(self.clock)
        self.counts = self.envoy
        self.attempts: dict[str, dict[int, int]] = {}
        self.in_flight: dict[str, int] = {}

    def tick(self, version: str, codes: Mapping[int, int], in_flight: int = 0) -> None:
        self.clock.time += 1.0
        totals = self.attempts.setdefault(version, {})
        for code, count in codes.items():
            totals[code] = totals.get(code, 0) + count
        self.in_flight[version] = in_flight
        attempts = {name: dict(answers) for name, answers in self.attempts.items()}
        latencies = {name: {10_000: sum(answers.values())} for name, answers in attempts.items()}
        self.envoy.feed("envoy-1", Totals(attempts, attempts, latencies, dict(self.in_flight)))


class NodesWorld(World):
    """Two gateways, one of them without users; each second is told as soon as it was counted."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes = NodeCounts(self.clock)
        self.counts = self.nodes
        self.versions: dict[str, VersionSecond] = {}
        self.number = 0

    def tick(self, version: str, codes: Mapping[int, int], in_flight: int = 0) -> None:
        self.clock.time += 1.0
        counts = VersionCounts(dict(codes), Latencies({10_000: sum(codes.values())} if codes else {}), in_flight)
        before = self.versions.get(version, VersionSecond())
        begun = counts.requests + in_flight > before.counts.in_flight
        last = self.clock.now() if begun else before.last_request_at
        idle = {
            name: VersionSecond(VersionCounts(in_flight=each.counts.in_flight), last_request_at=each.last_request_at)
            for name, each in self.versions.items()
        }
        self.versions = {**idle, version: VersionSecond(counts, last_request_at=last)}
        nothing = {name: VersionSecond() for name in self.versions}
        self.number += 1
        for node, versions in (("a", self.versions), ("b", nothing)):
            second = NodeSecond(node, BEGIN, self.number, self.clock.now() + 1.0, versions, dict(codes))
            if node == "a":
                self.nodes.hand_in([second])
            else:
                self.nodes.take([replace(second, users={})])


@pytest.fixture(params=[FakeWorld, EnvoyWorld, NodesWorld], ids=["fake", "envoy", "nodes"])
def world(request: pytest.FixtureRequest) -> World:
    made: World = request.param()
    return made


def test_they_say_since_when_they_are_complete(world: World) -> None:
    world.clock.time += 100
    assert world.counts.since == BEGIN


def test_a_stream_that_stays_open_or_ends_is_no_new_request(world: World) -> None:
    def last() -> float | None:
        return world.counts.tally(BEGIN)["v1"].last_request_at

    world.tick("v1", {}, in_flight=2)
    assert last() == BEGIN + 1
    world.tick("v1", {}, in_flight=2)
    world.tick("v1", {200: 1}, in_flight=1)
    assert last() == BEGIN + 1
    world.tick("v1", {200: 1}, in_flight=1)
    assert last() == BEGIN + 4, "one came and one went"


def test_before_any_traffic_there_is_nothing(world: World) -> None:
    assert dict(world.counts.tally(BEGIN)) == {}
    assert dict(world.counts.recent(10.0)) == {}
    assert dict(world.counts.users) == {}
    assert world.counts.waiting("v1", 1.0) == 0


def test_requests_and_errors_add_up_per_version(world: World) -> None:
    world.tick("v1", {200: 8, 404: 1, 500: 1})
    world.tick("v2", {200: 3, 0: 2})
    world.tick("v1", {200: 10})
    tally = world.counts.tally(BEGIN)
    assert (tally["v1"].requests, tally["v1"].errors) == (20, 1)
    assert (tally["v2"].requests, tally["v2"].errors) == (5, 2)


def test_a_tally_begins_right_after_its_moment(world: World) -> None:
    for count in (1, 10, 100):
        world.tick("v1", {200: count})
    spans = [world.counts.tally(BEGIN + second)["v1"].requests for second in (-50, 0, 1, 1.5, 2, 3, 50)]
    assert spans == [111, 111, 110, 110, 100, 0, 0]


def test_what_is_in_flight_and_when_the_last_request_was_seen_do_not_depend_on_the_span(world: World) -> None:
    world.tick("v2", {200: 5}, in_flight=3)
    world.tick("v2", {}, in_flight=0)
    assert world.counts.tally(BEGIN + 50)["v2"] == Tally(0, 0, in_flight=0, last_request_at=BEGIN + 1)
    world.tick("v2", {}, in_flight=2)
    assert world.counts.tally(BEGIN + 50)["v2"] == Tally(0, 0, in_flight=2, last_request_at=BEGIN + 3)


def test_the_recent_past_has_codes_and_latencies(world: World) -> None:
    world.tick("v1", {200: 100})
    world.clock.time += 20
    world.tick("v1", {200: 4, 503: 1}, in_flight=2)
    recent = world.counts.recent(10.0)["v1"]
    assert dict(recent.codes) == {200: 4, 503: 1}
    assert (recent.latencies.count, recent.latencies.quantile(0.99), recent.in_flight) == (5, 10.0, 2)


def test_what_users_got_is_counted_apart(world: World) -> None:
    world.tick("v1", {200: 4})
    world.tick("v2", {200: 1, 503: 1})
    assert dict(world.counts.users) == {200: 5, 503: 1}


def test_a_second_is_told_once_it_is_over(world: World) -> None:
    world.tick("v2", {200: 8, 404: 1, 500: 1})
    assert list(world.counts.seconds(BEGIN)) == []
    world.tick("v2", {200: 1, 0: 2})
    assert [(at, sides["v2"]) for at, sides in world.counts.seconds(BEGIN)] == [(BEGIN + 2, Side(10, 1, {10_000: 10}))]
    world.tick("v2", {})
    ended = world.counts.seconds(BEGIN)
    assert [(at, sides["v2"].requests, sides["v2"].errors) for at, sides in ended] == [
        (BEGIN + 2, 10, 1),
        (BEGIN + 3, 3, 2),
    ]


def test_seconds_are_asked_for_from_the_last_one_on(world: World) -> None:
    for count in (1, 10, 100, 1000):
        world.tick("v1", {200: count})
    for since, told in ((BEGIN + 1, [1, 10, 100]), (BEGIN + 2, [10, 100]), (BEGIN + 3.5, [100]), (BEGIN + 4, [])):
        assert [sides["v1"].requests for _, sides in world.counts.seconds(since)] == told, since


def test_both_versions_are_told_in_the_same_second(world: World) -> None:
    world.tick("v1", {200: 4})
    world.clock.time -= 1.0
    world.tick("v2", {200: 1, 503: 1})
    world.tick("v1", {200: 1})
    [(at, sides)] = world.counts.seconds(BEGIN)
    assert (at, sides["v1"].requests, sides["v2"].requests, sides["v2"].errors) == (BEGIN + 2, 4, 2, 1)
