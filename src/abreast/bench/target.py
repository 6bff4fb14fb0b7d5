"""What a bench measures: something with a name and an address, that starts and stops."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Protocol

import httpx

from abreast.process.port import PortPool

if TYPE_CHECKING:
    from collections.abc import Sequence

_READY_S = 20.0
_STOP_S = 10.0
_POLL_S = 0.02


class TargetError(RuntimeError):
    """A target that did not start; the message holds its own words."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """One server behind the proxies, and its share of the requests."""

    port: int
    weight: int = 1


class Target(Protocol):
    """One competitor of a bench."""

    @property
    def name(self) -> str:
        """What the table calls it."""
        ...

    @property
    def url(self) -> str:
        """Where it takes requests while it runs."""
        ...

    @property
    def pids(self) -> Sequence[int]:
        """The processes (with all below them) whose CPU time its requests cost; none if nobody's."""
        ...

    @property
    def beside(self) -> Sequence[int]:
        """Processes of its own that no request passes through; none of most."""
        ...

    async def start(self) -> None:
        """Start, and return when a request gets a good answer; raises TargetError."""
        ...

    async def stop(self) -> None:
        """Stop, and return when its processes have ended."""
        ...


class Direct:
    """No proxy at all: the first upstream itself."""

    def __init__(self, upstreams: Sequence[Upstream]) -> None:
        """Point at the first upstream."""
        self.name = "direct"
        self.url = f"http://127.0.0.1:{upstreams[0].port}"
        self.pids: Sequence[int] = ()
        self.beside: Sequence[int] = ()

    async def start(self) -> None:
        """Wait until it answers."""
        await answers(self.url)

    async def stop(self) -> None:
        """Leave it running: it belongs to the bench."""


class ProxyTarget:
    """A proxy in the foreground, started from a configuration file in a directory of its own."""

    name = "proxy"
    beside: Sequence[int] = ()

    def __init__(self, upstreams: Sequence[Upstream], workers: int) -> None:
        """Prepare; ``workers`` is how many cores it may use."""
        self.upstreams = tuple(upstreams)
        self.workers = workers
        self.port = 0
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    def installed(cls) -> bool:
        """Whether it can be started on this machine."""
        raise NotImplementedError

    def command(self, directory: Path) -> list[str]:
        """Write the configuration into the directory, and return what starts it."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """Where it takes requests."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pids(self) -> Sequence[int]:
        """Its first process; the workers are below it."""
        return () if self._process is None else (self._process.pid,)

    async def start(self) -> None:
        """Start it on a free port."""
        self._directory = tempfile.TemporaryDirectory(prefix=f"abreast-bench-{self.name.split()[0]}-")
        directory = Path(self._directory.name)
        self.port = free_port()
        with (directory / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command(directory), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory
            )
        try:
            await answers(self.url, self._process)
        except TargetError as error:
            words = (directory / "log").read_text(errors="replace")[-2000:].strip()
            await self.stop()
            raise TargetError(f"{self.name}: {error}; it said: {words or 'nothing'}") from None

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None


async def answers(url: str, process: asyncio.subprocess.Process | None = None) -> None:
    """Wait for a good answer; raises TargetError when it does not come, or the process has ended."""
    deadline_s = time.monotonic() + _READY_S
    seen = "no connection"
    async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
        while time.monotonic() < deadline_s:
            if process is not None and process.returncode is not None:
                raise TargetError(f"it ended with {process.returncode} before it answered")
            with contextlib.suppress(httpx.TransportError):
                answer = await client.get(url)
                if answer.is_success:
                    return
                seen = f"status {answer.status_code}"
            await asyncio.sleep(_POLL_S)
    raise TargetError(f"no good answer from {url} within {_READY_S:g} s ({seen})")


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on now, nor can be given as a connection's own end."""
    return PortPool(Random()).take()
