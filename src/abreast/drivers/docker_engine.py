"""One container engine: asked through aiodocker, waited for while it is away."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import aiohttp
from aiodocker import Docker
from aiodocker.containers import DockerContainer
from aiodocker.exceptions import DockerError

from abreast.drivers.docker_config import HOME, INSTANCE
from abreast.drivers.docker_host import engine_url
from abreast.ports import Clock

T = TypeVar("T")

_AWAY: Final = 900
"""The status by which aiodocker says that there is no connection."""
_GONE: Final = 404
_CONFLICT: Final = 409
_PATIENCE_S: Final = 30.0
_HELLO_S: Final = 5.0
_FIRST_S: Final = 0.2
_MOST_S: Final = 5.0


class EngineAwayError(ConnectionError):
    """The engine does not answer: nothing is known of its containers, and `Engine.back` says when to ask again."""


class Engine:
    """The engine at an address that ``find`` tells when first asked (it raises DriverError).

    ``tell`` hears once that the engine is away, and once that it is back. ``home`` is the label's value by which its
    containers are ours: no other is ever named to it.
    """

    def __init__(self, find: Callable[[], str], home: str, clock: Clock, tell: Callable[[str], None]) -> None:
        self.url = ""
        self.podman = False
        self.known = False
        """Whether it has ever answered."""
        self._find = find
        self.home = home
        self._clock = clock
        self._tell = tell
        self._docker: Docker | None = None
        self._present = asyncio.Event()
        self._present.set()
        self._waiting: asyncio.Task[None] | None = None

    def connect(self) -> Docker:
        """The client. Raises DriverError if there is no engine."""
        if self._docker is None:
            self.url = self._find()
            self._docker = Docker(self.url, timeout=aiohttp.ClientTimeout(total=_PATIENCE_S))
        return self._docker

    async def ask(self, question: Callable[[Docker], Awaitable[T]]) -> T:
        """Its answer. Raises EngineAwayError, DockerError when it refuses, DriverError when there is none."""
        docker = self.connect()
        try:
            return await question(docker)
        except DockerError as error:
            if error.status != _AWAY:
                raise
            raise self._lost(error) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._lost(error) from error

    async def hello(self) -> str:
        """Its name and version. Raises as `ask`."""
        told = await self.ask(lambda docker: docker.version())
        self.podman = _is_podman(told)
        self.known = True
        return _named(told, self.url)

    async def back(self) -> None:
        """Wait until it answers; returns at once if it was not missed."""
        await self._present.wait()

    async def containers(self, instance: str = "") -> list[dict[str, Any]]:
        """What the engine tells of each container of ours (of that instance), running or not. Raises as `ask`."""
        labels = [f"{HOME}={self.home}", *([f"{INSTANCE}={instance}"] if instance else [])]
        filters = {"label": labels}

        async def listed(docker: Docker) -> list[DockerContainer]:
            return await docker.containers.list(all=1, filters=json.dumps(filters))

        told = []
        for each in await self.ask(listed):
            inspected = await self.inspect(each.id)
            if inspected is not None:
                told.append(inspected)
        return told

    async def inspect(self, container: str) -> dict[str, Any] | None:
        """What it tells of a container; None if there is none (any more). Raises as `ask`."""
        try:
            return await self.ask(lambda docker: docker.containers.container(container).show())
        except DockerError as error:
            if error.status == _GONE:
                return None
            raise

    async def join(self, network: str, container: str) -> None:
        """Connect the container to one more network. Raises as `ask`."""

        async def joined(docker: Docker) -> None:
            found = await docker.networks.get(network)
            await found.connect({"Container": container})

        await self.ask(joined)

    async def wait(self, container: str) -> None:
        """Until the container does not run (any more). Raises as `ask`."""
        try:
            await self.ask(lambda docker: docker.containers.container(container).wait())
        except DockerError as error:
            if error.status != _GONE:
                raise

    async def end(self, container: str, timeout_s: int) -> None:
        """Its stop signal, SIGKILL after the time-out, and its removal with its fresh volumes. Raises as `ask`."""
        handle = self.connect().containers.container(container)
        try:
            await self.ask(lambda _: handle.stop(t=timeout_s))
            await self.ask(lambda _: handle.delete(force=True, v=True))
        except DockerError as error:
            # 409: it is being removed already.
            if error.status not in {_GONE, _CONFLICT}:
                raise

    async def clear(self, instance: str) -> None:
        """Remove every container of this instance, at once. Raises as `ask`."""
        for each in await self.containers(instance):
            await self.end(each["Id"], 0)

    async def close(self) -> None:
        """Let go of it."""
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)
        if self._docker is not None:
            await self._docker.close()
            self._docker = None

    def _lost(self, error: Exception) -> EngineAwayError:
        words = str(error) or type(error).__name__
        if self._present.is_set() and self.known:
            self._present.clear()
            self._tell(
                f"the container engine at {self.url} does not answer ({words[:200]}); instances stay as they are known"
            )
            self._waiting = asyncio.create_task(self._await_return(), name="the engine's return")
        return EngineAwayError(f"the container engine at {self.url} does not answer")

    async def _await_return(self) -> None:
        """Ask with back-off until it answers."""
        wait_s = _FIRST_S
        while True:
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, _MOST_S)
            try:
                name = await self.hello()
            except (EngineAwayError, DockerError):
                continue
            self._present.set()
            self._tell(f"the container engine answers again: {name}")
            return


async def engine_name(find: Callable[[], str] = engine_url) -> str:
    """Which engine answers: ``Docker 20.10.24 at unix:///…``. Raises DriverError, EngineAwayError."""
    url = find()
    docker = Docker(url, timeout=aiohttp.ClientTimeout(total=_HELLO_S))
    try:
        return _named(await docker.version(), url)
    except (DockerError, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise EngineAwayError(f"the container engine at {url} does not answer: {error}") from error
    finally:
        await docker.close()


def _named(told: dict[str, Any], url: str) -> str:
    return f"{'Podman' if _is_podman(told) else 'Docker'} {told.get('Version', '?')} at {url}"


def _is_podman(told: dict[str, Any]) -> bool:
    return any("podman" in each.get("Name", "").lower() for each in told.get("Components") or ())
