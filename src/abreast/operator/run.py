"""The operator's life: every ParallelRun of a namespace has a keeper as long as it is there."""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from abreast.drivers.kubernetes_access import SERVICE_ACCOUNT, find_access
from abreast.drivers.kubernetes_api import Api, RequestError, Selection, Trouble
from abreast.drivers.kubernetes_mirror import Line, Mirror, Reach
from abreast.drivers.timing import Timing
from abreast.operator.keeper import Keeper
from abreast.operator.plane import Plane
from abreast.operator.resource import ParallelRun
from abreast.ports import Clock


@dataclass
class _Kept:
    """Who keeps one object. ``asked``: what of it is not our own writing, as it was seen last."""

    asked: object
    stirred: asyncio.Event
    task: asyncio.Task[None]


def _asked(found: Mapping[str, Any]) -> object:
    metadata = found["metadata"]
    return metadata.get("uid"), metadata.get("generation"), metadata.get("deletionTimestamp")


class Operator:
    """Keeps every ParallelRun of one namespace. Several may run: what they do twice is refused or the same.

    Each object has a task of its own: a control plane that does not answer holds up nobody else's. ``say`` hears what
    no status can tell.
    """

    def __init__(
        self,
        clock: Clock,
        say: Callable[[str], None],
        *,
        namespace: str = "",
        context: str = "",
        environ: Mapping[str, str] = os.environ,
        service_account: Path = SERVICE_ACCOUNT,
        timing: Timing | None = None,
        make_plane: Callable[[str], Plane] = Plane,
    ) -> None:
        """Raises DriverError when nothing says how to reach a cluster."""
        self._api = Api(find_access(context, environ, service_account))
        self._clock = clock
        self._say = say
        self._make_plane = make_plane
        random = Random()  # noqa: S311  # jitter is no secret
        reach = Reach(self._api.server, clock, say)
        self._line = Line(self._api, reach, clock, timing or Timing(), random)
        self.namespace = namespace or self._api.namespace
        self._mirror = Mirror(self._line, Selection(ParallelRun, self.namespace), self._seen)
        self._kept: dict[str, _Kept] = {}
        self._refusal = ""

    async def run(self) -> None:
        """For ever; cancelled, it lets go of everything and leaves it as it is."""
        try:
            await self._mirror.run()
        finally:
            tasks = [each.task for each in self._kept.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._api.close()

    def _seen(self) -> None:
        """Something has changed in the cluster."""
        if self._mirror.refusal != self._refusal:
            self._refusal = self._mirror.refusal
            if self._refusal:
                self._say(f"ParallelRuns of {self.namespace} cannot be looked at: {self._refusal}")
        for name, found in self._mirror.objects.items():
            asked = _asked(found)
            kept = self._kept.get(name)
            if kept is None:
                stirred = asyncio.Event()
                task = asyncio.create_task(self._keep(name, stirred))
                self._kept[name] = _Kept(asked, stirred, task)
            elif kept.asked != asked:
                kept.asked = asked
                kept.stirred.set()
        for name in [name for name in self._kept if name not in self._mirror.objects]:
            self._kept.pop(name).task.cancel()

    async def _keep(self, name: str, stirred: asyncio.Event) -> None:
        keeper = Keeper(self._api, self._clock, self._mirror.learn, self._make_plane)
        pauses = self._line.pauses()
        try:
            while True:
                stirred.clear()
                try:
                    pause_s = await keeper.look(self._mirror.objects[name])
                    pauses.reset()
                except RequestError as error:
                    pause_s = self._failed(name, error) or pauses.after_s(error)
                await self._rest(stirred, pause_s)
        finally:
            await keeper.close()

    def _failed(self, name: str, error: RequestError) -> float:
        """A pause of its own for what is nobody's fault: the object has changed, or is gone; 0: as the line has it."""
        if error.trouble in {Trouble.CONFLICT, Trouble.MISSING}:
            return self._line.timing.starting_s
        if error.trouble is Trouble.REFUSED:
            self._say(f"ParallelRun {self.namespace}/{name} cannot be written: {error.message}")
        else:
            self._line.reach.failed(error)
        return 0.0

    async def _rest(self, stirred: asyncio.Event, pause_s: float) -> None:
        """Wait so long, or until the object changes."""
        waits = {asyncio.create_task(self._clock.sleep(pause_s)), asyncio.create_task(stirred.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
