"""One instance that is a process of this machine."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from abreast.drivers.command import command, fingerprint
from abreast.drivers.ground import Ground
from abreast.drivers.member import HOST, End, Member
from abreast.drivers.record import Record, Records
from abreast.model.service import Endpoint, InstanceState, Version
from abreast.process.identity import Identity
from abreast.process.port import PortPool
from abreast.process.supervised import Supervised

_log = logging.getLogger(__name__)

KIND = "instance"
"""What an instance's identity says it is."""

_TAKEN = ("address already in use", "eaddrinuse", "errno 98")
_TAKEN_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class ProcessGround(Ground["ProcessInstance"]):
    """What all processes of one driver share."""

    records: Records
    ports: PortPool
    environ: Mapping[str, str]

    def fingerprint(self, version: Version) -> str:
        """Its command."""
        return fingerprint(version)

    def instance(self, number: int, version: Version, on_gone: Callable[[Member], None]) -> "ProcessInstance":
        """A process that is not started yet."""
        return ProcessInstance(number, version, self, on_gone)


class ProcessInstance(Member):
    """One process of a version, with its descendants."""

    def __init__(self, number: int, version: Version, ground: ProcessGround, on_gone: Callable[[Member], None]) -> None:
        super().__init__(number, version, ground, on_gone)
        self._ground = ground
        self._process: Supervised | None = None
        self._ports_lost = 0

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

    def _let_go(self) -> None:
        if self._process is not None:
            self._process.release()
            self._process = None

    def _forget(self) -> None:
        self._ground.records.remove(self.shown.id)

    async def _run_once(self) -> End:
        if self._process is None:
            try:
                self._process = self._start()
            except (OSError, ValueError) as error:
                return End(f"cannot start {self.version.run[0]!r}: {error}")
        process = self._process
        reason = self._last_words(await self._attend(self._ended(process)))
        port_lost = self._port_lost()
        if not self.leaving:
            self._status.turn(InstanceState.FAILED, reason)
        await process.end(self.version.stop_timeout_s)
        self._process = None
        self._ground.ports.give_back(self.shown.endpoint.port)
        return End(reason, self._other_port(lost=port_lost))

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

    async def _ended(self, process: Supervised) -> str:
        """Wait until the process has ended by itself."""
        await asyncio.wait({process.exited})
        return str(process.exited.result())

    def _other_port(self, *, lost: bool) -> str:
        """What to say before a start on another port; "" when none was lost, or so many that it is time to wait."""
        if not lost or self._ports_lost >= _TAKEN_TRIES:
            self._ports_lost = 0
            return ""
        self._ports_lost += 1
        return f"port {self.shown.endpoint.port} was taken; trying another"

    def _port_lost(self) -> bool:
        """Whether it says that somebody took the port between its choice and the instance's listening."""
        if self._status.ready_s is not None:
            return False
        said = self._said(self.log.tail).lower()
        return any(words in said for words in _TAKEN)
