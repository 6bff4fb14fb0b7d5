"""Versions as processes on this machine."""

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Coroutine, Sequence
from pathlib import Path
from random import Random

from abreast.drivers.adoption import Found, take_stock
from abreast.drivers.command import require_runnable
from abreast.drivers.instance import Ground
from abreast.drivers.record import Records
from abreast.drivers.replicas import Replicas
from abreast.drivers.timing import Timing
from abreast.model.service import Instance, Version
from abreast.ports import Clock
from abreast.process.identity import home_id
from abreast.process.port import PortPool
from abreast.process.supervised import Supervised, end_family

_log = logging.getLogger(__name__)

_STRAY_TIMEOUT_S = 10.0


class ProcessDriver:
    """`abreast.ports.Driver` for versions with a ``run``. Call `start` before anything else.

    Instances write to ``state_dir/logs``, are recorded in ``run_dir/instances``, and carry the id of
    ``state_dir`` in their environment. ``on_event`` hears of each change of an instance with its reason,
    ``on_change`` that `instances` answers differently now; both are called on the event loop.
    """

    def __init__(
        self,
        state_dir: Path,
        run_dir: Path,
        clock: Clock,
        on_change: Callable[[], None],
        on_event: Callable[[Instance, str], None],
        service: str,
        *,
        random: Random | None = None,
        timing: Timing | None = None,
    ) -> None:
        source = random or Random()  # noqa: S311  # ports and jitter are no secrets
        self._ground = Ground(
            service=service,
            home=home_id(state_dir),
            logs=state_dir / "logs",
            records=Records(run_dir / "instances"),
            clock=clock,
            random=source,
            ports=PortPool(source),
            environ=os.environ,
            on_change=on_change,
            on_event=on_event,
            timing=timing or Timing(),
        )
        self._versions: dict[str, Replicas] = {}
        self._chores: set[asyncio.Task[None]] = set()

    def reserve(self, port: int) -> None:
        """Give this port to no instance."""
        self._ground.ports.keep(port)

    async def start(self) -> None:
        """Adopt what an earlier control plane left running, and end what cannot be adopted.

        Adopted instances have been probed once when this returns. They keep running as they are until `run`
        claims their version, or `retain` or `stop` ends them.
        """
        stock = await asyncio.to_thread(take_stock, self._ground.home, self._ground.records)
        for stray in stock.strays:
            self._chore(end_family(stray, _STRAY_TIMEOUT_S))
        await asyncio.gather(*(self._adopt(found) for found in stock.found))
        self._chore(self._rotate())

    async def run(self, version: Version) -> None:
        """Keep ``version.wanted`` instances running. Raises DriverError if command or directory are missing."""
        replicas = self._versions.setdefault(version.name, Replicas(version.name, self._ground))
        if not replicas.runs(version):
            require_runnable(version, self._ground.environ)
        replicas.want(version)

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

    async def _adopt(self, found: Found) -> None:
        record = found.record
        process = Supervised.adopt(found.identity, found.mark)
        if process is None:  # it ended in this very moment
            self._ground.records.remove(record.id)
            await end_family(found.identity, record.version.stop_timeout_s)
            return
        name = record.version.name
        await self._versions.setdefault(name, Replicas(name, self._ground)).adopt(record, process)

    async def _rotate(self) -> None:
        """Look after the size of the logs for ever."""
        while True:
            await self._ground.clock.sleep(self._ground.timing.rotate_s)
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
