"""The Deployment that a version is made as: a template of the user's with what abreast adds to it.

By its labels a Deployment is known as ours; without them nothing is changed or deleted but the replicas of one that
the spec names.
"""

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import yaml
from lightkube.models.core_v1 import PodSpec
from lightkube.resources.apps_v1 import Deployment

from abreast.model.errors import DriverError
from abreast.model.service import Version
from abreast.model.workload import Workload

HOME: Final = "abreast/home"
SERVICE: Final = "abreast/service"
VERSION: Final = "abreast/version"
FINGERPRINT: Final = "abreast/fingerprint"
"""An annotation: a digest of what was applied, replicas apart, so that a change is seen without comparing."""

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
FIELD_MANAGER: Final = "abreast"

_OF_CLUSTER: Final = ("deployment.kubernetes.io/", "kubectl.kubernetes.io/last-applied-configuration")
"""Annotations that a manifest has which was read from a cluster; they are not the new one's."""

_API_VERSION: Final = "apps/v1"
_GENTLE: Final = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}
"""Where the template has no strategy: never fewer ready pods than before."""


@dataclass(frozen=True)
class Owner:
    """Who is at work: the state directory's id, and the service."""

    home: str
    service: str

    def labels(self, version: str) -> dict[str, str]:
        """By which the Deployment of a version, and its pods, are known."""
        return {HOME: self.home, SERVICE: self.service.strip("-."), VERSION: version}

    def name(self, version: str) -> str:
        """What the Deployment of a version is called."""
        return f"{self.service}-{version}".strip("-.")

    def owns(self, deployment: Deployment) -> bool:
        """Whether it was made by this state directory's control plane."""
        labels = deployment.metadata.labels if deployment.metadata else None
        return (labels or {}).get(HOME) == self.home


def read_template(workload: Workload) -> dict[str, Any]:
    """The template's manifest as it stands there. Raises DriverError."""
    file = workload.template
    try:
        documents = [document for document in yaml.safe_load_all(Path(file).read_text("utf-8")) if document is not None]
    except OSError as error:
        raise DriverError(f"{file} cannot be read: {error.strerror}", "correct `kubernetes.template`") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        words = " ".join(str(error).split())
        raise DriverError(f"{file} is no YAML: {words}", "write the manifest of one Deployment") from error
    if len(documents) != 1:
        message = f"{file} holds {len(documents)} documents"
        raise DriverError(message, "leave the Deployment in it, and apply the others yourself")
    (document,) = documents
    kind = (document.get("apiVersion"), document.get("kind")) if isinstance(document, dict) else (None, None)
    if kind != (_API_VERSION, "Deployment"):
        found = f"{kind[1] or 'something else'} of {kind[0] or 'no apiVersion'}"
        raise DriverError(f"{file} is {found}, not a Deployment of apps/v1", "write the manifest of one Deployment")
    return dict(document)


def manifest(version: Version, template: Mapping[str, Any], owner: Owner, namespace: str) -> dict[str, Any]:
    """What is applied for the version. Raises DriverError when the template does not say enough.

    Of the template's metadata only labels and annotations are taken, for names, and what clusters add, are not the
    new one's.
    """
    workload = workload_of(version)
    pod = _checked(template, workload.template).spec.template.spec
    index = _container(pod, workload)
    port_of(pod, workload)
    spec = copy.deepcopy(dict(template["spec"]))
    mine = owner.labels(version.name)
    pods = spec["template"]
    pods["metadata"] = _without_names(pods.get("metadata") or {}, mine)
    pods["spec"].setdefault("terminationGracePeriodSeconds", max(1, ceil(version.stop_timeout_s)))
    container = pods["spec"]["containers"][index]
    if workload.image:
        container["image"] = workload.image
    container["env"] = _env(container.get("env") or [], version, owner)
    spec.setdefault("strategy", dict(_GENTLE))
    spec["selector"] = {"matchLabels": mine}
    spec["replicas"] = version.wanted
    metadata = _without_names(template.get("metadata") or {}, {**mine, MANAGED_BY: FIELD_MANAGER})
    metadata |= {"name": owner.name(version.name), "namespace": namespace}
    metadata["annotations"] = {**metadata.get("annotations", {}), FINGERPRINT: _fingerprint(spec, metadata)}
    return {"apiVersion": _API_VERSION, "kind": "Deployment", "metadata": metadata, "spec": spec}


def port_of(pod: PodSpec | None, workload: Workload) -> int:
    """The port that the pods of a version listen at. Raises DriverError when nothing says it."""
    if workload.port is not None:
        return workload.port
    container = pod.containers[_container(pod, workload)] if pod else None
    ports = [each for each in (container.ports if container else None) or [] if (each.protocol or "TCP") == "TCP"]
    if len(ports) != 1 or container is None:
        declared = ", ".join(str(port.containerPort) for port in ports) or "none"
        message = f"which port do the pods of {_told(workload)} listen at? Its container declares, of TCP: {declared}"
        raise DriverError(message, "write `kubernetes: {port: …}` to the version")
    return ports[0].containerPort


def _container(pod: PodSpec | None, workload: Workload) -> int:
    """The place of the container that serves. Raises DriverError when nothing says it."""
    names = [container.name for container in pod.containers] if pod else []
    if workload.container and workload.container not in names:
        message = f"{_told(workload)} has no container {workload.container!r}, only: {', '.join(names) or 'none'}"
        raise DriverError(message, "correct `kubernetes.container`")
    if workload.container:
        return names.index(workload.container)
    if len(names) != 1:
        message = f"{_told(workload)} has {len(names)} containers: {', '.join(names) or 'none'}"
        raise DriverError(message, "say by `kubernetes: {container: NAME}` which one serves")
    return 0


def workload_of(version: Version) -> Workload:
    """How the version is a Deployment. Raises LookupError when it is none."""
    if version.workload is None:
        message = f"{version.name} is no Deployment"
        raise LookupError(message)
    return version.workload


def _told(workload: Workload) -> str:
    return f"Deployment {workload.deployment}" if workload.adopted else workload.template


def _checked(template: Mapping[str, Any], file: str) -> Deployment:
    """The template as the API's types see it. Raises DriverError for what has another type, or is missing."""
    try:
        return cast("Deployment", Deployment.from_dict({"spec": {"selector": {}, **(template.get("spec") or {})}}))
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        remedy = "write the manifest of a Deployment, as `kubectl apply` takes it"
        raise DriverError(f"{file}: {error}", remedy) from error


def _without_names(metadata: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    kept: dict[str, Any] = {"labels": {**(metadata.get("labels") or {}), **labels}}
    annotations = {
        name: value for name, value in (metadata.get("annotations") or {}).items() if not name.startswith(_OF_CLUSTER)
    }
    if annotations:
        kept["annotations"] = annotations
    return kept


def _env(written: list[dict[str, Any]], version: Version, owner: Owner) -> list[dict[str, Any]]:
    """The template's variables, the version's on top, and who the instance is, as for a process."""
    added: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in version.env]
    added += [
        {"name": "ABREAST_SERVICE", "value": owner.service},
        {"name": "ABREAST_VERSION", "value": version.name},
        {"name": "ABREAST_INSTANCE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    names = {each["name"] for each in added}
    return [*(each for each in written if each.get("name") not in names), *added]


def _fingerprint(spec: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    told = {"spec": {key: value for key, value in spec.items() if key != "replicas"}, "metadata": metadata}
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
