"""One process under supervision: started or adopted, watched until it ends, ended with all its family.

Nothing ties it to the control plane: it has a session of its own, writes its log itself, and lives on when
the control plane is killed; the next one adopts it. Its end is learnt from a pidfd (pidfd_open(2)), which
works for children and for adopted processes alike and cannot be fooled by a reused pid.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from abreast.process.identity import VARIABLE, Identity
from abreast.process.logs import LogFile
from abreast.process.table import Row, boot_id, family, read_row, read_table, send

_LOOK_S = 0.02
_LOOK_MOST_S = 0.5
# While a process executes a new program the kernel shows an empty environment for a moment, and it may so be
# overlooked: only two looks in a row that find nobody are believed.
_LOOKS_IN_VAIN = 2


@dataclass(frozen=True)
class Mark:
    """What names one process for certain: its pid, its start in ticks since boot, and which boot."""

    pid: int
    start_ticks: int
    boot: str

    def alive(self) -> bool:
        """Whether that very process still runs."""
        row = read_row(self.pid)
        return row is not None and not row.dead and row.start_ticks == self.start_ticks and boot_id() == self.boot


@dataclass(frozen=True)
class Exit:
    """How a process ended; both None if it was adopted, for only its parent is told."""

    code: int | None = None
    signal: int | None = None

    def __str__(self) -> str:
        if self.signal is not None:
            return f"killed by {_signal_name(self.signal)}"
        return "ended" if self.code is None else f"exit code {self.code}"


class Supervised:
    """A running process. Call `end` or `release` in the end, also when it has exited by itself."""

    def __init__(self, identity: Identity, mark: Mark, pidfd: int, child: subprocess.Popen[bytes] | None) -> None:
        self.identity = identity
        self.mark = mark
        self._pidfd = pidfd
        self._child = child
        self._loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[Exit] = self._loop.create_future()
        """Done when the process has ended; its family may live on until `end`."""
        self._loop.add_reader(pidfd, self._on_exit)

    @classmethod
    def spawn(cls, identity: Identity, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: LogFile) -> Self:
        """Start ``argv`` in a session of its own with exactly ``env`` and its token; output goes to ``log``.

        Raises OSError when it cannot be executed or the log cannot be opened.
        """
        output = log.open()
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**env, VARIABLE: identity.token},
                cwd=cwd,
                start_new_session=True,
            )
        finally:
            os.close(output)
        try:
            pidfd = os.pidfd_open(child.pid)
        except OSError:  # out of descriptors: better not to run than to run unwatched
            child.kill()
            child.wait()
            raise
        row = read_row(child.pid)
        return cls(identity, Mark(child.pid, row.start_ticks if row else 0, boot_id()), pidfd, child)

    @classmethod
    def adopt(cls, identity: Identity, mark: Mark) -> Self | None:
        """Watch a process that an earlier control plane started; None if that very process is gone."""
        try:
            pidfd = os.pidfd_open(mark.pid)
        except ProcessLookupError:
            return None
        # Only once the descriptor holds it is the question whether it is the right one worth asking.
        if not mark.alive():
            os.close(pidfd)
            return None
        return cls(identity, mark, pidfd, None)

    @property
    def pid(self) -> int:
        """Its process id; also that of its session and its group."""
        return self.mark.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its process group, if that is still certainly its own."""
        if self._held:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    async def end(self, timeout_s: float) -> Exit:
        """End it and its family: SIGTERM to the group, after ``timeout_s`` SIGKILL to all that is left.

        Waits until everything is gone. May be called when it has exited already, and more than once; of a
        process that was released it knows nothing, and does nothing.
        """
        if self._pidfd < 0:
            return self.exited.result() if self.exited.done() else Exit()
        deadline = self._loop.time() + timeout_s
        self.signal(signal.SIGTERM)
        # A stopped process receives SIGTERM only when it runs again.
        self.signal(signal.SIGCONT)
        await asyncio.wait({self.exited}, timeout=timeout_s)
        if not self.exited.done():
            await end_family(self.identity, 0, leader=self.pid)
            await asyncio.wait({self.exited})
        # While a dead child is not reaped its pid, and so its session's number, cannot be reused.
        leader = self.pid if self._held else None
        await end_family(self.identity, max(0.0, deadline - self._loop.time()), leader=leader)
        self._let_go()
        return self.exited.result()

    def release(self) -> None:
        """Stop watching and leave it running."""
        if self._child is not None and not self.exited.done():
            # Popen warns of a forgotten child that runs; here leaving it running is the purpose.
            self._child.returncode = 0
        self._let_go()

    @property
    def _held(self) -> bool:
        """Whether its pid is certainly not somebody else's: it lives, or is our child and not yet reaped."""
        return self._pidfd >= 0 and (self._child is not None or not self.exited.done())

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self.exited.set_result(self._exit())

    def _exit(self) -> Exit:
        """How it ended, without reaping it yet."""
        if self._child is None:
            return Exit()
        try:
            told = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:  # SIGCHLD is ignored, or a library waited for every child
            self._child.poll()
            return Exit()
        if told is None:
            return Exit()
        if told.si_code == os.CLD_EXITED:
            return Exit(code=told.si_status)
        return Exit(signal=told.si_status)

    def _let_go(self) -> None:
        if self._pidfd < 0:
            return
        if self.exited.done():
            if self._child is not None:
                self._child.wait()
        else:
            self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1


async def end_family(identity: Identity, timeout_s: float, *, leader: int | None = None) -> None:
    """End every process of one start: SIGTERM, after ``timeout_s`` SIGKILL; waits until none is left.

    ``leader`` as in `family`. Its group is taken to have had its SIGTERM, for some programs take a second one
    as an order to drop everything.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    told: set[tuple[int, int]] = set()
    look_s = _LOOK_S
    looks_in_vain = 0
    while looks_in_vain < _LOOKS_IN_VAIN:
        left = await asyncio.to_thread(_family_now, identity, leader)
        looks_in_vain = 0 if left else looks_in_vain + 1
        patient = loop.time() < deadline
        for row in left:
            if not patient:
                send(row, signal.SIGKILL)
            elif row.group != leader and (row.pid, row.start_ticks) not in told:
                send(row, signal.SIGTERM)
                told.add((row.pid, row.start_ticks))
        if left:
            await asyncio.sleep(min(look_s, deadline - loop.time()) if patient else look_s)
            look_s = min(look_s * 1.5, _LOOK_MOST_S)


def _family_now(identity: Identity, leader: int | None) -> Sequence[Row]:
    return family(read_table(), identity, leader)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"
