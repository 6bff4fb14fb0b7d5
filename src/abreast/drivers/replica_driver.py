"""What all drivers that start instances themselves have in common."""

import asyncio
import logging
from collections.abc import Collection, Coroutine, Sequence
from typing import Generic

from abreast.drivers.ground import Ground, M
from abreast.drivers.replicas import Replicas
from abreast.model.service import Instance

_log = logging.getLogger(__name__)


class ReplicaDriver(Generic[M]):
    """All of `abreast.ports.Driver` but ``run``: what stands before that differs."""

    def __init__(self, ground: Ground[M]) -> None:
        self._common = ground
        self._versions: dict[str, Replicas[M]] = {}
        self._chores: set[asyncio.Task[None]] = set()

    async def stop(self, name: str) -> None:
        """Begin to end all instances of the version; returns at once."""
        if name in self._versions:
            self._versions[name].stop()

    def retain(self, names: Collection[str]) -> None:
        """End the adopted instances of versions that are neither named here nor claimed by `run`."""
        for replicas in self._versions.values():
            if not replicas.claimed and replicas.name not in names:
                replicas.stop()

    def instances(self) -> Sequence[Instance]:
        """Every instance that exists."""
        return [shown for replicas in self._versions.values() for shown in replicas.shown()]

    async def close(self, *, stop: bool) -> None:
        """End all instances and wait for it, or let go of them and leave them running."""
        for replicas in self._versions.values():
            if stop:
                replicas.stop()
        if stop:
            await asyncio.gather(*(replicas.gone() for replicas in self._versions.values()))
        for replicas in self._versions.values():
            await replicas.release()
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)

    def _replicas(self, name: str) -> Replicas[M]:
        """The instances of that version, none of them yet if it is new."""
        return self._versions.setdefault(name, Replicas(name, self._common))

    async def _rotate(self) -> None:
        """Look after the size of the logs for ever."""
        while True:
            await self._common.clock.sleep(self._common.timing.rotate_s)
            for replicas in list(self._versions.values()):
                for instance in replicas.members:
                    try:
                        await asyncio.to_thread(instance.log.rotate)
                    except OSError as error:
                        _log.warning("the log %s cannot be rotated: %s", instance.log.path, error)

    def _chore(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
