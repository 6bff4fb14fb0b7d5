"""The life of one instance: started, probed, restarted with back-off, stopped."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from abreast.drivers.backoff import Backoff
from abreast.drivers.command import command, fingerprint
from abreast.drivers.probe import Ask, ask
from abreast.drivers.record import Record, Records
from abreast.drivers.status import Status
from abreast.drivers.timing import Timing
from abreast.drivers.watch import Watch
from abreast.model.service import Endpoint, Instance, InstanceState, Version
from abreast.ports import Clock
from abreast.process.identity import Identity
from abreast.process.logs import LogFile
from abreast.process.port import PortPool
from abreast.process.supervised import Supervised

_log = logging.getLogger(__name__)

KIND = "instance"
"""What an instance's identity says it is."""

HOST = "127.0.0.1"
_TAKEN = ("address already in use", "eaddrinuse", "errno 98")
_TAKEN_TRIES = 3


@dataclass(frozen=True)
class Ground:
    """What all instances of one driver share."""

    service: str
    home: str
    logs: Path
    records: Records
    clock: Clock
    random: Random
    ports: PortPool
    environ: Mapping[str, str]
    on_change: Callable[[], None]
    on_event: Callable[[Instance, str], None]
    timing: Timing = field(default_factory=Timing)
    ask: Ask = ask


class ProcessInstance:
    """One instance of a version, from its first start until it is gone; `version` may change while it runs.

    ``on_gone`` is called at the very end. With ``renewable`` false its next end is its last: it runs
    something that is not wanted any more, or that nobody has claimed yet.
    """

    def __init__(
        self, number: int, version: Version, ground: Ground, on_gone: Callable[["ProcessInstance"], None]
    ) -> None:
        self.number = number
        self.fingerprint = fingerprint(version)
        self.renewable = True
        self._ground = ground
        self._on_gone = on_gone
        name = f"{version.name}-{number}"
        first = Instance(name, version.name, Endpoint(HOST, 0), InstanceState.STARTING, ground.clock.now())
        self._status = Status(first, ground.clock, ground.on_change, ground.on_event)
        self._watch = Watch(version, self._status, ground.clock, ground.timing, ground.ask)
        self._backoff = Backoff(ground.timing, ground.random)
        self.log = LogFile(ground.logs / f"{name}.log")
        self._log_begin_bytes = 0
        self._process: Supervised | None = None
        self._leave_s: float | None = None
        self._leaving = asyncio.Event()
        self._ports_lost = 0
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

    async def adopt(self, process: Supervised, record: Record) -> None:
        """Go on with a process that runs already; returns when it has been probed once."""
        self._process = process
        self._ground.ports.keep(record.port)
        self.fingerprint = record.fingerprint
        self.renewable = False
        self._log_begin_bytes = self.log.size_bytes
        endpoint = Endpoint(HOST, record.port)
        self._status.start(endpoint, process.pid, record.restarts, f"adopted: process {process.pid}")
        await self._watch.first(self._ground.timing.first_answer_s)
        self.begin()

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
        if self._process is not None:
            self._process.release()
            self._process = None

    async def _live(self) -> None:
        while True:
            reason, port_lost = await self._run_once()
            if not self.leaving and self.renewable:
                await self._rest(reason, port_lost=port_lost)
            if self.leaving or not self.renewable:
                break
        self._ground.records.remove(self.shown.id)
        self._on_gone(self)
        self._status.vanish("stopped" if self.leaving else reason)

    async def _run_once(self) -> tuple[str, bool]:
        """From a start (unless it runs already) to its end; returns why it ended and whether its port was lost."""
        if self._process is None:
            try:
                self._process = self._start()
            except (OSError, ValueError) as error:
                return f"cannot start {self.version.run[0]!r}: {error}", False
        process = self._process
        reason = await self._attend(process)
        port_lost = self._port_lost()
        if not self.leaving:
            self._status.turn(InstanceState.FAILED, reason)
        await process.end(self.version.stop_timeout_s)
        self._process = None
        self._ground.ports.give_back(self.shown.endpoint.port)
        return reason, port_lost

    def _start(self) -> Supervised:
        """Start the process on a port of its own. Raises OSError, ValueError (a NUL in an argument)."""
        ground, shown = self._ground, self.shown
        restarts = shown.restarts + 1 if shown.endpoint.port else 0
        port = ground.ports.take()
        try:
            identity = Identity.fresh(ground.home, KIND, shown.id)
            record = Record(shown.id, self.number, identity.birth, port, self.fingerprint, self.version, restarts)
            ground.records.write(record)
            what = command(self.version, service=ground.service, instance=shown.id, port=port, environ=ground.environ)
            self._log_begin_bytes = self.log.size_bytes
            process = Supervised.spawn(identity, what.argv, env=what.env, cwd=what.cwd, log=self.log)
        except (OSError, ValueError):
            ground.ports.give_back(port)
            raise
        self._status.start(Endpoint(HOST, port), process.pid, restarts, f"process {process.pid} on port {port}")
        try:
            ground.records.write(replace(record, mark=process.mark))
        except OSError as error:
            # Not fatal: the token in its environment and the first record say the same.
            _log.warning("the record of %s stays without its process: %s", shown.id, error)
        return process

    async def _attend(self, process: Supervised) -> str:
        """Probe it until it ends, is to be ended, or is to stop; returns why."""
        watches = [
            asyncio.create_task(self._ended(process)),
            asyncio.create_task(self._left()),
            asyncio.create_task(self._watch.readiness(self.version.start_timeout_s)),
            asyncio.create_task(self._watch.liveness()),
        ]
        try:
            await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
            return self._last_words(next(watch.result() for watch in watches if watch.done()))
        finally:
            await _cancelled(watches)

    async def _ended(self, process: Supervised) -> str:
        """Wait until the process has ended by itself."""
        await asyncio.wait({process.exited})
        return str(process.exited.result())

    async def _left(self) -> str:
        """Wait until it is to stop and has had its time to be left by its users."""
        await self._leaving.wait()
        await self._ground.clock.sleep(self._leave_s or 0.0)
        return "stopped"

    async def _rest(self, reason: str, *, port_lost: bool) -> None:
        """Wait before the next start, or until it is to stop."""
        if port_lost and self._ports_lost < _TAKEN_TRIES:
            self._ports_lost += 1
            self._status.turn(InstanceState.FAILED, f"port {self.shown.endpoint.port} was taken; trying another")
            return
        self._ports_lost = 0
        wait_s = self._backoff.next_s(self._status.ready_s or 0.0)
        self._status.turn(InstanceState.FAILED, f"{reason}; next start in {wait_s:.1f} s")
        rests = [
            asyncio.create_task(self._ground.clock.sleep(wait_s)),
            asyncio.create_task(_wait(self._leaving)),
        ]
        try:
            await asyncio.wait(rests, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancelled(rests)

    def _port_lost(self) -> bool:
        """Whether it says that somebody took the port between its choice and the instance's listening."""
        if self._status.ready_s is not None:
            return False
        said = self._said(self.log.tail).lower()
        return any(words in said for words in _TAKEN)

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


async def _cancelled(tasks: Sequence[asyncio.Task[str]] | Sequence[asyncio.Task[None]]) -> None:
    """Cancel what is still under way, and wait until it is over."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
