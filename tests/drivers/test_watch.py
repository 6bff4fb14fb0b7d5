"""Probes over time, with a clock in the test's hands."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from abreast.drivers.probe import Answer
from abreast.drivers.status import Status
from abreast.drivers.timing import Timing
from abreast.drivers.watch import Watch
from abreast.model.service import Endpoint, Instance, InstanceState, Probe, Version
from tests.fakes.clock import FakeClock

VERSION = Version(
    "v1", run=("serve",), ready=Probe("http", "/ready", interval_s=1.0), live=Probe("http", "/live", interval_s=2.0)
)


class Patient:
    """An instance whose answers the test sets, and the watch over it."""

    def __init__(self) -> None:
        self.clock = FakeClock(0.0)
        self.ready = Answer(well=False, detail="refused")
        self.live = Answer(well=True, detail="alive")
        self.asked: list[tuple[str, float]] = []
        self.hang = asyncio.Event()
        self.hang.set()
        instance = Instance("v1-1", "v1", Endpoint("127.0.0.1", 1), InstanceState.STARTING, 0.0)
        self.status = Status(instance, self.clock, lambda: None, lambda _instance, _reason: None)
        self.watch = Watch(VERSION, self.status, self.clock, Timing(), self.ask)
        self.tasks: list[asyncio.Task[str]] = []

    async def ask(self, endpoint: Endpoint, probe: Probe, version: Version) -> Answer:
        self.asked.append((probe.path, round(self.clock.now(), 1)))
        await self.hang.wait()
        return self.live if probe.path == "/live" else self.ready

    async def begin(self, start_timeout_s: float | None = 10.0) -> None:
        self.tasks = [
            asyncio.create_task(self.watch.readiness(start_timeout_s)),
            asyncio.create_task(self.watch.liveness()),
        ]
        await self.clock.settle()

    def state(self) -> InstanceState:
        return self.status.state

    def set(self, *, ready: bool) -> None:
        self.ready = Answer(ready, "answered 200" if ready else "answered 503")


@pytest.fixture
async def patient() -> AsyncIterator[Patient]:
    made = Patient()
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)


async def test_one_success_makes_it_ready_soon_after(patient: Patient) -> None:
    await patient.begin()
    await patient.clock.advance(0.25)
    assert patient.state() is InstanceState.STARTING
    assert patient.status.instance.detail == "refused"
    patient.set(ready=True)
    await patient.clock.advance(0.1)
    assert patient.state() is InstanceState.READY
    assert patient.status.instance.since == pytest.approx(0.3)


async def test_once_ready_it_is_asked_at_its_own_interval(patient: Patient) -> None:
    patient.set(ready=True)
    await patient.begin()
    await patient.clock.advance(3.5)
    assert [at for path, at in patient.asked if path == "/ready"] == [0.0, 1.0, 2.0, 3.0]


async def test_three_failures_in_a_row_make_it_unready_and_one_success_ready(patient: Patient) -> None:
    patient.set(ready=True)
    await patient.begin()
    await patient.clock.advance(0.2)
    patient.set(ready=False)
    await patient.clock.advance(2.0)
    assert patient.state() is InstanceState.READY
    await patient.clock.advance(1.0)
    assert patient.state() is InstanceState.UNREADY
    assert patient.status.instance.detail == "answered 503, 3 times in a row"
    patient.set(ready=True)
    await patient.clock.advance(1.0)
    assert patient.state() is InstanceState.READY


async def test_failures_with_a_success_between_do_not_add_up(patient: Patient) -> None:
    patient.set(ready=True)
    await patient.begin()
    await patient.clock.advance(0.2)
    for _ in range(3):
        patient.set(ready=False)
        await patient.clock.advance(2.0)
        patient.set(ready=True)
        await patient.clock.advance(1.0)
    assert patient.state() is InstanceState.READY
    assert patient.status.instance.since == 0.0


async def test_who_is_not_ready_in_time_is_given_up(patient: Patient) -> None:
    await patient.begin(start_timeout_s=5.0)
    await patient.clock.advance(4.9)
    assert not patient.tasks[0].done()
    await patient.clock.advance(0.2)
    assert await patient.tasks[0] == "not ready 5 s after its start: refused"


async def test_who_has_no_start_time_out_is_asked_for_ever_and_calmly(patient: Patient) -> None:
    await patient.begin(start_timeout_s=None)
    await patient.clock.advance(100.5)
    assert not patient.tasks[0].done()
    assert len([path for path, _ in patient.asked if path == "/ready"]) == 101


async def test_liveness_is_not_asked_before_it_was_ready(patient: Patient) -> None:
    patient.live = Answer(well=False, detail="dead")
    await patient.begin()
    await patient.clock.advance(8.0)
    assert "/live" not in {path for path, _ in patient.asked}


async def test_three_failed_liveness_probes_end_the_watch_with_the_reason(patient: Patient) -> None:
    patient.set(ready=True)
    await patient.begin()
    await patient.clock.advance(3.0)
    patient.live = Answer(well=False, detail="answered 500")
    await patient.clock.advance(4.0)
    assert not patient.tasks[1].done()
    await patient.clock.advance(2.2)
    assert await patient.tasks[1] == "not alive, 3 times in a row: answered 500"


async def test_without_a_liveness_probe_nothing_is_asked_until_there_is_one(patient: Patient) -> None:
    patient.watch.version = Version("v1", run=("serve",), ready=VERSION.ready)
    patient.set(ready=True)
    await patient.begin()
    await patient.clock.advance(10.0)
    assert "/live" not in {path for path, _ in patient.asked}
    patient.watch.version = VERSION
    await patient.clock.advance(2.0)
    assert "/live" in {path for path, _ in patient.asked}


async def test_a_probe_that_hangs_does_not_hold_up_the_other(patient: Patient) -> None:
    patient.set(ready=True)
    await patient.begin()
    await patient.clock.advance(0.2)
    patient.hang.clear()
    await patient.clock.advance(3.0)
    assert {path for path, at in patient.asked if at > 0.2} == {"/ready", "/live"}


async def test_the_first_look_makes_it_ready_or_says_why_not(patient: Patient) -> None:
    patient.set(ready=True)
    await patient.watch.first(1.0)
    assert patient.state() is InstanceState.READY
    other = Patient()
    other.hang.clear()
    await other.watch.first(0.01)
    assert other.state() is InstanceState.STARTING
    assert other.status.instance.detail == "GET /ready: no answer within 0.01 s"
