"""An engine's refusals, and what is seen before it is asked."""

from pathlib import Path

import pytest
from aiodocker.exceptions import DockerError

from abreast.drivers.docker_faults import explained, require_sources
from abreast.model.container import Build, Container, Mount
from abreast.model.errors import DriverError
from abreast.model.service import Version


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("write /x: no space left on device", "docker system prune"),
        ("pull access denied for shop", "docker login"),
        ('exec: "serve": executable file not found in $PATH', "container.command"),
        ("Bind for 127.0.0.1:1 failed: port is already allocated", "another one"),
    ],
)
def test_what_is_known_has_a_remedy(said: str, remedy: str) -> None:
    told = explained(DockerError(500, said))
    assert told.startswith(said)
    assert remedy in told


def test_the_unknown_is_quoted_in_one_line() -> None:
    assert explained(DockerError(500, "what\n  now")) == "what now"


def box(**container: object) -> Version:
    return Version("v1", container=Container(**container))  # type: ignore[arg-type]  # any field of any type


def test_what_is_missing_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match=r"versions.v1.container.build: there is no directory"):
        require_sources(box(build=Build(str(tmp_path / "no"))))
    with pytest.raises(DriverError, match="no Dockerfile"):
        require_sources(box(build=Build(str(tmp_path))))
    with pytest.raises(DriverError, match="to be mounted at /data") as caught:
        require_sources(box(image="a", volumes=(Mount("/data", str(tmp_path / "no")),)))
    assert "create it" in caught.value.remedy


def test_what_is_there_passes(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    require_sources(box(build=Build(str(tmp_path)), volumes=(Mount("/data", str(tmp_path)), Mount("/c", "cache"))))
