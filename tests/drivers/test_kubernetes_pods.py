"""What the cluster says, in abreast's words."""

from typing import Any, cast

import pytest
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Pod

from abreast.drivers.kubernetes_pods import NOWHERE, belongs, complaints, finished, instance, standing
from abreast.model.service import Endpoint, Instance, InstanceState
from tests.fakes.cluster import Object


def pod(*, ending: bool = False, ip: str = "10.0.0.1", **status: Any) -> Pod:  # noqa: ANN401  # JSON
    metadata: Object = {"name": "shop-1"} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if ending else {})
    return cast("Pod", Pod.from_dict({"metadata": metadata, "status": {"podIP": ip, **status}}))


def condition(kind: str, *, holds: bool, reason: str = "", message: str = "") -> Object:
    told = {"type": kind, "status": "True" if holds else "False"}
    return told | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})


def container(state: Object, last: Object | None = None, restarts: int = 0) -> Object:
    told = {"name": "shop", "image": "a", "imageID": "", "ready": False, "restartCount": restarts, "state": state}
    return told | ({"lastState": last} if last else {})


READY = [condition("Ready", holds=True)]
UNREADY = [condition("Ready", holds=False, reason="ContainersNotReady", message="containers with unready status")]
OOM = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}


def test_a_ready_pod_with_an_address_is_ready() -> None:
    assert standing(pod(conditions=READY), None).state is InstanceState.READY
    assert standing(pod(conditions=READY, ip=""), None).state is InstanceState.STARTING


def test_a_pod_that_is_being_ended_is_stopping_however_ready_it_is() -> None:
    assert standing(pod(ending=True, conditions=READY), InstanceState.READY).state is InstanceState.STOPPING


@pytest.mark.parametrize(
    ("before", "state"),
    [
        (None, InstanceState.STARTING),
        (InstanceState.STARTING, InstanceState.STARTING),
        (InstanceState.READY, InstanceState.UNREADY),
        (InstanceState.UNREADY, InstanceState.UNREADY),
        (InstanceState.FAILED, InstanceState.STARTING),
    ],
)
def test_who_was_ready_and_is_not_is_unready(before: InstanceState | None, state: InstanceState) -> None:
    found = standing(pod(conditions=UNREADY), before)
    assert found.state is state
    assert found.detail == "ContainersNotReady: containers with unready status"


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (
            container({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}}, OOM, 5),
            "shop: CrashLoopBackOff, back-off 40s, it ended before with OOMKilled, exit code 137",
        ),
        (
            container({"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "shop:9"'}}),
            'shop: ImagePullBackOff, Back-off pulling image "shop:9"',
        ),
        (container(OOM), "shop: ended with OOMKilled, exit code 137"),
        (container({"terminated": {"exitCode": 3}}), "shop: ended with exit code 3"),
    ],
)
def test_a_container_that_failed_says_why(status: Object, detail: str) -> None:
    found = standing(pod(conditions=UNREADY, containerStatuses=[status]), InstanceState.READY)
    assert found.state is InstanceState.FAILED
    assert found.detail == detail
    assert found.restarts == status["restartCount"]


def test_an_init_container_that_fails_is_a_failure_too() -> None:
    failing = container({"waiting": {"reason": "CrashLoopBackOff"}})
    found = standing(pod(conditions=UNREADY, initContainerStatuses=[failing]), None)
    assert (found.state, found.detail) == (InstanceState.FAILED, "shop: CrashLoopBackOff")


def test_waiting_for_the_container_to_be_made_is_no_failure() -> None:
    status = container({"waiting": {"reason": "ContainerCreating"}})
    assert standing(pod(conditions=UNREADY, containerStatuses=[status]), None).state is InstanceState.STARTING


def test_a_pod_that_no_node_takes_says_so() -> None:
    words = "0/3 nodes are available: 3 Insufficient cpu."
    unscheduled = condition("PodScheduled", holds=False, reason="Unschedulable", message=words)
    found = standing(pod(ip="", phase="Pending", conditions=[unscheduled]), None)
    assert (found.state, found.detail) == (InstanceState.STARTING, f"Unschedulable: {words}")


@pytest.mark.parametrize(
    ("owner", "its"),
    [
        ({"kind": "ReplicaSet", "name": "shop-7d4f9"}, True),
        ({"kind": "ReplicaSet", "name": "shop-v2-7d4f9"}, False),
        ({"kind": "StatefulSet", "name": "shop-7d4f9"}, False),
        (None, False),
    ],
)
def test_a_pod_belongs_to_the_deployment_that_its_replicaset_is_called_after(owner: Object | None, its: bool) -> None:
    owners = [{"apiVersion": "apps/v1", "uid": "1", **owner}] if owner else []
    found = cast("Pod", Pod.from_dict({"metadata": {"name": "a", "ownerReferences": owners}}))
    assert belongs(found, "shop") is its


@pytest.mark.parametrize(("phase", "over"), [("Running", False), ("Failed", True), ("Succeeded", True)])
def test_an_evicted_pod_is_over(phase: str, over: bool) -> None:
    assert finished(pod(phase=phase)) is over


def test_an_instance_keeps_the_time_of_its_state() -> None:
    first = instance(pod(conditions=READY), "v1", 8080, None, 100.0)
    assert first == Instance(
        "shop-1", "v1", Endpoint("10.0.0.1", 8080), InstanceState.READY, 100.0, "the pod is ready", 0
    )
    assert instance(pod(conditions=READY), "v1", 8080, first, 200.0).since == 100.0
    assert instance(pod(conditions=UNREADY), "v1", 8080, first, 200.0).since == 200.0


def test_a_pod_without_an_address_is_nowhere() -> None:
    assert instance(pod(ip=""), "v1", 8080, None, 1.0).endpoint == Endpoint(NOWHERE, 8080)


def test_a_deployment_complains_of_what_keeps_it_from_having_pods() -> None:
    conditions = [
        condition("ReplicaFailure", holds=True, reason="FailedCreate", message="exceeded quota: pods"),
        condition("Progressing", holds=False, reason="ProgressDeadlineExceeded", message="timed out"),
        condition("Available", holds=False, reason="MinimumReplicasUnavailable"),
    ]
    spec: Object = {"selector": {}, "template": {}}
    found = cast("Deployment", Deployment.from_dict({"spec": spec, "status": {"conditions": conditions}}))
    assert complaints(found) == ["FailedCreate: exceeded quota: pods", "ProgressDeadlineExceeded: timed out"]
    assert complaints(cast("Deployment", Deployment.from_dict({"spec": spec}))) == []
