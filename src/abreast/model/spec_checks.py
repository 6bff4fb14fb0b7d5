"""What the parts of a spec have against each other, apart from the steps."""

import ipaddress
from collections.abc import Iterator
from typing import Final

from abreast.model.document import Path
from abreast.model.service import Endpoint
from abreast.model.spec_api_keys import api_conflicts
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_container_keys import container_conflicts
from abreast.model.spec_data_keys import data_conflicts
from abreast.model.spec_flag_keys import flag_conflicts
from abreast.model.spec_gate_keys import gate_conflicts
from abreast.model.spec_group_keys import group_conflicts
from abreast.model.spec_keys import SpecKeys, VersionKeys
from abreast.model.spec_kubernetes_keys import deployment_conflicts, kubernetes_conflicts
from abreast.model.spec_log_keys import log_conflicts
from abreast.model.spec_registry_keys import registry_conflicts
from abreast.model.spec_route_checks import route_conflicts
from abreast.model.spec_shadow_checks import shadow_conflicts
from abreast.model.spec_steps import STEPS, step_conflicts
from abreast.model.units import format_duration

VERSIONS: Final[Path] = ("versions",)
LISTEN: Final[Path] = ("gateway", "listen")
GATEWAY_TIMEOUT: Final[Path] = ("gateway", "timeout")

_OF_PROCESSES: Final = {
    "instances": "there are as many as `endpoints` lists",
    "env": "abreast does not start this version",
    "cwd": "abreast does not start this version",
    "live": "abreast cannot restart what it did not start",
    "stop_timeout_s": "abreast does not stop what it did not start",
}
"""Fields that mean nothing for a version with ``endpoints``, and why."""


def conflicts(keys: SpecKeys, service: str) -> Iterator[Conflict]:
    """Every conflict in the spec of this service, in no particular order."""
    if not keys.versions:
        remedy = "name at least one version, as in `v1: {run: …}`"
        yield Conflict(VERSIONS, "there is no version", remedy)
    for name, version in keys.versions.items():
        yield from _version((*VERSIONS, name), version)
    if keys.stable is not None and keys.stable not in keys.versions:
        names = ", ".join(keys.versions) or "none"
        remedy = f"name one of these, or add `{keys.stable}` to them"
        message = f"no version is called {keys.stable!r}; `versions` has: {names}"
        yield Conflict(("stable",), message, remedy, ((*VERSIONS, keys.stable),))
    yield from _timeouts(keys)
    yield from _addresses(keys)
    yield from deployment_conflicts(
        ((*VERSIONS, name), version.kubernetes, version.deployment) for name, version in keys.versions.items()
    )
    yield from api_conflicts(keys.api, keys.gateway.listen)
    yield from _users(keys)
    yield from step_conflicts(keys.rollout)
    yield from shadow_conflicts(keys)
    yield from log_conflicts(keys.logs, keys.traces, keys.rollout.gates.differences.redact, keys.gateway.listen)
    yield from gate_conflicts(keys.rollout.gates.promql, keys.rollout.gates.webhooks)
    yield from flag_conflicts(keys.flags)
    yield from _hooks(keys)
    yield from route_conflicts(keys)
    if keys.data is not None:
        yield from data_conflicts(keys.data, keys.versions, service)
    if keys.group is not None:
        yield from group_conflicts(keys.group, service)


def _hooks(keys: SpecKeys) -> Iterator[Conflict]:
    """Steps that need a database to be named."""
    for index, step in enumerate(keys.rollout.steps or ()):
        name = "expand" if step.expand else "contract" if step.contract is not None else ""
        if name and keys.data is None:
            message = f"`{name}` changes the data of both versions, and the spec has no `data`"
            yield Conflict((*STEPS, index), message, "add `data: {url: postgresql:///…}`, or remove it", (("data",),))


