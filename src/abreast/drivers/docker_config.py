"""What an engine is asked for, as data: a container's configuration, its labels, and how they are read."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from abreast.model.container import Container, Mount
from abreast.model.errors import DriverError
from abreast.model.service import Endpoint, Version

HOME: Final = "abreast.home"
"""The label by which a container is ours; its value is the id of the state directory."""

SERVICE: Final = "abreast.service"
VERSION: Final = "abreast.version"
INSTANCE: Final = "abreast.instance"
NUMBER: Final = "abreast.number"
FINGERPRINT: Final = "abreast.fingerprint"
RESTARTS: Final = "abreast.restarts"
SPEC: Final = "abreast.spec"

_PORT: Final = 8080
_BRIDGES: Final = ("bridge", "default", "podman")
_LOG_SIZE: Final = "10m"
_VERSION_JSON: Final = TypeAdapter(Version)

Inspected = Mapping[str, Any]
"""What the engine tells of a container or an image, as the Engine API says."""


@dataclass(frozen=True)
class Seat:
    """Who an instance is, which its labels say."""

    home: str
    service: str
    instance: str
    number: int
    fingerprint: str
    restarts: int = 0

    @property
    def name(self) -> str:
        """The container's name: for people only, since identity is in the labels."""
        return f"{self.service}-{self.instance}-{self.home[:8]}"


@dataclass(frozen=True)
class Found:
    """A container of ours, as its labels tell. The version comes without its environment."""

    container_id: str
    instance: str
    number: int
    fingerprint: str
    restarts: int
    version: Version


def container_of(version: Version) -> Container:
    """The version's container; versions without one never come here. Raises ValueError."""
    if version.container is None:
        message = f"{version.name} is no container"
        raise ValueError(message)
    return version.container


def fingerprint(version: Version) -> str:
    """What a running container must share with the version to be kept, as a short hash.

    That is the whole of its container and its environment. Probes, time-outs and `pull` take effect on one that runs.
    """
    container = replace(container_of(version), pull="missing")
    essence = json.dumps([asdict(container), sorted(version.env)], sort_keys=True)
    return hashlib.sha256(essence.encode()).hexdigest()[:16]


def image_tag(version: Version, service: str) -> str:
    """The image's name; one that is built without a name is called after service and version."""
    return container_of(version).image or f"abreast/{service}:{version.name}"


def container_port(version: Version, exposed: Sequence[str]) -> int:
    """The port that the container listens at; ``exposed`` is the image's, as ``8080/tcp``. Raises DriverError."""
    told = container_of(version).port
    if told is not None:
        return told
    ports = sorted(int(each.partition("/")[0]) for each in exposed if each.partition("/")[2] in {"", "tcp"})
    if len(ports) == 1:
        return ports[0]
    if not ports or _PORT in ports:
        return _PORT
    raise DriverError(
        f"versions.{version.name}: the image exposes the ports {', '.join(map(str, ports))}",
        f"say which one gets the requests: port: {ports[0]}",
    )


