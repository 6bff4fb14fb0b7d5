"""The life of one instance, whatever it is made of: started, probed, restarted with back-off, stopped."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from abreast.drivers.backoff import Backoff
from abreast.drivers.ground import Ground
from abreast.drivers.status import Status
from abreast.drivers.watch import Watch
from abreast.model.service import Endpoint, Instance, InstanceState, Version
from abreast.process.logs import LogFile

_log = logging.getLogger(__name__)

HOST = "127.0.0.1"


@dataclass(frozen=True)
class End:
    """Why a start came to its end; with ``at_once`` (the detail to show) the next one does not wait for a back-off."""

    reason: str
    at_once: str = ""


class Member(ABC):
    """One instance of a version, from its first start until it is gone; `version` may change while it runs.

    ``on_gone`` is called at the very end. With ``renewable`` false its next end is its last: it runs
    something that is not wanted any more, or that nobody has claimed yet.
    """

    def __init__(
        self, number: int, version: Version, ground: "Ground[Any]", on_gone: Callable[["Member"], None]
    ) -> None:
        self.number = number
        self.fingerprint = ground.fingerprint(version)
        self.renewable = True
        self._common = ground
        self._on_gone = on_gone
        name = f"{version.name}-{number}"
        first = Instance(name, version.name, Endpoint(HOST, 0), InstanceState.STARTING, ground.clock.now())
        self._status = Status(first, ground.clock, ground.on_change, ground.on_event)
        self._watch = Watch(version, self._status, ground.clock, ground.timing, ground.ask)
        self._backoff = Backoff(ground.timing, ground.random)
        self.log = LogFile(ground.logs / f"{name}.log")
        self._log_begin_bytes = 0
        self._leave_s: float | None = None
        self._leaving = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    @property
    def shown(self) -> Instance:
        """What it shows of itself at present."""
        return self._status.instance

    @property
    def leaving(self) -> bool:
        """Whether it has been told to stop."""
        return self._leaving.is_set()

    @property
    def version(self) -> Version:
        """What it was started as, or is to be probed and stopped like."""
        return self._watch.version

    def become(self, version: Version) -> None:
        """Probe, stop and restart as this version says from now on; it must have the same fingerprint."""
        self._watch.version = version
        self.renewable = True

    def begin(self) -> None:
        """Start it, and keep it running."""
        self._life = asyncio.create_task(self._live(), name=f"instance {self.shown.id}")
        self._life.add_done_callback(self._on_life_end)

    def stop(self, leave_s: float = 0.0) -> None:
        """Begin to end it: it shows as stopping at once, and gets its SIGTERM after ``leave_s``."""
        if self._leave_s is None or leave_s < self._leave_s:
            self._leave_s = leave_s
        self._leaving.set()
        self._status.turn(InstanceState.STOPPING, f"SIGTERM in {leave_s:g} s" if leave_s else "SIGTERM")

    async def gone(self) -> None:
        """Wait until nothing is left of it."""
        if self._life is not None:
            await asyncio.wait({self._life})

    async def release(self) -> None:
        """Stop looking after it, and leave it running."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait({self._life})
        self._let_go()

    @abstractmethod
    async def _run_once(self) -> End:
        """From a start (unless it runs already) to its end."""

    @abstractmethod
    def _let_go(self) -> None:
        """Forget what runs, without ending it."""

    @abstractmethod
    def _forget(self) -> None:
        """Nothing is left of it: remove what was written down."""

    async def _live(self) -> None:
        while True:
            end = await self._run_once()
            if not self.leaving and self.renewable:
                await self._rest(end)
            if self.leaving or not self.renewable:
                break
        self._forget()
        self._on_gone(self)
        self._status.vanish("stopped" if self.leaving else end.reason)

    async def _attend(self, *ends: Coroutine[None, None, str]) -> str:
        """Probe it until one of ``ends`` says why it is over, it is to be ended, or is to stop; returns why."""
        watches = [
            *(asyncio.create_task(end) for end in ends),
            asyncio.create_task(self._left()),
            asyncio.create_task(self._watch.readiness(self.version.start_timeout_s)),
            asyncio.create_task(self._watch.liveness()),
        ]
        try:
            await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
            return next(watch.result() for watch in watches if watch.done())
        finally:
            await cancelled(watches)

    async def _left(self) -> str:
        """Wait until it is to stop and has had its time to be left by its users."""
        await self._leaving.wait()
        await self._common.clock.sleep(self._leave_s or 0.0)
        return "stopped"

    async def _rest(self, end: End) -> None:
        """Wait before the next start, or until it is to stop."""
        if end.at_once:
            self._status.turn(InstanceState.FAILED, end.at_once)
            return
        wait_s = self._backoff.next_s(self._status.ready_s or 0.0)
        self._status.turn(InstanceState.FAILED, f"{end.reason}; next start in {wait_s:.1f} s")
        rests = [
            asyncio.create_task(self._common.clock.sleep(wait_s)),
            asyncio.create_task(_wait(self._leaving)),
        ]
        try:
            await asyncio.wait(rests, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancelled(rests)

    def _last_words(self, reason: str) -> str:
        """The reason of an end with what the log says last."""
        line = self._said(self.log.last_line)
        said = f"its last line: {line}" if line else "it wrote nothing"
        return f"{reason}; {said}; log: {self.log.path}"

    def _said(self, read: Callable[[int], str]) -> str:
        """Part of its log since its start; "" if the log cannot be read, which must not end its life."""
        try:
            return read(self._log_begin_bytes)
        except OSError as error:
            _log.warning("the log of %s cannot be read: %s", self.shown.id, error)
            return ""

    def _on_life_end(self, life: asyncio.Task[None]) -> None:
        if not life.cancelled() and (error := life.exception()) is not None:
            # A fault in abreast itself: nobody awaits this task, so it must be said here.
            _log.error("the care of %s ended by a fault", self.shown.id, exc_info=error)
            self._status.turn(InstanceState.FAILED, f"fault in abreast: {error!r}")


async def _wait(event: asyncio.Event) -> None:
    """As a coroutine that returns nothing, to stand beside a sleep."""
    await event.wait()


async def cancelled(tasks: Sequence[asyncio.Task[str]] | Sequence[asyncio.Task[None]]) -> None:
    """Cancel what is still under way, and wait until it is over."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
