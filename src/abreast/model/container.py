"""Versions that are containers: what an engine is asked to run."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Build:
    """How an image is made: ``context`` is a directory (absolute), ``dockerfile`` relative to it."""

    context: str
    dockerfile: str = "Dockerfile"
    args: tuple[tuple[str, str], ...] = ()
    target: str = ""


@dataclass(frozen=True)
class Mount:
    """What is seen at ``target`` in the container: an absolute path of this machine, a named volume or a fresh one."""

    target: str
    source: str = ""
    read_only: bool = False

    @property
    def bound(self) -> bool:
        """Whether the source is a path of this machine."""
        return self.source.startswith("/")


@dataclass(frozen=True)
class Container:
    """The image and how it is run. Empty and None mean: as the image or the engine has it.

    With ``build`` the image is made here, and ``image`` is the name that it gets.
    """

    image: str = ""
    build: Build | None = None
    port: int | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    volumes: tuple[Mount, ...] = ()
    networks: tuple[str, ...] = ()
    cpus: float | None = None
    memory_bytes: int | None = None
    user: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    pull: Literal["missing", "always", "never"] = "missing"
