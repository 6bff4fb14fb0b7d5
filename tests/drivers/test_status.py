"""What an instance shows."""

from abreast.drivers.status import Status
from abreast.model.service import Endpoint, Instance, InstanceState
from tests.fakes.clock import FakeClock


class Told:
    """A status and what it told."""

    def __init__(self) -> None:
        self.clock = FakeClock(100.0)
        self.changes = 0
        self.events: list[tuple[str, str]] = []
        instance = Instance("v1-1", "v1", Endpoint("127.0.0.1", 0), InstanceState.STARTING, 100.0)
        self.status = Status(instance, self.clock, self._changed, self._heard)

    def ready_s(self) -> float | None:
        return self.status.ready_s

    def _changed(self) -> None:
        self.changes += 1

    def _heard(self, instance: Instance, reason: str) -> None:
        self.events.append((instance.state.value, reason))


def test_a_new_state_is_told_once_with_its_reason_and_time() -> None:
    told = Told()
    told.clock.time = 103.0
    told.status.turn(InstanceState.READY, "GET / answered 200")
    told.status.turn(InstanceState.READY, "GET / answered 204")
    assert told.events == [("ready", "GET / answered 200")]
    assert told.changes == 1
    assert told.status.instance.since == 103.0
    assert told.status.instance.detail == "GET / answered 204"


def test_saying_more_is_no_change() -> None:
    told = Told()
    told.status.note("connection refused")
    assert told.status.instance.detail == "connection refused"
    assert (told.changes, told.events) == (0, [])


def test_a_start_is_told_even_if_it_was_starting_before() -> None:
    told = Told()
    told.clock.time = 101.0
    told.status.start(Endpoint("127.0.0.1", 9), 77, 0, "process 77")
    assert told.events == [("starting", "process 77")]
    instance = told.status.instance
    assert (instance.pid, instance.endpoint.port, instance.since) == (77, 9, 101.0)


def test_the_longest_readiness_since_the_start_is_known() -> None:
    told = Told()
    assert told.ready_s() is None
    for at, state in ((110, InstanceState.READY), (115, InstanceState.UNREADY), (120, InstanceState.READY)):
        told.clock.time = at
        told.status.turn(state, "-")
    told.clock.time = 122
    told.status.turn(InstanceState.FAILED, "-")
    assert told.ready_s() == 5
    told.status.start(Endpoint("127.0.0.1", 9), 78, 1, "-")
    assert told.ready_s() is None


def test_its_vanishing_is_told() -> None:
    told = Told()
    told.status.vanish("stopped")
    assert told.events == [("starting", "stopped")]
    assert told.changes == 1
