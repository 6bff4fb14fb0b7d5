"""A ParallelRun as the operator reads it. Its schema is deploy/kubernetes/operator/crd.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lightkube.generic_resource import create_namespaced_resource

GROUP: Final = "abreast.dev"
VERSION: Final = "v1alpha1"
ParallelRun = create_namespaced_resource(GROUP, VERSION, "ParallelRun", "parallelruns")

FINALIZER: Final = f"{GROUP}/abort"
"""Holds the deletion of one with ``abortOnDelete`` until its rollout is told to go back."""

DEFAULT_SECRET: Final = "abreast-token"  # noqa: S105  # the name of an object, not what is in it
DEFAULT_KEY: Final = "token"


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for by a ParallelRun.

    - ``url``: where the control plane's API answers; ``secret`` and ``key``: its token, empty: none is sent.
    - ``candidate``: the version to roll out; ``attempt``: a higher number tries one again that was rolled back.
    - ``reason``, ``alone``: as `abreast start` takes them.
    - ``abort_on_delete``: whether deleting it rolls back.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    url: str
    candidate: str
    attempt: int = 1
    reason: str = ""
    alone: bool = False
    abort_on_delete: bool = False
    secret: str = ""
    key: str = DEFAULT_KEY
    deleted: bool = False
    finalizers: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Which one it is, for people and as the actor of what it orders."""
        return f"ParallelRun {self.namespace}/{self.name}"


def wanted(found: Mapping[str, Any]) -> Wanted:
    """What the object asks for; the API server has checked it by the schema. Raises KeyError for one that was not."""
    metadata, spec = found["metadata"], found["spec"]
    plane = spec["controlPlane"]
    token = plane.get("tokenSecret")
    return Wanted(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        generation=metadata.get("generation", 0),
        url=plane["url"].rstrip("/"),
        candidate=spec["candidate"],
        attempt=spec.get("attempt", 1),
        reason=spec.get("reason", ""),
        alone=spec.get("alone", False),
        abort_on_delete=spec.get("abortOnDelete", False),
        secret="" if token is None else token.get("name", DEFAULT_SECRET),
        key=DEFAULT_KEY if token is None else token.get("key", DEFAULT_KEY),
        deleted=metadata.get("deletionTimestamp") is not None,
        finalizers=tuple(metadata.get("finalizers") or ()),
    )
