"""The demo's versions as containers: one image for all of them, built here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiodocker.exceptions import DockerError

from abreast.clock import SystemClock
from abreast.demo.teller import Teller
from abreast.drivers.docker_engine import Engine, EngineAwayError
from abreast.drivers.docker_faults import explained
from abreast.drivers.docker_host import engine_url
from abreast.drivers.docker_image import Images
from abreast.model.container import Build, Container
from abreast.model.errors import DriverError, UsageError
from abreast.model.service import Version

IMAGE: Final = "abreast/demo-shop:latest"
"""It stays afterwards, so that the next demo begins at once."""

PACKAGES: Final = "fastapi, httptools, uvicorn and uvloop"
"""What the shop needs; a base image that has them needs no package index."""

_FILE: Final = "Dockerfile"
_STEP: Final = "Step "


@dataclass(frozen=True)
class Boxes:
    """How the versions run as containers: ``base_image`` is what their image is built on, "" as the Dockerfile says."""

    base_image: str = ""
    find: Callable[[], str] = engine_url
    image: str = IMAGE

    async def greet(self) -> str:
        """The engine's name. Raises DriverError if there is none that answers."""
        engine = self._engine()
        try:
            return await engine.hello()
        except (EngineAwayError, DockerError) as error:
            remedy = "start it, or say by DOCKER_HOST where another one is; without --driver no engine is needed"
            raise DriverError(f"the container engine does not answer: {error}", remedy) from error
        finally:
            await engine.close()

    async def build(self, directory: Path, teller: Teller) -> None:
        """Build the image of the example in that directory. Raises UsageError with what the engine said."""
        base = f" --build-arg BASE={self.base_image}" if self.base_image else ""
        teller.tell(
            "demo", f"docker build --tag {self.image}{base} {directory}   (once: as long as its downloads take)"
        )
        engine = self._engine()
        images = Images(engine, "demo")
        try:
            await images.ready(self._version(directory), _steps(teller))
        except (EngineAwayError, DockerError, OSError) as error:
            words = explained(error) if isinstance(error, DockerError) else str(error)
            raise UsageError(f"the shop's image could not be built: {words}", self._remedy()) from error
        finally:
            await images.close()
            await engine.close()

    def keys(self, version: Mapping[str, Any]) -> dict[str, Any]:
        """The keys of a version that runs a process, for the same one in a container."""
        kept = {key: value for key, value in version.items() if key not in {"run", "cwd"}}
        return {"image": self.image, **kept, "container": {"pull": "never"}}

    def _engine(self) -> Engine:
        return Engine(self.find, "demo", SystemClock(), lambda _: None)

    def _version(self, directory: Path) -> Version:
        args = (("BASE", self.base_image),) if self.base_image else ()
        return Version("demo", container=Container(self.image, build=Build(str(directory), _FILE, args)))

    def _remedy(self) -> str:
        if self.base_image:
            return (
                f"name a base image that the engine has, with Python 3.11 or later and {PACKAGES} (or pip, to get them)"
            )
        return (
            "where no registry can be reached, name an image that the engine has already: --base-image IMAGE; "
            f"it needs Python 3.11 or later, and {PACKAGES}, or pip and a package index to get them from"
        )


def _steps(teller: Teller) -> Callable[[str], None]:
    """Tell each step of the build once."""
    told: set[str] = set()

    def note(text: str) -> None:
        at = text.find(_STEP)
        if at >= 0 and text not in told:
            told.add(text)
            teller.tell("demo", text[at:], "detail")

    return note
