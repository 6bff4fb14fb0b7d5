"""One instance that is a container."""

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aiodocker.exceptions import DockerError

from abreast.drivers.docker_config import (
    Found,
    Seat,
    configuration,
    container_of,
    container_port,
    endpoint,
    fingerprint,
    health,
    how_it_ended,
)
from abreast.drivers.docker_engine import Engine, EngineAwayError
from abreast.drivers.docker_faults import explained
from abreast.drivers.docker_image import Images
from abreast.drivers.docker_log import Lines, said
from abreast.drivers.ground import Ground
from abreast.drivers.member import End, Member, cancelled
from abreast.drivers.probe import Answer
from abreast.model.errors import DriverError
from abreast.model.service import Endpoint, InstanceState, Probe, Version

_log = logging.getLogger(__name__)

_HEALTH_S: Final = 1.0
_FAREWELL_S: Final = 15.0
"""How long an engine that is away is waited for when an instance is to end."""
_LAST_LINES_S: Final = 2.0
_GONE: Final = 404
_REMOVING: Final = 409


@dataclass(frozen=True, kw_only=True)
class DockerGround(Ground["DockerInstance"]):
    """What all containers of one driver share."""

    engine: Engine
    images: Images

    def fingerprint(self, version: Version) -> str:
        """Its container and its environment."""
        return fingerprint(version)

    def instance(self, number: int, version: Version, on_gone: Callable[[Member], None]) -> "DockerInstance":
        """One whose container is not made yet."""
        return DockerInstance(number, version, self, on_gone)


