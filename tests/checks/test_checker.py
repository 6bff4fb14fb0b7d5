"""The checker at work: what it asks of real servers while a rollout goes on, and what it makes of the answers."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

import pytest

from abreast.checks import promql
from abreast.checks.checker import Checker
from abreast.checks.webhooks import BACK_OFF_S
from abreast.model.checks import Check
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Rollout
from abreast.rollout.checks import holding, protected
from tests.checks.given import BEGIN, gate, hook, under_way
from tests.checks.server import Server, eventually
from tests.fakes.clock import FakeClock

GOOD: Final = {"status": "success", "data": {"resultType": "scalar", "result": [0, "0.1"]}}
BAD: Final = {"status": "success", "data": {"resultType": "scalar", "result": [0, "0.9"]}}


@dataclass
class Desk:
    """A checker, and what it told."""

    checker: Checker
    clock: FakeClock
    events: list[str]
    news: list[float]

    def follow(self, rollout: Rollout, *, ready: bool = True) -> Rollout:
        self.checker.follow(rollout, ready=ready)
        return rollout

    async def after(self, seconds: float) -> None:
        """Time goes by, and one more answer comes."""
        count = len(self.news)
        await eventually(lambda: self.clock.sleepers)
        await self.clock.advance(seconds)
        await eventually(lambda: len(self.news) > count)

    def said(self, name: str) -> Check:
        return self.checker.results()[name]


@pytest.fixture
async def desk(clock: FakeClock) -> AsyncIterator[Desk]:
    """Of one service."""
    events: list[str] = []
    news: list[float] = []
    checker = Checker(clock, events.append, lambda: news.append(clock.now()))
    yield Desk(checker, clock, events, news)
    await checker.close()


async def test_a_query_is_asked_after_its_pace_and_then_at_it(server: Server, desk: Desk) -> None:
    server.gives(GOOD)
    rollout = desk.follow(under_way(Phase.PROGRESSING, gate(server.url)))
    await eventually(lambda: desk.clock.sleepers)
    await desk.clock.advance(9.9)
    assert server.asked == []
    assert holding(rollout, desk.checker.results(), "step")
    await desk.after(0.1)
    assert holding(rollout, desk.checker.results(), "step") == ()
    await desk.after(10.0)
    assert len(server.asked) == 2
    assert desk.said("p99").at == BEGIN + 20.0


async def test_a_query_speaks_of_the_rollout_as_it_is_when_asked(server: Server, desk: Desk) -> None:
    server.gives(GOOD)
    query = 'x{v="{{candidate}}",old="{{stable}}",s="{{service}}"} * {{weight}} / {{step_time}}'
    rollout = desk.follow(under_way(Phase.PROGRESSING, gate(server.url, query)))
    await desk.after(10.0)
    desk.follow(replace(rollout, step=1, step_since=BEGIN + 15.0, weight=5000))
    await desk.after(10.0)
    assert [asked.form["query"] for asked in server.asked] == [
        'x{v="v2",old="v1",s="shop"} * 10 / 10s',
        'x{v="v2",old="v1",s="shop"} * 50 / 5s',
    ]


async def test_failures_in_a_row_over_steps_are_worse_and_one_good_answer_ends_the_row(
    server: Server, desk: Desk
) -> None:
    rollout = desk.follow(under_way(Phase.PROGRESSING, gate(server.url)))
    for document in (BAD, BAD, GOOD, BAD, BAD):
        server.gives(document)
        await desk.after(10.0)
        assert protected(rollout, desk.checker.results()) is None
    rollout = desk.follow(replace(rollout, step=1, step_since=desk.clock.now()))
    await desk.after(10.0)
    stop = protected(rollout, desk.checker.results())
    assert stop is not None
    assert stop.reason == "gate promql p99 failed 3 times in a row, last: 0.9; at most 0.25 is allowed"
    assert desk.events == [
        "promql p99: failed: 0.9; at most 0.25 is allowed",
        "promql p99: passed: 0.1; at most 0.25 is allowed",
        "promql p99: failed: 0.9; at most 0.25 is allowed",
    ]


async def test_a_server_that_goes_away_decides_nothing_however_long(server: Server, desk: Desk) -> None:
    rollout = desk.follow(under_way(Phase.PROGRESSING, gate(server.url)))
    server.gives(BAD)
    await desk.after(10.0)
    server.status, server.body = 502, b"<html>"
    for _ in range(5):
        await desk.after(10.0)
    assert protected(rollout, desk.checker.results()) is None
    assert holding(rollout, desk.checker.results(), "step")
    assert desk.said("p99").failed_in_row == 1
    assert desk.events[-1].startswith(f"promql p99: undecided: {server.url} is no Prometheus: it answered 502")


async def test_a_hanging_server_delays_no_turn_and_no_other_check(server: Server, desk: Desk) -> None:
    async with Server(hangs=True) as dead:
        slow = hook("rollout", dead.url, timeout_s=60.0)
        rollout = under_way(Phase.PROGRESSING, slow, hook("rollback", server.url))
        server.status = 403
        began = time.monotonic()
        desk.follow(rollout)
        await eventually(lambda: desk.news and dead.asked)
        for _ in range(100):
            desk.follow(rollout)
            desk.checker.results()
        assert time.monotonic() - began < 5.0
        assert len(dead.asked) == 1
        assert holding(rollout, desk.checker.results(), "step") == ("webhook rollout: no answer yet",)


async def test_the_start_waits_for_its_confirmation_and_then_for_the_try(server: Server, desk: Desk) -> None:
    confirm, pre = hook("confirm-rollout", f"{server.url}/confirm"), hook("pre-rollout", f"{server.url}/try")
    rollout = under_way(Phase.PENDING, pre, confirm, weight=0)
    server.status = 403
    desk.follow(rollout)
    await eventually(lambda: desk.news)
    await desk.after(10.0)
    server.status = 200
    await desk.after(10.0)
    desk.follow(rollout, ready=False)
    await desk.clock.advance(60.0)
    assert [asked.path for asked in server.asked] == ["/confirm"] * 3
    assert [asked.document["phase"] for asked in server.asked] == ["Waiting"] * 3
    desk.follow(rollout)
    await eventually(lambda: len(server.asked) == 4)
    await eventually(lambda: holding(rollout, desk.checker.results(), "start") == ())
    desk.follow(rollout)
    await desk.clock.advance(60.0)
    assert [asked.path for asked in server.asked][3:] == ["/try"]


async def test_a_try_that_fails_often_enough_ends_the_attempt_and_the_next_begins_without_it(
    server: Server, desk: Desk
) -> None:
    server.status = 422
    pre = hook("pre-rollout", server.url, failures=2)
    rollout = desk.follow(under_way(Phase.PENDING, pre))
    await eventually(lambda: desk.news)
    assert protected(rollout, desk.checker.results()) is None
    await desk.after(10.0)
    assert protected(rollout, desk.checker.results()) is not None
    desk.follow(replace(rollout, phase=Phase.ROLLED_BACK))
    again = replace(rollout, attempt_since=desk.clock.now(), phase_since=desk.clock.now())
    desk.follow(again)
    assert protected(again, desk.checker.results()) is None
    await eventually(lambda: len(server.asked) == 3 and "pre-rollout" in desk.checker.results())
    assert desk.said("pre-rollout").failed_in_row == 1


async def test_an_answer_on_its_way_to_an_attempt_that_is_over_is_not_heard(server: Server, desk: Desk) -> None:
    server.hangs = True
    rollout = desk.follow(under_way(Phase.PROGRESSING, hook("rollback", server.url, timeout_s=0.3)))
    await eventually(lambda: server.asked)
    desk.follow(replace(rollout, phase=Phase.FROZEN, resume_to=Phase.PROGRESSING))
    resumed = desk.follow(replace(rollout, attempt_since=BEGIN + 1.0, step_since=BEGIN + 1.0))
    await eventually(lambda: desk.news)
    assert len(desk.news) == 1
    assert len(server.asked) == 2
    assert protected(resumed, desk.checker.results()) is None


async def test_each_increase_is_confirmed_anew(server: Server, desk: Desk) -> None:
    confirm = hook("confirm-traffic-increase", server.url)
    first = desk.follow(under_way(Phase.PROGRESSING, confirm))
    await eventually(lambda: holding(first, desk.checker.results(), "step") == ())
    server.status = 403
    await desk.after(10.0)
    assert holding(first, desk.checker.results(), "step"), "the gate was closed again"
    server.status = 200
    await desk.after(10.0)
    second = desk.follow(replace(first, step=1, step_since=desk.clock.now()))
    assert holding(second, desk.checker.results(), "step") == ("webhook confirm-traffic-increase: no answer yet",)
    await eventually(lambda: holding(second, desk.checker.results(), "step") == ())


async def test_a_rollback_is_asked_for_by_2xx_and_silence_about_it_is_no_event(server: Server, desk: Desk) -> None:
    server.status = 403
    rollout = desk.follow(under_way(Phase.PAUSED, hook("rollback", server.url), resume_to=Phase.PROGRESSING))
    await eventually(lambda: desk.news)
    await desk.after(10.0)
    assert desk.events == []
    server.status = 200
    await desk.after(10.0)
    stop = protected(rollout, desk.checker.results())
    assert stop is not None
    assert stop.ordered
    assert desk.events == [f"webhook rollback: asks for a rollback: {server.url} answered 200: 'so it is'"]


async def test_the_end_is_told_once_and_only_by_who_saw_it_come(server: Server, desk: Desk) -> None:
    post = hook("post-rollout", server.url)
    over = under_way(Phase.COMPLETED, post, phase_since=BEGIN + 90.0)
    desk.follow(over)  # as after a restart
    desk.follow(replace(over, number=4, phase=Phase.RETIRING))
    desk.follow(replace(over, number=4))
    await eventually(lambda: desk.news)
    for _ in range(3):
        desk.follow(replace(over, number=4))
        await desk.clock.advance(60.0)
    (asked,) = server.asked
    assert asked.document["phase"] == "Succeeded"


async def test_a_failure_after_the_end_is_an_event_and_nothing_else(server: Server, desk: Desk) -> None:
    server.status = 404
    rollout = under_way(Phase.ROLLING_BACK, hook("post-rollout", server.url))
    desk.follow(rollout)
    over = desk.follow(replace(rollout, phase=Phase.ROLLED_BACK))
    await eventually(lambda: desk.events)
    assert desk.events == [f"webhook post-rollout: failed: {server.url} answered 404: 'so it is'"]
    assert protected(over, desk.checker.results()) is None
    assert server.asked[0].document["phase"] == "Failed"


async def test_what_was_under_way_to_be_told_goes_out_though_the_next_rollout_begins(
    server: Server, desk: Desk
) -> None:
    rollout = under_way(Phase.RETIRING, hook("post-rollout", server.url, retries=1))
    server.status = 503
    desk.follow(rollout)
    desk.follow(replace(rollout, phase=Phase.COMPLETED))
    await eventually(lambda: server.asked and desk.clock.sleepers)
    desk.follow(under_way(Phase.PENDING, number=4))
    server.status = 200
    await desk.clock.advance(BACK_OFF_S)
    await eventually(lambda: len(server.asked) == 2)


async def test_events_are_posted_while_anything_goes_on(server: Server, desk: Desk) -> None:
    teller = hook("event", server.url, metadata=(("team", "a"),))
    rollout = under_way(Phase.COMPLETED, teller, hook("rollback", "http://127.0.0.1:1"), number=0, candidate=None)
    desk.checker.post(rollout, Event(BEGIN, 0, EventKind.STARTED, "abreast", "it begins"))
    desk.checker.post(rollout, Event(BEGIN, 0, EventKind.NACK, "abreast", "refused"))
    await eventually(lambda: len(server.asked) == 2)
    assert [asked.document["metadata"]["eventType"] for asked in server.asked] == ["Normal", "Warning"]
    await eventually(lambda: "event" in desk.checker.results())
    assert desk.events == []
    assert desk.news == []


async def test_an_answer_that_is_too_old_for_its_pace_decides_nothing(server: Server, desk: Desk) -> None:
    server.gives(GOOD)
    rollout = desk.follow(under_way(Phase.PROGRESSING, gate(server.url)))
    await desk.after(10.0)
    desk.clock.time += 10.0 + promql.TIMEOUT_S + 10.0
    assert desk.said("p99").passed
    desk.clock.time += 1.0  # as after the machine slept
    found = desk.said("p99")
    assert (found.passed, found.detail) == (None, "the last answer is 31 s old")
    assert holding(rollout, desk.checker.results(), "step")


async def test_a_changed_policy_asks_the_changed_check(server: Server, desk: Desk) -> None:
    server.gives(GOOD)
    desk.follow(under_way(Phase.PROGRESSING, gate(server.url)))
    desk.follow(under_way(Phase.PROGRESSING, gate(server.url, "other", every_s=5.0)))
    await desk.after(5.0)
    assert [asked.form["query"] for asked in server.asked] == ["other"]
    desk.follow(under_way(Phase.PROGRESSING))
    await desk.clock.advance(100.0)
    assert len(server.asked) == 1


async def test_nothing_is_asked_after_the_end(server: Server, clock: FakeClock) -> None:
    checker = Checker(clock, lambda _: None, lambda: None)
    rollout = under_way(Phase.PROGRESSING, hook("rollout", server.url), hook("event", server.url))
    checker.follow(rollout, ready=True)
    await eventually(checker.results)
    await checker.close()
    checker.follow(replace(rollout, number=4), ready=True)
    checker.post(rollout, Event(BEGIN, 3, EventKind.STEP, "abreast", "too late"))
    await clock.advance(100.0)
    assert len(server.asked) == 1
    assert clock.sleepers == 0


async def test_asking_that_breaks_off_is_logged_and_begun_again(
    server: Server, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    broken = gate(server.url, "{{nothing}}")  # as no spec lets through
    rollout = desk.follow(under_way(Phase.PROGRESSING, broken))
    await eventually(lambda: desk.clock.sleepers)
    await desk.clock.advance(10.0)
    desk.follow(rollout)
    assert "asking promql p99 broke off" in caplog.text
    assert server.asked == []
    await eventually(lambda: desk.clock.sleepers)
    assert holding(rollout, desk.checker.results(), "step") == ("promql p99: no answer yet",)
