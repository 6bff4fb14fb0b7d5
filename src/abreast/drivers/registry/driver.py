"""A driver for versions whose endpoints are looked up, in front of the one for versions that run elsewhere."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from abreast.drivers.registry.consul import Consul
from abreast.drivers.registry.containers import LabelledContainers
from abreast.drivers.registry.etcd import EtcdKeys
from abreast.drivers.registry.follower import Follower
from abreast.drivers.registry.found import Source
from abreast.drivers.registry.kept import Kept
from abreast.drivers.registry.known import Known
from abreast.drivers.registry.names import Names
from abreast.drivers.registry.slices import SlicesOfService
from abreast.model.registry import ConsulService, Containers, EtcdPrefix, Place, Registry, ServiceSlices
from abreast.model.registry_state import RegistryState
from abreast.model.service import Endpoint, Instance, Version
from abreast.ports import Clock, Driver

FIRST_S = 2.0
"""How long a version's start waits for its registry's first answer; then it goes on with the endpoints of before."""


def source_of(place: Place, clock: Clock, random: Random) -> Source:
    """Who asks there."""
    if isinstance(place, Containers):
        return LabelledContainers(place, clock)
    if isinstance(place, ServiceSlices):
        return SlicesOfService(place, clock, random)
    if isinstance(place, ConsulService):
        return Consul(place)
    if isinstance(place, EtcdPrefix):
        return EtcdKeys(place)
    return Names(place)


@dataclass
class _Followed:
    """A version that is wanted, its registry's follower, and what the driver behind was told last."""

    version: Version
    follower: Follower
    told: Version | None = None
    task: asyncio.Task[None] | None = None


class RegistryDriver:
    """`abreast.ports.Driver`; a version without a registry passes through.

    The version goes to the driver behind it with the endpoints that are known, again at each change; ``on_news`` hears
    sentences for the audit log.
    """

    def __init__(
        self,
        behind: Driver,
        clock: Clock,
        on_change: Callable[[], None],
        on_news: Callable[[str], None],
        *,
        file: Path,
        random: Random,
        source_of: Callable[[Place, Clock, Random], Source] = source_of,
        first_s: float = FIRST_S,
    ) -> None:
        """Nothing is asked yet; ``file`` keeps what was told last."""
        self._behind = behind
        self._clock = clock
        self._on_change = on_change
        self._on_news = on_news
        self._kept = Kept(file)
        self._random = random
        self._source_of = source_of
        self._first_s = first_s
        self._followed: dict[str, _Followed] = {}

    async def run(self, version: Version) -> None:
        """Follow its registry; the first time, the endpoints have been asked once when this returns, if it answers."""
        followed = self._followed.get(version.name)
        if version.registry is None:
            await self._leave(version.name)
            await self._behind.run(version)
        elif followed is None or followed.follower.registry != version.registry:
            before = followed.follower.known.endpoints if followed else self._kept.endpoints(version)
            await self._leave(version.name)
            await self._begin(version, version.registry, before)
        else:
            followed.follower.require_going()
            if followed.task is not None and followed.task.done():
                followed.task.result()
            followed.version = version
            self._follow_up(followed)

    async def stop(self, name: str) -> None:
        """Ask no more, and forget the version."""
        await self._leave(name)
        await self._behind.stop(name)

    def instances(self) -> Sequence[Instance]:
        """Those of the driver behind."""
        return self._behind.instances()

    def states(self) -> Sequence[RegistryState]:
        """What is known of each version's registry."""
        return [_state(name, each.follower) for name, each in self._followed.items()]

    async def close(self, *, stop: bool) -> None:
        """Let go of all registries and of the driver behind."""
        for name in list(self._followed):
            await self._leave(name)
        await self._behind.close(stop=stop)

    async def _begin(self, version: Version, registry: Registry, before: tuple[Endpoint, ...]) -> None:
        name = version.name
        follower = Follower(
            registry,
            self._source_of(registry.place, self._clock, self._random),
            Known(before),
            clock=self._clock,
            random=self._random,
            on_news=lambda news: self._on_news(f"{name}: {news}"),
            on_change=lambda: self._heard(name),
        )
        followed = self._followed[name] = _Followed(version, follower)
        if not await follower.first(self._first_s):
            kept = ", ".join(map(str, follower.known.endpoints))
            what = f"the endpoints of before are used: {kept}" if kept else "no endpoint is known yet"
            self._on_news(f"{name}: {registry} has not answered within {self._first_s:g} s; {what}")
        await self._tell(followed)

    def _present(self, followed: _Followed) -> Version:
        return replace(followed.version, endpoints=followed.follower.known.endpoints)

    async def _tell(self, followed: _Followed) -> None:
        version = followed.told = self._present(followed)
        self._kept.keep(version)
        await self._behind.run(version)

    def _heard(self, name: str) -> None:
        """Something else is known."""
        followed = self._followed.get(name)
        if followed is not None and followed.told is not None:
            self._follow_up(followed)
        self._on_change()

    def _follow_up(self, followed: _Followed) -> None:
        """Tell what is new. New endpoints are asked once, which may take a second: no order waits for that."""
        if followed.task is None and followed.told != self._present(followed):
            followed.task = asyncio.create_task(self._tell(followed))
            followed.task.add_done_callback(lambda task: self._told(followed, task))

    def _told(self, followed: _Followed, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is not None:
            return  # it is not wanted any more, or `run` raises it
        followed.task = None
        self._follow_up(followed)
        self._on_change()

    async def _leave(self, name: str) -> None:
        followed = self._followed.pop(name, None)
        if followed is None:
            return
        if followed.task is not None:
            followed.task.cancel()
            await asyncio.wait({followed.task})
        await followed.follower.close()


def _state(version: str, follower: Follower) -> RegistryState:
    known = follower.known
    return RegistryState(
        version=version,
        registry=str(follower.registry),
        endpoints=known.endpoints,
        kept=known.kept,
        failure=known.failure,
        detail=known.detail,
        empty_since=known.empty_since,
    )