class DockerInstance(Member):
    """One container of a version; after each end it is removed, and the next start is a new one."""

    def __init__(self, number: int, version: Version, ground: DockerGround, on_gone: Callable[[Member], None]) -> None:
        super().__init__(number, version, ground, on_gone)
        self._ground = ground
        self._container: str | None = None
        self._starts = 0
        self._unhealthy = ""
        self._lines = Lines(self.log)
        self._watch.ask_by(self._ask)

    async def adopt(self, found: Found, inspected: dict[str, Any]) -> None:
        """Go on with a container that runs already; returns when it has been probed once."""
        self._container = found.container_id
        self._starts = found.restarts + 1
        self.fingerprint = found.fingerprint
        self.renewable = False
        self._log_begin_bytes = self.log.size_bytes
        # The file's time is that of the last line in it.
        since = self.log.path.stat().st_mtime if self.log.path.exists() else 0.0
        self._lines = Lines(self.log, since)
        place = endpoint(inspected, found.version) or Endpoint("127.0.0.1", 0)
        pid = inspected["State"].get("Pid")
        self._status.start(place, pid, found.restarts, f"adopted: container {found.container_id[:12]}")
        self._unhealthy = health(inspected["State"])
        await self._watch.first(self._ground.timing.first_answer_s)
        self.begin()

    def _let_go(self) -> None:
        self._container = None

    def _forget(self) -> None:
        """Its labels went with the container."""

    async def _run_once(self) -> End:
        if self._container is None:
            end = await self._begin_or_leave()
            if end is not None:
                if self.leaving:
                    await self._remove(0)
                return end
        container = self._container or ""
        following = asyncio.create_task(self._follow(container), name=f"log of {self.shown.id}")
        try:
            reason = await self._attend(self._ended(container), self._watch_health(container))
            if not self.leaving:
                self._status.turn(InstanceState.FAILED, self._last_words(reason))
            await self._remove(math.ceil(self.version.stop_timeout_s))
            await asyncio.wait({following}, timeout=_LAST_LINES_S)
        finally:
            await cancelled([following])
        self._container = None
        return End(self._last_words(reason))

    async def _begin_or_leave(self) -> End | None:
        """Start it, or break that off when it is to stop; None if it runs."""
        starting = asyncio.create_task(self._start_told(), name=f"start of {self.shown.id}")
        leaving = asyncio.create_task(self._left(), name=f"leave of {self.shown.id}")
        try:
            await asyncio.wait({starting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return starting.result() if starting.done() else End("stopped")
        finally:
            await asyncio.gather(cancelled([leaving]), _broken_off(starting))

    async def _start_told(self) -> End | None:
        """Start it; None if it runs, else why it does not."""
        engine = self._ground.engine
        try:
            await engine.back()
            await self._start()
        except EngineAwayError as error:
            return End(str(error), at_once="" if not engine.known else f"{error}; it is waited for")
        except DockerError as error:
            self._ground.images.forget()
            return End(f"cannot start: {explained(error)}")
        except DriverError as error:
            return End(f"cannot start: {error.message}; {error.remedy}")
        except OSError as error:
            return End(f"cannot start: {error}")
        return None

    async def _start(self) -> None:
        """Make and start a container. Raises as `Engine.ask`, OSError when a build's context cannot be read."""
        ground, shown = self._ground, self.shown
        version, engine = self.version, ground.engine
        image = await ground.images.ready(version, self._status.note)
        port = container_port(version, image.exposed)
        seat = Seat(ground.home, ground.service, shown.id, self.number, self.fingerprint, self._starts)
        body = configuration(version, seat, image=image.id, port=port, podman=engine.podman)
        await engine.clear(shown.id)  # a start that was broken off, by us or by the one before us, may have left one
        self._log_begin_bytes = self.log.size_bytes
        self._lines = Lines(self.log)
        container = await engine.ask(lambda docker: docker.containers.create(body, name=seat.name))
        for network in container_of(version).networks[1:]:
            await engine.join(network, container.id)
        await engine.ask(lambda _: container.start())
        inspected = await engine.inspect(container.id)
        if inspected is None:
            raise DockerError(_GONE, "the container was removed while it started")
        place = endpoint(inspected, version)
        if place is None:
            words = how_it_ended(inspected["State"])
            self._lines = Lines(self.log)
            await asyncio.wait_for(self._follow(container.id), _LAST_LINES_S)
            raise DriverError(
                f"the container has no address: {self._last_words(words)}", "look at its command and networks"
            )
        self._container = container.id
        self._unhealthy = ""
        restarts, self._starts = self._starts, self._starts + 1
        pid = inspected["State"].get("Pid")
        self._status.start(place, pid, restarts, f"container {container.id[:12]} at {place}")

    async def _ended(self, container: str) -> str:
        """Wait until it has ended by itself; while the engine is away nothing is known, and nothing concluded."""
        engine = self._ground.engine
        while True:
            try:
                await engine.back()
                await engine.wait(container)
                inspected = await engine.inspect(container)
            except EngineAwayError:
                continue
            except DockerError as error:
                return f"the engine cannot tell of it: {explained(error)}"
            if inspected is None:
                return "the container was removed by somebody else"
            if not inspected["State"].get("Running"):
                return how_it_ended(inspected["State"])
            self._moved(inspected)

    def _moved(self, inspected: dict[str, Any]) -> None:
        """It runs on; after a restart by somebody else it has another process and maybe another port."""
        place = endpoint(inspected, self.version)
        if place is not None and place != self.shown.endpoint:
            pid = inspected["State"].get("Pid")
            self._status.start(place, pid, self.shown.restarts, f"the container is at {place} now")

    async def _watch_health(self, container: str) -> str:
        """Keep asking what the image's HEALTHCHECK says, for ever; probes take it into account."""
        engine = self._ground.engine
        while True:
            try:
                await engine.back()
                inspected = await engine.inspect(container)
            except (EngineAwayError, DockerError):
                inspected = None
            if inspected is not None:
                state = inspected["State"]
                self._unhealthy = health(state)
                if not (state.get("Health") or state.get("Healthcheck")):
                    await asyncio.Event().wait()  # it has none, and gets none
            await self._ground.clock.sleep(_HEALTH_S)

    async def _ask(self, place: Endpoint, probe: Probe, version: Version) -> Answer:
        """As the probe says, unless the HEALTHCHECK knows better; whether it is alive is for the probe alone."""
        if self._unhealthy and probe is not version.live:
            return Answer(well=False, detail=self._unhealthy)
        return await self._ground.ask(place, probe, version)

    async def _follow(self, container: str) -> None:
        """Keep its log, through the engine's absences, until it has ended."""
        engine = self._ground.engine
        while True:
            try:
                await engine.back()
                await engine.ask(lambda docker: self._lines.follow(partial(said, docker, container)))
            except EngineAwayError:
                continue
            except DockerError as error:
                if error.status not in {_GONE, _REMOVING}:
                    _log.warning("the log of %s cannot be followed: %s", self.shown.id, error)
            return

    async def _remove(self, timeout_s: int) -> None:
        """End and remove whatever carries its label; the engine is waited for, but not for ever when it is to stop."""
        engine, container = self._ground.engine, self._container
        while True:
            try:
                if self.leaving:
                    await asyncio.wait_for(engine.back(), _FAREWELL_S)
                else:
                    await engine.back()
                if container is not None:
                    await engine.end(container, timeout_s)
                await engine.clear(self.shown.id)
            except EngineAwayError:
                continue
            except TimeoutError:
                _log.warning("the engine is away: the container of %s may run on", self.shown.id)
            except (DockerError, DriverError) as error:
                _log.warning("the container of %s cannot be removed: %s", self.shown.id, error)
            return


async def _broken_off(task: asyncio.Task[End | None]) -> None:
    """Cancel what is still under way, and wait until it is over."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