def _version(path: Path, version: VersionKeys) -> Iterator[Conflict]:
    built = version.container is not None and version.container.build is not None
    made = version.kubernetes is not None and version.kubernetes.template is not None
    ways = {
        "run": bool(version.run),
        "image": bool(version.image) or built,
        "deployment": version.deployment is not None,
        "kubernetes.template": made,
        "endpoints": bool(version.endpoints),
    }
    there = [f"`{name}`" for name, is_there in ways.items() if is_there]
    if len(there) > 1:
        message = f"{' and '.join(there)}: a version is run in one way only"
        yield Conflict(path, message, "keep one of them")
    elif not there:
        message = f"none of {', '.join(f'`{name}`' for name in ways)}: there is no way to reach this version"
        remedy = "add `run: COMMAND`, `image: NAME`, `deployment: NAME`, or `endpoints: [ADDRESS]` if it already runs"
        yield Conflict(path, message, remedy)
    elif ways["endpoints"]:
        for field, reason in _OF_PROCESSES.items():
            if field in version.model_fields_set and not (field == "instances" and version.registry):
                name = field.removesuffix("_s")
                message = f"`{name}` has no effect with `endpoints`: {reason}"
                yield Conflict((*path, name), message, "remove it")
        if version.registry is not None:
            yield from registry_conflicts((*path, "endpoints"), version.registry)
    elif ways["image"] and "cwd" in version.model_fields_set:
        message = "`cwd` has no effect with `image`: the image says where its command runs"
        yield Conflict((*path, "cwd"), message, "remove it, or set WORKDIR in the Dockerfile")
    if len(there) == 1:
        yield from kubernetes_conflicts(path, version.kubernetes, version.deployment, version.model_fields_set)
        yield from container_conflicts(path, version.container, version.image or "", version.port)


def _timeouts(keys: SpecKeys) -> Iterator[Conflict]:
    """A candidate must time out before the gateway does, or there is no time left to ask stable."""
    most = keys.gateway.timeout_s
    blamed = False
    for name, version in keys.versions.items():
        if version.timeout_s < most:
            continue
        path: Path = (*VERSIONS, name, "timeout")
        mine, whole = format_duration(version.timeout_s), format_duration(most)
        if "timeout_s" in version.model_fields_set:
            message = f"{mine} is not below gateway.timeout, {whole}: no time is left to retry on stable"
            remedy = f"write less than {whole}, or raise gateway.timeout"
            yield Conflict(path, message, remedy, (GATEWAY_TIMEOUT,))
        elif not blamed:
            blamed = True
            message = f"{whole} is not above the time-out of the versions, {mine} where none is written"
            remedy = f"write more than {mine}, or a shorter `timeout` in each version"
            yield Conflict(GATEWAY_TIMEOUT, message, remedy, (path,))


def _addresses(keys: SpecKeys) -> Iterator[Conflict]:
    """Two versions at one address could not be told apart; the gateway at its own would ask itself."""
    holders: dict[Endpoint, str] = {}
    for name, version in keys.versions.items():
        mine: set[Endpoint] = set()
        for index, endpoint in enumerate(version.listed):
            path: Path = (*VERSIONS, name, "endpoints", index)
            if _reaches(keys.gateway.listen, endpoint):
                message = f"{endpoint} is the gateway's own address"
                yield Conflict(path, message, "write where the version itself listens", (LISTEN,))
            if endpoint in mine:
                yield Conflict(path, f"{endpoint} is here twice", "keep one of the two")
            elif endpoint in holders:
                message = f"{endpoint} is an endpoint of {holders[endpoint]!r} already"
                remedy = "give each version addresses of its own"
                yield Conflict(path, message, remedy, ((*VERSIONS, holders[endpoint]),))
            mine.add(endpoint)
        holders.update(dict.fromkeys(mine, name))


def _reaches(listen: Endpoint, endpoint: Endpoint) -> bool:
    """Whether a request to ``endpoint`` comes in at the gateway, which may listen on every address."""
    everywhere = ipaddress.ip_address(listen.host).is_unspecified
    near = ipaddress.ip_address(endpoint.host)
    return listen.port == endpoint.port and (
        listen.host == endpoint.host or (everywhere and (near.is_loopback or near.is_unspecified))
    )


def _users(keys: SpecKeys) -> Iterator[Conflict]:
    for index, user in enumerate(keys.users.by):
        if user in keys.users.by[:index]:
            yield Conflict(("users", "by", index), f"{str(user)!r} is here twice", "keep one of the two")
