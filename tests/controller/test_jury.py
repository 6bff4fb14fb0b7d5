"""The jury: seconds counted by the gateways become evidence of the right attempt and step, once, and go on record."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import orjson
import pytest

from abreast.analysis.assessment import Assessment, Counted
from abreast.analysis.tick import Side, Tick
from abreast.controller.jury import Jury
from abreast.model.rollout import LatencyGate, Phase, Rollout
from abreast.model.service import Endpoint, Instance, InstanceState
from abreast.rollout.observed import Observed
from abreast.rollout.watch import LIVE, Watch
from tests.fakes.clock import FakeClock
from tests.fakes.counts import FakeCounts
from tests.rollout.play import BEGIN, POLICY, under_way


@dataclass
class Court:
    """A rollout that is judged, and the traffic that a test makes."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(BEGIN))
    rollout: Rollout = field(default_factory=lambda: under_way(Phase.PROGRESSING))
    instances: tuple[Instance, ...] = ()

    def __post_init__(self) -> None:
        self.counts = FakeCounts(self.clock, since=BEGIN)
        self.jury = Jury(self.counts)

    def passes(self, *, bad: int = 0, of: int = 10, seconds: int = 1, stable: int = 90) -> None:
        """So many seconds in which both versions answer."""
        for _ in range(seconds):
            self.counts.add("v2", {200: of - bad, 500: bad})
            self.counts.add("v1", {200: stable})
            self.clock.time += 1.0

    def assess(self) -> Assessment:
        """What the jury says now."""
        return self.jury.assess(self.rollout, Observed(now=self.clock.now(), instances=self.instances))

    def recorded(self) -> list[Tick]:
        """What is to be recorded; it is taken as recorded."""
        unsaved = self.jury.unsaved()
        if unsaved is None:
            return []
        self.jury.saved(unsaved)
        return list(unsaved.ticks)


@pytest.fixture
def court() -> Court:
    return Court()


def counted(assessment: Assessment) -> tuple[int, int]:
    """The candidate's requests in the attempt and in the step."""
    return assessment.errors.attempt.seen_c, assessment.errors.step.seen_c


def test_before_anything_was_counted_nothing_is_known(court: Court) -> None:
    assert court.assess().errors.attempt == Counted()
    assert court.jury.unsaved() is None


def test_each_second_is_weighed_once_however_often_it_is_asked(court: Court) -> None:
    court.passes(bad=1, seconds=3)
    first = court.assess()
    assert first == court.assess() == court.assess()
    assert first.errors.attempt == Counted(3, 30, 0, 270)
    assert [tick.at - BEGIN for tick in court.recorded()] == [1, 2, 3]


def test_often_or_seldom_asked_it_is_the_same_evidence() -> None:
    often, seldom = Court(), Court()
    for bad in (0, 3, 1, 0, 2):
        for each in (often, seldom):
            each.passes(bad=bad)
        often.assess()
    assert often.assess() == seldom.assess()
    assert often.recorded() == seldom.recorded()


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in LIVE])
def test_where_no_user_is_on_the_candidate_nothing_is_evidence(court: Court, phase: Phase) -> None:
    court.rollout = under_way(phase)
    court.passes(bad=10, seconds=3)
    assert court.assess().errors.attempt == Counted()
    assert court.recorded() == []


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.PAUSED])
def test_paused_or_not_it_is(court: Court, phase: Phase) -> None:
    court.rollout = under_way(phase)
    court.passes(bad=10, seconds=3)
    assert court.assess().errors.attempt == Counted(30, 30, 0, 270)


def test_a_step_has_no_part_in_the_seconds_before_it(court: Court) -> None:
    court.passes(seconds=4)
    court.assess()
    court.passes(seconds=2)
    # Nobody asked since then; the step changed meanwhile.
    court.rollout = replace(court.rollout, step=4, step_since=court.clock.now(), weight_since=court.clock.now())
    assert counted(court.assess()) == (60, 0)
    court.passes(seconds=3)
    assert counted(court.assess()) == (90, 30)


def test_seconds_of_two_steps_go_to_each_when_asked_for_late(court: Court) -> None:
    court.passes(seconds=2)
    court.assess()
    court.passes(seconds=3)
    court.rollout = replace(court.rollout, step=4, step_since=court.clock.now(), weight_since=court.clock.now())
    court.passes(seconds=5)
    assert counted(court.assess()) == (100, 50)


def test_a_new_attempt_begins_with_nothing(court: Court) -> None:
    court.passes(bad=9, seconds=30)
    assert court.assess().errors.hard.proven
    court.rollout = replace(court.rollout, attempt_since=court.clock.now(), step_since=court.clock.now())
    fresh = court.assess()
    assert not fresh.errors.hard.proven
    assert fresh.errors.attempt == Counted()
    court.passes(seconds=1)
    assert court.assess().errors.attempt == Counted(0, 10, 0, 90)


