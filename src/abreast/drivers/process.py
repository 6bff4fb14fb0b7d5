"""Versions as processes on this machine."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from abreast.drivers.adoption import Found, take_stock
from abreast.drivers.command import require_runnable
from abreast.drivers.instance import ProcessGround, ProcessInstance
from abreast.drivers.record import Records
from abreast.drivers.replica_driver import ReplicaDriver
from abreast.drivers.timing import Timing
from abreast.model.service import Instance, Version
from abreast.ports import Clock
from abreast.process.identity import home_id
from abreast.process.port import PortPool
from abreast.process.supervised import Supervised, end_family

_STRAY_TIMEOUT_S = 10.0


class ProcessDriver(ReplicaDriver[ProcessInstance]):
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
        self._ground = ProcessGround(
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
        super().__init__(self._ground)

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
        replicas = self._replicas(version.name)
        if not replicas.runs(version):
            require_runnable(version, self._ground.environ)
        replicas.want(version)

    async def _adopt(self, found: Found) -> None:
        record = found.record
        process = Supervised.adopt(found.identity, found.mark)
        if process is None:  # it ended in this very moment
            self._ground.records.remove(record.id)
            await end_family(found.identity, record.version.stop_timeout_s)
            return
        await self._replicas(record.version.name).place(record.number, record.version).adopt(process, record)
