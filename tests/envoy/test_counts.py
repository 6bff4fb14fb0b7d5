"""Counting: Envoy's growing totals become ticks, tallies, and how many wait."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.envoy.counts import MEMORY_S, AdminSocket, EnvoyCounts, Totals, difference, parse
from abreast.rollout.observed import Tally
from tests.fakes.clock import FakeClock

BEGIN = 1000.0

RECORDED: list[dict[str, Any]] = [
    {"name": "cluster_manager.cds.version_text", "value": "4bb2dcd6a9a2"},
    {"name": "att.n.version.v1.2.code.200", "value": 21},
    {"name": "att.n.version.v1.2.code.503", "value": 2},
    {"name": "att.n.version.v2.code.0", "value": 5},
    {"name": "att.n.version.v2.code.200", "value": 19},
    {"name": "cluster.abreast/ads.upstream_rq_active", "value": 1},
    {"name": "cluster.v1.2.upstream_cx_active", "value": 8},
    {"name": "cluster.v1.2.upstream_rq_active", "value": 4},
    {"name": "cluster.v2.upstream_rq_active", "value": 1},
    {"name": "cluster.v2/idempotent.upstream_rq_active", "value": 6},
    {"name": "cluster.v2/timed.upstream_rq_active", "value": 2},
    {"name": "server.live", "value": 1},
    {"name": "usr.n.version..code.503", "value": 3},
    {"name": "usr.n.version.v1.2.code.200", "value": 21},
    {"name": "usr.n.version.v2.code.200", "value": 19},
    {
        "histograms": {
            "supported_percentiles": [0, 50, 99, 100],
            "details": [
                {
                    "name": "att.us.version.v1.2",
                    "totals": [
                        {"lower_bound": 160, "width": 10, "count": 1},
                        {"lower_bound": 490.00000000000006, "width": 10, "count": 20},
                    ],
                    "intervals": [{"lower_bound": 160, "width": 10, "count": 1}],
                    "percentiles": [{"cumulative": 165, "interval": None}],
                },
                {"name": "att.us.version.v2", "totals": [], "intervals": [], "percentiles": []},
                {
                    "name": "cluster_manager.cds.update_duration",
                    "totals": [{"lower_bound": 1, "width": 0.1, "count": 9}],
                },
            ],
        }
    },
]
"""As an Envoy told it after traffic to v1.2 and v2, a few statistics of others among it."""


def admin_answer(stats: Iterable[Mapping[str, Any]]) -> bytes:
    """The body of an answer to ``/stats``."""
    return json.dumps({"stats": list(stats)}).encode()


def test_a_reading_is_by_version_and_code() -> None:
    totals = parse(admin_answer(RECORDED))
    assert totals.attempts == {"v1.2": {200: 21, 503: 2}, "v2": {0: 5, 200: 19}}
    assert totals.users == {"": {503: 3}, "v1.2": {200: 21}, "v2": {200: 19}}
    assert totals.latencies == {"v1.2": {160: 1, 490: 20}, "v2": {}}


def test_both_of_a_version_s_clusters_are_in_flight_and_nothing_else_is() -> None:
    # An aggregate has what its members have once more, and ADS is not a version.
    assert parse(admin_answer(RECORDED)).in_flight == {"v1.2": 4, "v2": 1 + 2}


@pytest.mark.parametrize("written", ["0", "-", ""])
def test_no_answer_is_code_0_however_envoy_writes_it(written: str) -> None:
    totals = parse(admin_answer([{"name": f"att.n.version.v2.code.{written}", "value": 7}]))
    assert totals.attempts == {"v2": {0: 7}}


def test_an_envoy_that_counted_nothing_yet_has_told_nothing() -> None:
    assert parse(admin_answer([])) == Totals()


counts_by_code = st.dictionaries(st.sampled_from([0, 200, 404, 500]), st.integers(0, 1000))


@given(counts_by_code, counts_by_code)
@settings(deadline=None)
def test_a_difference_is_what_was_added(before: dict[int, int], added: dict[int, int]) -> None:
    after = {code: before.get(code, 0) + added.get(code, 0) for code in {**before, **added}}
    assert difference(after, before) == {code: count for code, count in added.items() if count}


@given(counts_by_code, counts_by_code)
@settings(deadline=None)
def test_no_difference_is_ever_negative(before: dict[int, int], after: dict[int, int]) -> None:
    assert all(count >= 0 for count in difference(after, before).values())


def test_what_shrank_began_anew_at_zero() -> None:
    assert difference({200: 3, 500: 8}, {200: 100, 500: 5, 404: 1}) == {200: 3, 500: 3}


class Story:
    """Counts fed by a test: ``tick`` is what was added since the last one, as totals of one Envoy."""

    def __init__(self) -> None:
        self.clock = FakeClock(BEGIN)
        self.counts = EnvoyCounts(self.clock)
        self.source = "gateway-1.0"
        self.inherited = False
        self.codes: dict[str, dict[int, int]] = {}

    def tick(
        self, codes: Mapping[int, int] = {}, *, in_flight: int = 0, version: str = "v2", after_s: float = 1
    ) -> None:
        self.clock.time += after_s
        total = self.codes.setdefault(version, {})
        for code, count in codes.items():
            total[code] = total.get(code, 0) + count
        attempts = {name: dict(each) for name, each in self.codes.items()}
        spans = {name: {5000: sum(each.values())} for name, each in attempts.items()}
        totals = Totals(attempts, attempts, spans, {version: in_flight})
        self.counts.feed(self.source, totals, inherited=self.inherited)

    def replaced(self, source: str) -> None:
        """Another Envoy process: its totals begin at zero."""
        self.source, self.inherited, self.codes = source, False, {}

    def sum(self, version: str = "v2") -> tuple[int, int]:
        """Requests and errors since counting began."""
        tally = self.counts.tally(BEGIN)[version]
        return tally.requests, tally.errors


@pytest.fixture
def story() -> Story:
    return Story()


def test_counting_begins_when_they_are_made(story: Story) -> None:
    story.tick({200: 1}, after_s=30.0)
    assert story.counts.since == BEGIN
    assert story.sum() == (1, 0)


def test_a_new_process_adds_to_what_the_old_one_counted(story: Story) -> None:
    story.tick({200: 10, 500: 1})
    story.replaced("gateway-1.1")
    # By chance just as many as the old one had counted: its name alone tells that these are others.
    story.tick({200: 10, 500: 1})
    assert story.sum() == (22, 2)
    story.tick({200: 1})
    assert story.sum() == (23, 2)
    assert dict(story.counts.users) == {200: 21, 500: 2}


def test_a_reading_that_repeats_adds_nothing(story: Story) -> None:
    story.tick({200: 10})
    story.tick()
    story.tick()
    assert story.sum() == (10, 0)


def test_what_an_inherited_envoy_counted_before_is_not_ours(story: Story) -> None:
    story.inherited = True
    before = {"v2": {200: 1000, 500: 50}}
    story.counts.feed(story.source, Totals(before, before), inherited=True)
    # Histograms are one reading late: all of the past appears in the second one.
    story.counts.feed(story.source, Totals(before, before, {"v2": {9000: 1050}}), inherited=True)
    assert dict(story.counts.tally(0.0)) == {}
    assert dict(story.counts.recent(60.0)) == {}
    story.clock.time += 1.0
    after = {"v2": {200: 1003, 500: 51}}
    story.counts.feed(story.source, Totals(after, after, {"v2": {9000: 1053, 200: 1}}), inherited=True)
    assert story.sum() == (4, 1)
    assert story.counts.recent(60.0)["v2"].latencies.buckets == {9000: 3, 200: 1}
    assert dict(story.counts.users) == {200: 3, 500: 1}


def test_the_envoy_that_takes_over_from_an_inherited_one_is_counted_from_its_first_reading(story: Story) -> None:
    story.inherited = True
    for _ in range(3):
        story.tick()
    story.replaced("gateway-1.1")
    story.tick({200: 5})
    assert story.sum() == (5, 0)


def test_what_reached_no_version_is_the_users_alone(story: Story) -> None:
    story.counts.feed("gateway-1.0", Totals({"": {503: 2}}, {"": {503: 2}}))
    assert dict(story.counts.tally(BEGIN)) == {}
    assert dict(story.counts.recent(60.0)) == {}
    assert dict(story.counts.take_minute()) == {}
    assert dict(story.counts.users) == {503: 2}


def test_users_requests_are_summed_over_versions(story: Story) -> None:
    users = {"v1": {200: 4, 500: 1}, "v2": {200: 3}}
    story.counts.feed("gateway-1.0", Totals({}, users))
    assert dict(story.counts.users) == {200: 7, 500: 1}


def test_a_tally_of_the_past_is_as_exact_as_the_ticks(story: Story) -> None:
    for count in (1, 10, 100):
        story.tick({200: count, 500: count})
    assert story.counts.tally(BEGIN + 1.9)["v2"] == Tally(220, 110, 0, BEGIN + 3)
    assert story.counts.tally(BEGIN + 2.0)["v2"] == Tally(200, 100, 0, BEGIN + 3)


def test_a_version_that_is_silent_is_remembered_with_its_last_request(story: Story) -> None:
    story.tick({200: 1})
    for _ in range(5):
        story.tick()
    assert story.counts.tally(BEGIN + 3)["v2"] == Tally(0, 0, 0, last_request_at=BEGIN + 1)


def test_the_recent_past_reaches_a_minute_back(story: Story) -> None:
    story.tick({200: 1})
    story.tick({200: 10}, after_s=20.0)
    story.tick({500: 100}, after_s=30.0, in_flight=3)
    assert {seconds: story.counts.recent(seconds)["v2"].requests for seconds in (1.0, 30.0, 50.0, 60.0)} == {
        1.0: 100,
        30.0: 110,
        50.0: 111,
        60.0: 111,
    }
    assert story.counts.recent(60.0)["v2"].in_flight == 3, "the newest, not a sum"
    assert story.counts.recent(60.0)["v2"].latencies.quantile(0.5) == 5.0
    story.tick(after_s=40.0)
    assert story.counts.recent(1000.0)["v2"].requests == 100, "of older ticks only tallies are kept"


def test_a_minute_is_taken_once(story: Story) -> None:
    story.tick({200: 2})
    story.tick({200: 3, 500: 1})
    story.tick({200: 1}, version="v1")
    taken = story.counts.take_minute()
    assert {name: dict(each.codes) for name, each in taken.items()} == {"v1": {200: 1}, "v2": {200: 5, 500: 1}}
    assert taken["v2"].latencies.count == 6
    assert dict(story.counts.take_minute()) == {}
    story.tick({200: 4})
    assert story.counts.take_minute()["v2"].requests == 4


def test_what_was_counted_in_all_only_grows_whoever_takes_the_minutes(story: Story) -> None:
    story.tick({200: 2}, in_flight=4)
    story.counts.take_minute()
    assert story.counts.cumulative()["v2"].in_flight == 4, "while nothing newer is known"
    story.tick({200: 3, 500: 1}, in_flight=1)
    for _ in range(2):
        found = story.counts.cumulative()["v2"]
        assert (found.codes, found.latencies.count, found.in_flight) == ({200: 5, 500: 1}, 6, 1)
        story.counts.take_minute()


def test_memory_is_bounded_and_older_questions_are_answered_from_where_it_begins(story: Story) -> None:
    step_s = 8.0
    for _ in range(int(2 * MEMORY_S / step_s)):
        story.tick({200: 1}, after_s=step_s)
    remembered = int(MEMORY_S / step_s)
    assert len(story.counts._times) == len(story.counts._marks) == remembered + 1
    assert len(story.counts._ticks) <= 60 / step_s + 1
    assert story.counts.tally(BEGIN)["v2"].requests == remembered
    assert story.counts.tally(story.clock.now() - 80.0)["v2"].requests == 10


def test_hung_requests_are_seen_to_wait(story: Story) -> None:
    story.tick(in_flight=5)
    assert story.counts.waiting("v2", 1.5) == 0, "they may be younger"
    story.tick(in_flight=5)
    story.tick(in_flight=5)
    assert story.counts.waiting("v2", 1.5) == 5
    story.tick({0: 5}, in_flight=0)
    assert story.counts.waiting("v2", 1.5) == 0


def test_many_quick_requests_do_not_look_like_waiting_ones(story: Story) -> None:
    for _ in range(5):
        story.tick({200: 100}, in_flight=20)
    assert story.counts.waiting("v2", 1.0) == 0
    assert story.counts.waiting("unheard of", 1.0) == 0


requests = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 25)), max_size=30)
"""Begin and length of requests, in ticks: what begins right after one tick is seen at the next, if it still lives."""


@given(requests, st.integers(1, 10))
@settings(deadline=None)
def test_never_are_more_said_to_wait_than_do(lives: list[tuple[int, int]], longer_than: int) -> None:
    story = Story()
    for now in range(1, 21):
        ended = sum(begin + max(length, 1) == now for begin, length in lives)
        alive = [begin for begin, length in lives if begin < now < begin + length]
        story.tick({200: ended}, in_flight=len(alive))
        older = sum(begin < now - longer_than for begin in alive)
        assert story.counts.waiting("v2", longer_than) <= older
        if not any(now - longer_than <= begin < now for begin, _ in lives):
            assert story.counts.waiting("v2", longer_than) == older, "all of them, where nothing new came"


def test_seconds_hold_what_ticks_held_of_each_version(story: Story) -> None:
    story.tick({200: 3, 500: 1}, after_s=0.25)
    story.tick({200: 4, 0: 2}, after_s=0.25, in_flight=3)
    story.tick({200: 50}, version="v1", after_s=0.25)
    assert list(story.counts.seconds(BEGIN)) == []
    story.tick(after_s=0.5)
    [(at, sides)] = story.counts.seconds(BEGIN)
    assert at == BEGIN + 1
    assert (sides["v1"].requests, sides["v1"].errors, sides["v2"].requests, sides["v2"].errors) == (50, 0, 10, 3)
    assert sides["v2"].latencies == {5000: 10}


def test_of_an_inherited_envoy_seconds_begin_when_its_ticks_do(story: Story) -> None:
    story.inherited = True
    for codes in ({200: 1000}, {}, {200: 5, 500: 1}, {}):
        story.tick(codes)
    assert [(at, sides["v2"].requests) for at, sides in story.counts.seconds(BEGIN)] == [(BEGIN + 4, 6)]


class FakeAdmin:
    """An admin socket that has the recorded statistics and filters them as Envoy does: by a search in names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.status = 200
        self.asked: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while line := (await reader.readline()).decode():
                while (await reader.readline()).strip():
                    pass
                self.asked.append(line.split()[1])
                body = self.body(self.asked[-1])
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (self.status, len(body), body))
                await writer.drain()
        finally:
            writer.close()

    def body(self, target: str) -> bytes:
        """What Envoy would say to that."""
        url = urlsplit(target)
        if url.path != "/stats":
            return b"LIVE\n"
        wanted = re.compile(parse_qs(url.query)["filter"][0])
        return admin_answer(each for each in RECORDED if "histograms" in each or wanted.search(each["name"]))


