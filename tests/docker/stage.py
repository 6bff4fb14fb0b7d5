"""A Docker driver's surroundings for tests: versions whose health the test sets, and a memory of what was told."""

from dataclasses import dataclass, field, replace

from abreast.drivers.docker import DockerDriver
from abreast.drivers.docker_engine import Engine
from abreast.model.container import Container, Mount
from abreast.model.service import Probe, Version
from abreast.process.identity import home_id
from tests.drivers.stage import HURRIED, Stage
from tests.fakes.docker import IMAGE, Dockerd
from tests.process.programs import SERVER

ENDING = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
"""The first process of a container ignores signals that it has not asked for."""

HEALTHY = Probe("http", "/ready", interval_s=0.05, timeout_s=1.0)


@dataclass
class DockerStage(Stage):
    """``said`` holds what was told of the engine, in order."""

    dockerd: Dockerd | None = None
    said: list[str] = field(default_factory=list)

    def docker(self, folder: str = "state") -> DockerDriver:
        """A driver of a state directory, on the test's engine."""
        dockerd = self.dockerd
        assert dockerd is not None
        state = self.folder / folder
        state.mkdir(exist_ok=True)
        engine = Engine(lambda: dockerd.url, home_id(state), self.clock, self.said.append)
        run = self.folder / f"{folder}-run"
        return DockerDriver(state, run, engine, self.clock, self.changed, self.heard, "shop", timing=HURRIED)

    def box(self, name: str = "v1", instances: int = 1, mark: str = "") -> Version:
        """A version whose health the test sets; another ``mark`` makes another command of it."""
        program = ENDING + SERVER.replace("127.0.0.1", "0.0.0.0")  # noqa: S104  # within the container
        return Version(
            name,
            instances=instances,
            ready=HEALTHY,
            stop_timeout_s=5.0,
            container=Container(
                IMAGE,
                command=("python3", "-S", "-E", "-c", program, "{port}", "/health", mark),
                volumes=(Mount("/health", str(self.folder / "health"), read_only=True),),
            ),
        )

    def saying(self, text: str, name: str = "v1") -> Version:
        """A version that runs a Python program, ready when something accepts."""
        version = self.box(name)
        assert version.container is not None
        container = replace(version.container, command=("python3", "-S", "-E", "-u", "-c", text))
        return replace(version, container=container, ready=replace(HEALTHY, kind="tcp"))


def changed(version: Version, **container: object) -> Version:
    """The version with another container."""
    assert version.container is not None
    return replace(version, container=replace(version.container, **container))  # type: ignore[arg-type]  # any field
