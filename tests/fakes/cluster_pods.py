"""The Deployment controller, scheduler and kubelet of a fake cluster: pods that come, get ready and go."""

import asyncio
import copy
import json
from collections.abc import Callable, Iterable
from hashlib import sha256
from itertools import count
from typing import Any

from tests.fakes.cluster import Cluster, Object, now


class Pods:
    """Keeps as many pods as each Deployment wants; a new template replaces them one by one, without a gap.

    ``ready``: whether pods get ready; ``linger``: whether pods that are ended stay until `bury`;
    ``address``: the address of the pod of that number.
    """

    def __init__(self, cluster: Cluster, *, ready: bool = True) -> None:
        self.cluster = cluster
        self.ready = ready
        self.linger = False
        self.address: Callable[[int], str] = lambda number: f"10.0.0.{number}"
        self._numbers = count(1)
        self._due: asyncio.Handle | None = None
        cluster.on_write = self.stir

    def stir(self) -> None:
        """Look soon, but not in the midst of a request."""
        if self._due is None:
            self._due = asyncio.get_running_loop().call_soon(self._step)

    def bury(self) -> None:
        """Take away the pods that are being ended."""
        for pod in self.cluster.all("pods"):
            if pod["metadata"].get("deletionTimestamp"):
                self.cluster.remove("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])

    def hurt(self, *, well: bool) -> None:
        """Let every pod fail its readiness probe, or be well again; those to come as well."""
        self.ready = well
        for pod in self.cluster.all("pods"):
            self.become(pod, ready=well, message="" if well else "Readiness probe failed: HTTP answered 503")

    def become(self, pod: Object, *, ready: bool, message: str = "", **status: Any) -> None:  # noqa: ANN401  # JSON
        """Change what the pod says of itself."""
        changed = copy.deepcopy(self.cluster.objects["pods", pod["metadata"]["namespace"], pod["metadata"]["name"]])
        told = {"type": "Ready", "status": "True" if ready else "False"}
        if message:
            told |= {"reason": "ContainersNotReady", "message": message}
        changed["status"] |= {"conditions": [told], **status}
        self.cluster.write("pods", changed)

    def _step(self) -> None:
        self._due = None
        deployments = self.cluster.all("deployments")
        known = {each["metadata"]["uid"] for each in deployments}
        for pod in self.cluster.all("pods"):
            if pod["metadata"]["ownerReferences"][0]["uid"] not in known:
                self._end([pod])
        for deployment in deployments:
            self._follow(deployment)

    def _follow(self, deployment: Object) -> None:
        mine = [pod for pod in self._alive() if self._owner(pod) == deployment["metadata"]["uid"]]
        template = deployment["spec"]["template"]
        current = [pod for pod in mine if pod["spec"] == template["spec"]]
        old = [pod for pod in mine if pod not in current]
        wanted = deployment["spec"].get("replicas", 1)
        for _ in range(wanted - len(current)):
            self._start(deployment)
        self._end(current[wanted:])
        if old and sum(map(_is_ready, current)) >= wanted:
            self._end(old)
        elif old:
            self.stir()

    def _alive(self) -> list[Object]:
        return [pod for pod in self.cluster.all("pods") if not pod["metadata"].get("deletionTimestamp")]

    @staticmethod
    def _owner(pod: Object) -> str:
        return str(pod["metadata"]["ownerReferences"][0]["uid"])

    def _start(self, deployment: Object) -> None:
        number = next(self._numbers)
        metadata, template = deployment["metadata"], deployment["spec"]["template"]
        digest = sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:9]
        # Of a ReplicaSet, which here has no other existence; its uid is the Deployment's.
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{metadata['name']}-{digest}"}
        owner["uid"] = metadata["uid"]
        pod = {
            "metadata": {
                "name": f"{metadata['name']}-{digest}-{number:05d}",
                "namespace": metadata["namespace"],
                "labels": dict(template["metadata"].get("labels", {})),
                "ownerReferences": [owner],
            },
            "spec": copy.deepcopy(template["spec"]),
            "status": {"phase": "Running", "podIP": self.address(number), "conditions": []},
        }
        self.cluster.write("pods", pod)
        message = "" if self.ready else "Readiness probe failed: HTTP answered 503"
        self.become(pod, ready=self.ready, message=message)

    def _end(self, pods: Iterable[Object]) -> None:
        for pod in pods:
            if pod["metadata"].get("deletionTimestamp"):
                continue
            changed = copy.deepcopy(pod)
            changed["metadata"] |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": 10}
            self.cluster.write("pods", changed)
            if not self.linger:
                asyncio.get_running_loop().call_later(0.02, self.bury)


def _is_ready(pod: Object) -> bool:
    conditions = pod["status"]["conditions"]
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
