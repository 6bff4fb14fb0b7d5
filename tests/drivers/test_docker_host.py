"""Where an engine is looked for."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from abreast.drivers.docker_host import engine_url, sockets
from abreast.model.errors import DriverError


@pytest.fixture
def listening(short_tmp: Path) -> Iterator[Path]:
    path = short_tmp / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        yield path


def test_the_variable_comes_first(listening: Path) -> None:
    assert engine_url({"DOCKER_HOST": f"unix://{listening}"}, []) == f"unix://{listening}"
    assert engine_url({"DOCKER_HOST": "tcp://127.0.0.1:2375"}, [listening]) == "tcp://127.0.0.1:2375"


def test_else_the_first_socket_that_is_there(listening: Path) -> None:
    assert engine_url({}, [Path("/nowhere"), listening]) == f"unix://{listening}"


@pytest.mark.parametrize("url", ["tcp://10.0.0.1:2375", "ssh://me@there", "tcp://engine.example:2376"])
def test_an_engine_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(DriverError, match="not on this machine"):
        engine_url({"DOCKER_HOST": url})


def test_none_is_told_with_what_to_do() -> None:
    with pytest.raises(DriverError, match="no container engine") as caught:
        engine_url({}, [])
    assert "DOCKER_HOST" in caught.value.remedy
    with pytest.raises(DriverError, match="no socket '/nowhere'"):
        engine_url({"DOCKER_HOST": "unix:///nowhere"})


def test_a_socket_without_the_right_to_use_it_is_told(listening: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may use every socket
    for environ, places in (({}, [listening]), ({"DOCKER_HOST": f"unix://{listening}"}, [])):
        with pytest.raises(DriverError, match="may not use") as caught:
            engine_url(environ, places)
        assert "usermod -aG docker" in caught.value.remedy


def test_rootless_engines_and_podman_are_looked_for() -> None:
    found = list(map(str, sockets({"XDG_RUNTIME_DIR": "/run/user/7", "HOME": "/home/ann"})))
    assert found[0] == "/var/run/docker.sock"
    assert "/run/user/7/docker.sock" in found
    assert "/run/user/7/podman/podman.sock" in found
    assert "/home/ann/.docker/run/docker.sock" in found
