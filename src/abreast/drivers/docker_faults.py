"""An engine's refusals in words that say what to do, and what can be seen to be wrong before it is asked."""

from pathlib import Path
from typing import Final

from aiodocker.exceptions import DockerError

from abreast.drivers.docker_config import container_of
from abreast.model.errors import DriverError
from abreast.model.service import Version

_REMEDIES: Final = (
    ("no space left", "the engine's disk is full: free some with docker system prune"),
    ("port is already allocated", "another container has the port; it is tried again on another one"),
    ("address already in use", "somebody has the port; it is tried again on another one"),
    ("bind source path does not exist", "create what is mounted, or correct `container.volumes`"),
    ("no such image", "build or pull the image, or let `container.pull` be missing"),
    ("executable file not found", "correct `container.command`, or the image's CMD"),
    ("permission denied", "look at the rights of what is executed or mounted, and at `container.user`"),
    ("unable to start container process: exec", "correct `container.command`, or the image's CMD"),
    ("unable to find user", "correct `container.user`: the image has no such user"),
    ("is already in use by container", "remove the container of that name; it is not abreast's"),
    ("that name is already in use", "remove the container of that name; it is not abreast's"),  # Podman's words
    ("pull access denied", "correct the image's name, or fetch it yourself: docker login, docker pull"),
    ("manifest unknown", "correct the image's tag: the registry has none of that name"),
    ("repository does not exist", "correct the image's name"),
    ("no such host", "the registry's name cannot be looked up: correct the image's name, or mend the network"),
    ("range of cpus", "lower `container.cpus`: the machine has fewer"),
)
"""Part of what an engine says, in lower case, and what to do about it."""


def explained(error: DockerError) -> str:
    """What the engine said, in one line, and what to do if that is known."""
    said = " ".join(error.message.split())[:400]
    low = said.lower()
    remedy = next((remedy for words, remedy in _REMEDIES if words in low), "")
    return f"{said} ({remedy})" if remedy else said


def require_sources(version: Version) -> None:
    """Raise DriverError if a Dockerfile or a mounted path is not there: no retry would mend that."""
    told, where = container_of(version), f"versions.{version.name}.container"
    if told.build is not None:
        context = Path(told.build.context)
        if not context.is_dir():
            raise DriverError(
                f"{where}.build: there is no directory {str(context)!r}",
                "create it, or correct `build.context` (it is taken relative to the spec's directory)",
            )
        if not (context / told.build.dockerfile).is_file():
            raise DriverError(
                f"{where}.build: there is no Dockerfile {str(context / told.build.dockerfile)!r}",
                "write it, or correct `build.dockerfile` (it is taken relative to `build.context`)",
            )
    for mount in told.volumes:
        if mount.bound and not Path(mount.source).exists():
            raise DriverError(
                f"{where}.volumes: there is no {mount.source!r} to be mounted at {mount.target}",
                "create it, or correct the path (it is taken relative to the spec's directory)",
            )
