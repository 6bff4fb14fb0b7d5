"""Where a container engine listens: what DOCKER_HOST says, else the usual sockets of Docker and Podman."""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from abreast.model.errors import DriverError

_UNIX = "unix://"


def sockets(environ: Mapping[str, str]) -> list[Path]:
    """The usual places, in the order in which they are tried: Docker's, rootless ones of this user, Podman's."""
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    home = Path(environ.get("HOME") or "/")
    return [
        Path("/var/run/docker.sock"),
        runtime / "docker.sock",
        home / ".docker/run/docker.sock",
        runtime / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
    ]


def engine_url(environ: Mapping[str, str] = os.environ, places: list[Path] | None = None) -> str:
    """The engine's address, such as ``unix:///var/run/docker.sock``; nobody is asked whether it answers there.

    Raises DriverError when there is no socket, when this user may not use it, and for an engine elsewhere.
    """
    told = environ.get("DOCKER_HOST", "")
    if told:
        return _told(told)
    present = [place for place in (sockets(environ) if places is None else places) if place.is_socket()]
    for place in present:
        if os.access(place, os.R_OK | os.W_OK):
            return f"{_UNIX}{place}"
    if present:
        raise _forbidden(present[0])
    raise DriverError(
        "there is no container engine: neither Docker's nor Podman's socket is at any of the usual places",
        "install one (apt-get install docker.io, or podman with: systemctl --user start podman.socket), "
        "or say where it is by DOCKER_HOST",
    )


def _told(url: str) -> str:
    if url.startswith(_UNIX):
        path = Path(url.removeprefix(_UNIX))
        if not path.is_socket():
            raise DriverError(
                f"DOCKER_HOST is {url!r}, and there is no socket {str(path)!r}",
                "start the engine, or correct DOCKER_HOST",
            )
        if not os.access(path, os.R_OK | os.W_OK):
            raise _forbidden(path)
        return url
    parts = urlsplit(url)
    if parts.scheme in {"tcp", "http", "https"} and _near(parts.hostname or ""):
        return url
    raise DriverError(
        f"DOCKER_HOST is {url!r}, which is not on this machine: its containers cannot be reached at 127.0.0.1",
        "run abreast where the engine runs, or name the engine's unix:// socket",
    )


def _near(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _forbidden(socket: Path) -> DriverError:
    return DriverError(
        f"this user may not use the container engine's socket {str(socket)!r}",
        "join the group that owns it (for Docker: sudo usermod -aG docker $USER, then log in again), "
        "or use a rootless engine and name its socket by DOCKER_HOST",
    )