@pytest.fixture
async def admin(short_tmp: Path) -> AsyncIterator[FakeAdmin]:
    fake = FakeAdmin(short_tmp / "admin.sock")
    server = await asyncio.start_unix_server(fake.answer, fake.path)
    async with server:
        yield fake


@pytest.fixture
async def socket(short_tmp: Path) -> AsyncIterator[AdminSocket]:
    made = AdminSocket(short_tmp / "admin.sock")
    yield made
    await made.close()


async def test_totals_ask_for_all_that_is_understood_and_little_else(admin: FakeAdmin, socket: AdminSocket) -> None:
    assert await socket.totals() == parse(admin_answer(RECORDED))
    [target] = admin.asked
    query = parse_qs(urlsplit(target).query)
    assert (query["format"], query["histogram_buckets"]) == (["json"], ["detailed"])
    told = [each["name"] for each in json.loads(admin.body(target))["stats"] if "name" in each]
    assert not {"server.live", "cluster.v1.2.upstream_cx_active", "cluster.v2/idempotent.upstream_rq_active"} & {*told}


async def test_a_live_envoy_says_so(admin: FakeAdmin, socket: AdminSocket) -> None:
    assert await socket.live()
    assert admin.asked == ["/ready"]


async def test_an_envoy_that_still_initialises_is_not_live(admin: FakeAdmin, socket: AdminSocket) -> None:
    admin.status = 503
    assert not await socket.live()
    with pytest.raises(httpx.HTTPStatusError, match="503"):
        await socket.totals()


async def test_without_an_envoy_nothing_is_live(socket: AdminSocket) -> None:
    assert not await socket.live()
    with pytest.raises(httpx.HTTPError):
        await socket.totals()
