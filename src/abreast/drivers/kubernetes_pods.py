"""What the cluster says of a pod and of a Deployment, in abreast's words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lightkube.models.core_v1 import ContainerStatus, PodStatus
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Pod

from abreast.model.service import Endpoint, Instance, InstanceState

NOWHERE: Final = "0.0.0.0"  # noqa: S104  # nobody listens: it stands for the address that a pod has not got yet
"""The host of an endpoint whose pod has no address yet."""

_HOPEFUL: Final = frozenset({"ContainerCreating", "PodInitializing"})
"""Reasons for waiting that are no failure."""

_SERVING: Final = (InstanceState.READY, InstanceState.UNREADY)


@dataclass(frozen=True)
class Standing:
    """What a pod is at present."""

    state: InstanceState
    detail: str
    restarts: int


def belongs(pod: Pod, deployment: str) -> bool:
    """Whether the pod is that Deployment's: of a ReplicaSet called after it and a digest of the template.

    Labels are not enough: the selector of one Deployment may fit the pods of another, such as `app=shop` those of
    `app=shop,version=v2`.
    """
    owners = (pod.metadata.ownerReferences if pod.metadata else None) or []
    return any(owner.kind == "ReplicaSet" and owner.name.rpartition("-")[0] == deployment for owner in owners)


def finished(pod: Pod) -> bool:
    """Whether it has ended for good, and only its record is left; evicted pods are such."""
    return bool(pod.status and pod.status.phase in {"Succeeded", "Failed"})


def standing(pod: Pod, before: InstanceState | None) -> Standing:
    """What the pod is at present; ``before``: the state that was last shown of it, if any."""
    status = pod.status or PodStatus()
    containers = [*(status.initContainerStatuses or []), *(status.containerStatuses or [])]
    restarts = sum(each.restartCount for each in status.containerStatuses or [])
    if pod.metadata and pod.metadata.deletionTimestamp:
        return Standing(InstanceState.STOPPING, "the pod is being ended", restarts)
    if _condition(status, "Ready") == "True" and status.podIP:
        return Standing(InstanceState.READY, "the pod is ready", restarts)
    failures = list(_failures(containers))
    if failures:
        return Standing(InstanceState.FAILED, "; ".join(failures), restarts)
    if before in _SERVING:
        return Standing(InstanceState.UNREADY, _unready(status, "the pod is not ready any more"), restarts)
    return Standing(InstanceState.STARTING, _unready(status, "the pod is not ready yet"), restarts)


def instance(pod: Pod, version: str, port: int, before: Instance | None, now: float) -> Instance:
    """The pod as an instance; ``before`` is how it was shown last, ``now`` Unix seconds."""
    found = standing(pod, before.state if before else None)
    name = (pod.metadata.name if pod.metadata else None) or "?"
    return Instance(
        id=name,
        version=version,
        endpoint=Endpoint((pod.status.podIP if pod.status else None) or NOWHERE, port),
        state=found.state,
        since=before.since if before and before.state is found.state else now,
        detail=found.detail,
        restarts=found.restarts,
    )


def complaints(deployment: Deployment) -> Sequence[str]:
    """Why the Deployment itself does not get on: what no pod can tell, because there is none."""
    told = []
    for condition in (deployment.status.conditions if deployment.status else None) or []:
        stuck = condition.type == "Progressing" and condition.status == "False"
        if stuck or (condition.type == "ReplicaFailure" and condition.status == "True"):
            told.append(": ".join(filter(None, (condition.reason, condition.message))))
    return told


def _condition(status: PodStatus, kind: str) -> str:
    return next((each.status for each in status.conditions or [] if each.type == kind), "")


def _failures(containers: Sequence[ContainerStatus]) -> Iterator[str]:
    """A sentence for each container that has failed, such as CrashLoopBackOff, ImagePullBackOff or OOMKilled."""
    for each in containers:
        state, last = each.state, each.lastState
        waiting = state.waiting if state else None
        ended = state.terminated if state else None
        if waiting and waiting.reason and waiting.reason not in _HOPEFUL:
            before = last.terminated if last else None
            told = [f"{each.name}: {waiting.reason}", waiting.message or ""]
            told += [f"it ended before with {_end(before.reason, before.exitCode)}"] if before else []
            yield ", ".join(filter(None, told))
        elif ended and ended.exitCode:
            yield f"{each.name}: ended with {_end(ended.reason, ended.exitCode)}"


def _end(reason: str | None, code: int) -> str:
    return f"{reason}, exit code {code}" if reason else f"exit code {code}"


def _unready(status: PodStatus, otherwise: str) -> str:
    """Why a pod is not ready: that no node takes it (Unschedulable), or what it says itself."""
    for kind in ("PodScheduled", "Initialized", "Ready", "ContainersReady"):
        for each in status.conditions or []:
            if each.type == kind and each.status == "False" and (each.reason or each.message):
                return ": ".join(filter(None, (each.reason, each.message)))
    return otherwise
