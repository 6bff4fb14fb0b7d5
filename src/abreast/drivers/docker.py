"""Versions as containers of Docker, or of Podman by its compatible socket."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from aiodocker.exceptions import DockerError

from abreast.drivers.docker_config import container_of, found, image_tag
from abreast.drivers.docker_engine import Engine, EngineAwayError
from abreast.drivers.docker_faults import explained, require_sources
from abreast.drivers.docker_image import Images
from abreast.drivers.docker_instance import DockerGround, DockerInstance
from abreast.drivers.docker_probe import ask_published
from abreast.drivers.replica_driver import ReplicaDriver
from abreast.drivers.timing import Timing
from abreast.model.errors import DriverError
from abreast.model.service import Instance, Version
from abreast.ports import Clock

_log = logging.getLogger(__name__)

_QUICK_S: Final = 10.0
_GONE: Final = 404


class DockerDriver(ReplicaDriver[DockerInstance]):
    """`abreast.ports.Driver` for versions with a ``container``. Call `start` before anything else.

    The engine is not asked before a version needs it, or one of an earlier control plane may have left containers.
    Instances write to ``state_dir/logs`` and carry the engine's ``home`` in their labels. ``on_event`` hears of each
    change of an instance with its reason, ``on_change`` that `instances` answers differently now; both are called on
    the event loop. The driver closes the engine.
    """

    def __init__(
        self,
        state_dir: Path,
        run_dir: Path,
        engine: Engine,
        clock: Clock,
        on_change: Callable[[], None],
        on_event: Callable[[Instance, str], None],
        service: str,
        *,
        timing: Timing | None = None,
    ) -> None:
        self.engine = engine
        self._images = Images(self.engine, service)
        self._mark = run_dir / "docker"
        self._ground = DockerGround(
            service=service,
            home=engine.home,
            logs=state_dir / "logs",
            clock=clock,
            random=Random(),  # noqa: S311  # jitter is no secret
            on_change=on_change,
            on_event=on_event,
            timing=timing or Timing(),
            ask=ask_published,
            engine=self.engine,
            images=self._images,
        )
        super().__init__(self._ground)

    async def start(self) -> None:
        """Adopt the containers that an earlier control plane left running, and remove those that do not run.

        Adopted instances have been probed once when this returns. Raises DriverError when containers may be there and
        the engine cannot be asked: starting others beside them would run everything twice.
        """
        self._chore(self._rotate())
        if not self._mark.exists():
            return
        try:
            await self.engine.hello()
            left = await self.engine.containers()
        except (EngineAwayError, DockerError) as error:
            raise DriverError(
                f"containers of this service may be running, and the engine cannot tell: {error}",
                f"start the engine; or, if all of them are gone for good, remove the file {str(self._mark)!r}",
            ) from error
        adopted: set[str] = set()
        work = []
        for inspected in left:
            told = found(inspected)
            if told is None or not inspected["State"].get("Running") or told.instance in adopted:
                self._chore(self._remove(inspected["Id"]))
                continue
            adopted.add(told.instance)
            place = self._replicas(told.version.name).place(told.number, told.version)
            work.append(place.adopt(told, inspected))
        await asyncio.gather(*work)

    async def run(self, version: Version) -> None:
        """Keep ``version.wanted`` containers running; its image is pulled or built meanwhile.

        Raises DriverError if there is no engine, or what the version names is missing.
        """
        replicas = self._replicas(version.name)
        if not replicas.runs(version):
            await self._require(version)
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            self._mark.touch()
        replicas.want(version)

    async def close(self, *, stop: bool) -> None:
        """End and remove all containers and wait for it, or let go of them and leave them running."""
        await super().close(stop=stop)
        await self._images.close()
        if stop and self.engine.known:
            await self._sweep()
        await self.engine.close()

    async def _sweep(self) -> None:
        """Nothing is left when all is to end, whatever went wrong before."""
        try:
            async with asyncio.timeout(_QUICK_S):
                for inspected in await self.engine.containers():
                    await self.engine.end(inspected["Id"], 0)
                self._mark.unlink(missing_ok=True)
        except (EngineAwayError, DockerError, TimeoutError) as error:
            _log.warning("containers may be left, the next start ends them: %s", error)

    async def _require(self, version: Version) -> None:
        require_sources(version)
        where, told = f"versions.{version.name}", container_of(version)
        try:
            async with asyncio.timeout(_QUICK_S):
                if not self.engine.known:
                    await self.engine.hello()
                name = image_tag(version, self._ground.service)
                if told.build is None and told.pull == "never" and await self._images.present(name) is None:
                    raise DriverError(
                        f"{where}.image: the engine has no image {name!r}, and `pull` is never",
                        f"run: docker pull {name}, or set `container.pull: missing`",
                    )
                for network in told.networks:
                    await self._require_network(where, network)
        except (EngineAwayError, TimeoutError) as error:
            if not self.engine.known:
                raise DriverError(
                    f"{where}: the container engine at {self.engine.url} does not answer: {error.__cause__ or error}",
                    "start it, or say by DOCKER_HOST where another one is",
                ) from error
        except DockerError as error:
            raise DriverError(f"{where}: {explained(error)}", "correct the version") from error

    async def _require_network(self, where: str, network: str) -> None:
        try:
            await self.engine.ask(lambda docker: docker.networks.get(network))
        except DockerError as error:
            if error.status != _GONE:
                raise
            raise DriverError(
                f"{where}.container.networks: the engine has no network {network!r}",
                f"run: docker network create {network}, or correct the name",
            ) from error

    async def _remove(self, container: str) -> None:
        try:
            await self.engine.end(container, 0)
        except (EngineAwayError, DockerError) as error:
            _log.warning("what is left of a container cannot be removed: %s", error)
