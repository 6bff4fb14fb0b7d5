"""The control plane's side of a relay: starts it, finds it again, tells it its order, reads what it reports."""

import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

import httpx

from abreast.findings.report import Batch
from abreast.ports import Clock
from abreast.process.identity import Identity
from abreast.process.logs import LogFile
from abreast.process.supervised import Mark, Supervised
from abreast.process.table import boot_id, read_table
from abreast.shadow.order import Order
from abreast.shadow.relay_client import RelayAnswer, RelayClient, RelayUnreachableError

KIND: Final = "relay"
_BACK_OFF_S: Final = (0.0, 1.0, 2.0, 5.0, 10.0)
_STOP_S: Final = 4.0
_SILENCE_S: Final = 15.0
"""A relay that has not answered for so long is ended and started again: what it held is lost."""
_HEALTHY_S: Final = 30.0
"""A relay that lived so long starts again without a pause."""


class Crew:
    """Keeps one relay running while it is wanted; it outlives a killed control plane, which finds it again.

    ``on_event`` takes sentences for the audit log.
    """

    def __init__(self, home: str, run_dir: Path, logs: Path, clock: Clock, on_event: Callable[[str], None]) -> None:
        self._home = home
        self._socket = run_dir / "relay.sock"
        self._run_dir = run_dir
        self._log = LogFile(logs / "relay.log")
        self._differences = logs / "differences.log"
        self._clock = clock
        self._on_event = on_event
        self._process: Supervised | None = None
        self._relay: RelayClient | None = None
        self._adopted = False
        self._failures = 0
        self.losses = 0
        """How many relays were lost since this control plane began."""
        self._started_at = 0.0
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(self._socket)), base_url="http://relay", timeout=2.0
        )

    @property
    def running(self) -> bool:
        """Whether there is a process; it may still be starting."""
        return self._process is not None and not self._process.exited.done()

    def adopt(self) -> bool:
        """Take over the relay of an earlier control plane, if there is one."""
        boot = boot_id()
        for row in read_table():
            identity = Identity.parse(row.token) if row.token else None
            if identity is None or row.dead or identity.home != self._home or identity.kind != KIND:
                continue
            process = (
                Supervised.adopt(identity, Mark(row.pid, row.start_ticks, boot)) if row.pid == row.session else None
            )
            if process is not None:
                self._take(process, adopted=True)
                return True
        return False

    def lost(self, known: Collection[str]) -> Collection[str]:
        """Which of the relays (their own names) that were heard of do not run any more."""
        if not self.running or self._relay is None:
            return tuple(known)
        if self._adopted and not self._relay.relay:
            return ()  # it has not said yet who it is
        return [name for name in known if name != self._relay.relay]

    async def keep(self) -> bool:
        """Have one running, restarted not more often than it deserves; whether one was lost just now.

        One that does not answer for long is ended first. Raises OSError when none can be started.
        """
        now = self._clock.now()
        silent_since = self._relay.silent_since if self._relay is not None else None
        hangs = silent_since is not None and now - silent_since >= _SILENCE_S
        lost = self._process is not None and (hangs or not self.running)
        if lost:
            await self._bury("it did not answer" if hangs else "")
        if self._process is None and now >= self._started_at + _BACK_OFF_S[min(self._failures, len(_BACK_OFF_S) - 1)]:
            identity = Identity.fresh(self._home, KIND, "1")
            # Nice from its first import on: a start must not compete with live requests either.
            arguments = ["nice", "-n", "10", sys.executable, "-m", "abreast.shadow", "--socket", str(self._socket)]
            arguments += ["--log", str(self._differences)]
            process = Supervised.spawn(identity, arguments, env=dict(os.environ), cwd=self._run_dir, log=self._log)
            self._take(process, adopted=False)
            self._on_event(f"the relay started (process {process.pid})")
        return lost

    async def tell(self, order: Order) -> None:
        """Give it the order unless it has it. Raises RelayUnreachableError; ValueError if it refuses."""
        if self._relay is not None and self.running:
            await self._relay.tell(order)

    async def report(self) -> Batch | None:
        """The next batch; the same one again until `acknowledge`. None: nothing new. Raises RelayUnreachableError."""
        return await self._relay.report() if self._relay is not None and self.running else None

    def acknowledge(self, batch: Batch) -> None:
        """It is recorded: the next report is the next batch."""
        if self._relay is not None:
            self._relay.acknowledge(batch)
        if self._clock.now() - self._started_at > _HEALTHY_S:
            self._failures = 0

    async def recorded(self) -> Sequence[str]:
        """Users' requests since this was asked last, redacted, a JSON object each. Raises RelayUnreachableError."""
        return await self._relay.recorded() if self._relay is not None and self.running else ()

    async def stop(self) -> bool:
        """End it: it decides what it holds for a moment, and what it still reports then is lost. Whether it ran."""
        process, self._process = self._process, None
        if process is not None:
            await process.end(_STOP_S)
            process.release()
        return process is not None

    async def close(self, *, stop: bool) -> None:
        """Let go; with ``stop`` end it."""
        if stop:
            await self.stop()
        elif self._process is not None:
            self._process.release()
        await self._client.aclose()

    def _take(self, process: Supervised, *, adopted: bool) -> None:
        self._process, self._adopted = process, adopted
        self._relay = RelayClient(self._ask, self._clock)
        self._started_at = self._clock.now()

    async def _bury(self, why: str) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        ended = await process.end(0.0)
        process.release()
        self._failures += 1
        self.losses += 1
        words = "; ".join(each for each in (why or str(ended), self._log.last_line()) if each)
        self._on_event(f"the relay (process {process.pid}) was lost: {words}")

    async def _ask(self, method: str, path: str, content: bytes = b"") -> RelayAnswer:
        try:
            answer = await self._client.request(method, path, content=content)
        except (TimeoutError, httpx.HTTPError, OSError) as error:
            raise RelayUnreachableError(str(error) or type(error).__name__) from error
        return RelayAnswer(answer.status_code, answer.content)