def test_a_candidate_that_fails_is_proven_to_and_a_good_one_is_not() -> None:
    good, bad = Court(), Court()
    good.passes(bad=0, seconds=30)
    bad.passes(bad=10, seconds=30)
    assert not good.assess().errors.worse.proven
    assert not good.assess().errors.hard.proven
    assert bad.assess().errors.worse.proven
    assert bad.assess().errors.hard.proven


def test_an_instance_that_has_just_become_ready_is_warming(court: Court) -> None:
    court.rollout = under_way(Phase.PROGRESSING, replace(POLICY, latency=LatencyGate(warm_up_s=5.0)))
    court.instances = (Instance("v2-1", "v2", Endpoint("127.0.0.1", 9000), InstanceState.READY, BEGIN),)
    court.passes(seconds=2)
    court.assess()
    court.passes(seconds=4)
    court.assess()
    assert [tick.warming for tick in court.recorded()] == [True, True, False, False, False, False]


def test_with_all_users_on_the_candidate_it_is_alone(court: Court) -> None:
    court.rollout = under_way(Phase.BAKING)
    court.passes()
    court.assess()
    assert [tick.alone for tick in court.recorded()] == [True]


def test_a_second_in_which_a_version_did_nothing_is_recorded_as_such(court: Court) -> None:
    court.counts.add("v1", {200: 7})
    court.clock.time += 1.0
    court.assess()
    [tick] = court.recorded()
    assert (tick.candidate, tick.stable.requests) == (Side(), 7)


def test_a_clock_that_was_set_back_does_not_stop_the_evidence(court: Court) -> None:
    court.passes(seconds=3)
    court.assess()
    court.clock.time = BEGIN - 3600
    court.counts.ticks.clear()
    court.assess()
    court.passes(bad=10, seconds=5)
    assert court.assess().errors.attempt == Counted(50, 80, 0, 720)


class TestRecord:
    """What is written, and what an earlier control plane wrote."""

    def test_what_was_not_written_is_offered_again_with_what_came_since(self, court: Court) -> None:
        court.passes(seconds=2)
        court.assess()
        first = court.jury.unsaved()
        assert first is not None
        court.passes()
        court.assess()
        second = court.jury.unsaved()
        assert second is not None
        assert [tick.at - BEGIN for tick in second.ticks] == [1, 2, 3]
        court.jury.saved(first)
        assert [tick.at - BEGIN for tick in court.recorded()] == [3]
        assert court.jury.unsaved() is None

    def test_another_rollout_has_a_record_of_its_own(self, court: Court) -> None:
        court.passes(seconds=2)
        court.assess()
        court.rollout = replace(court.rollout, number=2, attempt_since=court.clock.now())
        court.assess()
        assert court.jury.unsaved() is None
        court.passes()
        court.assess()
        unsaved = court.jury.unsaved()
        assert unsaved is not None
        assert (unsaved.rollout, [tick.at - BEGIN for tick in unsaved.ticks]) == (2, [3])

    def test_a_store_that_cannot_be_written_does_not_fill_the_memory(self, court: Court) -> None:
        court.passes(seconds=3700)
        court.assess()
        kept = court.recorded()
        assert (len(kept), kept[-1].at) == (3600, BEGIN + 3700)

    @pytest.mark.parametrize("killed_after", [1, 7, 15, 29])
    def test_the_next_control_plane_goes_on_from_what_was_recorded(self, killed_after: int) -> None:
        def second(court: Court, number: int) -> None:
            court.passes(bad=number % 3)
            court.assess()

        whole, killed = Court(), Court()
        for number in range(30):
            second(whole, number)
        for number in range(killed_after):
            second(killed, number)
        again = taken_over(killed)
        assert again.assess() == killed.assess(), "before anything new"
        for number in range(killed_after, 30):
            second(again, number)
        assert again.assess() == whole.assess()

    def test_nothing_counted_before_it_began_is_counted_twice(self, court: Court) -> None:
        court.passes(bad=1, seconds=5)
        before = court.assess()
        again = taken_over(court)
        again.counts.ticks = list(court.counts.ticks)
        assert again.assess() == before

    @pytest.mark.parametrize(
        "change",
        [
            lambda rollout: replace(rollout, attempt_since=BEGIN + 10),
            lambda rollout: replace(rollout, number=2),
        ],
        ids=["retried", "next rollout"],
    )
    def test_evidence_of_another_attempt_is_not_taken_over(
        self, court: Court, change: Callable[[Rollout], Rollout]
    ) -> None:
        court.passes(bad=10, seconds=10)
        assert court.assess().errors.hard.proven
        court.rollout = change(court.rollout)
        again = taken_over(court)
        assert again.assess().errors.attempt == Counted()
        assert not again.assess().errors.hard.proven


def taken_over(court: Court) -> Court:
    """A new control plane at the same time, with what the store holds; its counts begin anew."""
    unsaved = court.jury.unsaved()
    assert unsaved is not None
    stored = orjson.loads(orjson.dumps(unsaved.state))
    again = Court(court.clock, court.rollout)
    again.counts.since = court.clock.now()
    again.jury = Jury(again.counts, Watch.restored(court.rollout, stored))
    return again
