"""The pods of one version as instances: what is shown, and what is told when it changes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from lightkube.resources.core_v1 import Pod

from abreast.drivers.kubernetes_pods import finished, instance
from abreast.model.service import Instance, InstanceState
from abreast.ports import Clock


@dataclass(frozen=True)
class Ears:
    """Who hears of what: that something changed, of an instance's state, and of what no instance can tell."""

    on_change: Callable[[], None]
    on_event: Callable[[Instance, str], None]
    say: Callable[[str], None]


class PodInstances:
    """The instances of ``version``, by the pods' names."""

    def __init__(self, version: str, clock: Clock, ears: Ears) -> None:
        self._version = version
        self._clock = clock
        self._ears = ears
        self._shown: dict[str, Instance] = {}

    @property
    def shown(self) -> Sequence[Instance]:
        """As they are at present."""
        return list(self._shown.values())

    def remember(self, instances: Iterable[Instance]) -> None:
        """Show these, whom an earlier control plane knew, until pods are seen."""
        for each in instances:
            self._shown.setdefault(each.id, each)

    def see(self, pods: Iterable[Pod], port: int, *, ending: bool) -> None:
        """These are the pods now; ``ending``: the version is being stopped, so that none of them is of use."""
        before, self._shown = self._shown, {}
        told: list[Instance] = []
        for pod in pods:
            if finished(pod):
                continue
            found = self._instance(pod, port, before, ending=ending)
            self._shown[found.id] = found
            known = before.get(found.id)
            if known is None or known.state is not found.state:
                told.append(found)
        for found in told:
            self._ears.on_event(found, found.detail)
        for name, gone in before.items():
            if name not in self._shown:
                self._ears.on_event(replace(gone, state=InstanceState.STOPPING), "the pod is gone")
        if self._shown != before:
            self._ears.on_change()

    def _instance(self, pod: Pod, port: int, before: dict[str, Instance], *, ending: bool) -> Instance:
        name = (pod.metadata.name if pod.metadata else None) or ""
        now = self._clock.now()
        found = instance(pod, self._version, port, before.get(name), now)
        if not ending or found.state is InstanceState.STOPPING:
            return found
        known = before.get(name)
        since = known.since if known and known.state is InstanceState.STOPPING else now
        return replace(found, state=InstanceState.STOPPING, since=since, detail="the version is being stopped")