def configuration(version: Version, seat: Seat, *, image: str, port: int, podman: bool = False) -> dict[str, Any]:
    """The body of ``POST /containers/create``: ``image`` is the id of what was pulled or built.

    Without `networks` the port is published at 127.0.0.1, at a number of the engine's choice.
    """
    told = container_of(version)

    def filled(text: str) -> str:
        return text.replace("{port}", str(port)).replace("{instance}", seat.instance)

    env = {name: filled(value) for name, value in version.env}
    env.update(
        PORT=str(port), ABREAST_SERVICE=seat.service, ABREAST_VERSION=version.name, ABREAST_INSTANCE=seat.instance
    )
    place = f"{port}/tcp"
    host: dict[str, Any] = {
        "Mounts": [_mount(mount) for mount in told.volumes if mount.source],
        "RestartPolicy": {"Name": "no"},
    }
    if not podman:
        # abreast keeps the log itself; the engine's own copy must not fill its disk.
        host["LogConfig"] = {"Type": "json-file", "Config": {"max-size": _LOG_SIZE, "max-file": "2"}}
    if told.networks:
        host["NetworkMode"] = told.networks[0]
    else:
        host["PortBindings"] = {place: [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    if told.cpus is not None:
        host["NanoCpus"] = round(told.cpus * 1e9)
    if told.memory_bytes is not None:
        host["Memory"] = told.memory_bytes
        host["MemorySwap"] = told.memory_bytes  # the same number: no swap beside it
    body: dict[str, Any] = {
        "Image": image,
        "Env": [f"{name}={value}" for name, value in env.items()],
        "Labels": {**dict(told.labels), **_labels(version, seat, port)},
        "ExposedPorts": {place: {}},
        "Volumes": {mount.target: {} for mount in told.volumes if not mount.source},
        "StopTimeout": math.ceil(version.stop_timeout_s),
        "HostConfig": host,
    }
    if told.entrypoint:
        body["Entrypoint"] = [filled(part) for part in told.entrypoint]
    if told.command:
        body["Cmd"] = [filled(part) for part in told.command]
    if told.user:
        body["User"] = told.user
    return body


def found(inspected: Inspected) -> Found | None:
    """Who a container of ours is; None when its labels are not whole (somebody wrote them, or another abreast)."""
    labels = inspected.get("Config", {}).get("Labels") or {}
    try:
        return Found(
            container_id=inspected["Id"],
            instance=labels[INSTANCE],
            number=int(labels[NUMBER]),
            fingerprint=labels[FINGERPRINT],
            restarts=int(labels[RESTARTS]),
            version=_VERSION_JSON.validate_json(labels[SPEC]),
        )
    except (KeyError, ValueError, ValidationError):
        return None


def endpoint(inspected: Inspected, version: Version) -> Endpoint | None:
    """Where a running container is reached; None while the engine has given it no address."""
    told = container_of(version)
    network = inspected.get("NetworkSettings") or {}
    port = int((inspected["Config"]["Labels"] or {}).get("abreast.port", _PORT))
    if told.networks:
        address = ((network.get("Networks") or {}).get(told.networks[0]) or {}).get("IPAddress") or ""
        return Endpoint(address, port) if address else None
    for binding in (network.get("Ports") or {}).get(f"{port}/tcp") or ():
        if binding.get("HostPort"):
            return Endpoint("127.0.0.1", int(binding["HostPort"]))
    return None


def how_it_ended(state: Mapping[str, Any]) -> str:
    """Why a container does not run any more, from its ``State``."""
    if state.get("OOMKilled"):
        return "killed for want of memory (OOM); raise `container.memory`, or find what grows"
    code = state.get("ExitCode", 0)
    words = f"ended with exit code {code}"
    signals = {137: " (SIGKILL)", 139: " (SIGSEGV)", 143: " (SIGTERM)", 126: " (the command cannot be executed)"}
    words += signals.get(code, "")
    return f"{words}: {state['Error']}" if state.get("Error") else words


def health(state: Mapping[str, Any]) -> str:
    """What the image's own HEALTHCHECK has against it; "" when it is well, starting, or has none."""
    told = state.get("Health") or state.get("Healthcheck") or {}
    if told.get("Status") != "unhealthy":
        return ""
    log = told.get("Log") or []
    said = (log[-1].get("Output") or "").strip().splitlines() if log else []
    return f"HEALTHCHECK: unhealthy: {said[-1][:200]}" if said else "HEALTHCHECK: unhealthy"


def _labels(version: Version, seat: Seat, port: int) -> dict[str, str]:
    return {
        HOME: seat.home,
        SERVICE: seat.service,
        VERSION: version.name,
        INSTANCE: seat.instance,
        NUMBER: str(seat.number),
        FINGERPRINT: seat.fingerprint,
        RESTARTS: str(seat.restarts),
        "abreast.port": str(port),
        SPEC: _VERSION_JSON.dump_json(_without_secrets(version)).decode(),
    }


def _without_secrets(version: Version) -> Version:
    """Labels are shown to whoever asks the engine: no environment, and no arguments of builds."""
    told = container_of(version)
    build = told.build and replace(told.build, args=())
    return replace(version, env=(), container=replace(told, build=build))


def _mount(mount: Mount) -> dict[str, Any]:
    kind = "bind" if mount.bound else "volume"
    return {"Type": kind, "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}
