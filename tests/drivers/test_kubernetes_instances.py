"""Pods as instances, and what is told of them."""

from typing import cast

from lightkube.resources.core_v1 import Pod

from abreast.drivers.kubernetes_instances import Ears, PodInstances
from abreast.model.service import InstanceState
from tests.fakes.clock import FakeClock


class Heard:
    """Instances of v1 and what was told of them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.changes = 0
        self.events: list[tuple[str, InstanceState, str]] = []
        ears = Ears(self._changed, lambda each, why: self.events.append((each.id, each.state, why)), lambda _: None)
        self.instances = PodInstances("v1", self.clock, ears)

    def see(self, *pods: Pod, ending: bool = False) -> None:
        self.events.clear()
        self.changes = 0
        self.instances.see(pods, 8080, ending=ending)

    def _changed(self) -> None:
        self.changes += 1


def pod(name: str, *, ready: bool = True, phase: str = "Running") -> Pod:
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    status = {"phase": phase, "podIP": "10.0.0.1", "conditions": [condition]}
    return cast("Pod", Pod.from_dict({"metadata": {"name": name}, "status": status}))


def test_each_change_of_state_is_told_once() -> None:
    heard = Heard()
    heard.see(pod("a"))
    assert heard.events == [("a", InstanceState.READY, "the pod is ready")]
    assert heard.changes == 1
    heard.see(pod("a"))
    assert (heard.events, heard.changes) == ([], 0)
    heard.see(pod("a", ready=False))
    assert heard.events == [("a", InstanceState.UNREADY, "the pod is not ready any more")]


def test_a_pod_that_is_gone_vanishes() -> None:
    heard = Heard()
    heard.see(pod("a"), pod("b"))
    heard.see(pod("b"))
    assert heard.events == [("a", InstanceState.STOPPING, "the pod is gone")]
    assert [each.id for each in heard.instances.shown] == ["b"]


def test_an_evicted_pod_is_not_shown() -> None:
    heard = Heard()
    heard.see(pod("a", phase="Failed"))
    assert list(heard.instances.shown) == []


def test_of_a_version_that_is_stopped_every_pod_is_stopping_and_keeps_since_when() -> None:
    heard = Heard()
    heard.see(pod("a"))
    heard.see(pod("a"), ending=True)
    (shown,) = heard.instances.shown
    assert (shown.state, shown.detail) == (InstanceState.STOPPING, "the version is being stopped")
    heard.clock.time += 5
    heard.see(pod("a"), ending=True)
    assert heard.instances.shown[0].since == shown.since
    heard.see(pod("a"))
    assert heard.instances.shown[0].ready
