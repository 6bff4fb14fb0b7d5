"""A run in a process of its own, so that load and what it measures never share an interpreter."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import orjson

from abreast.load.report import Report
from abreast.load.saturation import Saturation

if TYPE_CHECKING:
    from collections.abc import Callable

    from abreast.load.plan import Plan

OnProgress: TypeAlias = "Callable[[dict[str, Any]], None]"  # Any: JSON

_LINE_LIMIT = 1 << 26
"""A report of many users is one long line."""


class LoadError(RuntimeError):
    """The generator's process ended without a report; the message holds its own words."""


class LoadProcess:
    """``python -m abreast.load`` as a child. Use it as ``async with LoadProcess(plan) as load``."""

    def __init__(self, plan: Plan, on_progress: OnProgress | None = None) -> None:
        """Prepare; ``on_progress`` gets the child's line of every second."""
        self.plan = plan
        self._on_progress = on_progress
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._started().pid

    async def __aenter__(self) -> Self:
        """Start it."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "abreast.load", "--plan", "-", "--progress"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
        )
        if self._process.stdin is not None:
            self._process.stdin.write(orjson.dumps(self.plan.as_dict()))
            self._process.stdin.close()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it, if it has not ended."""
        process = self._started()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def stop(self) -> None:
        """Let it send no more; :meth:`report` then comes as soon as the last answer has."""
        with contextlib.suppress(ProcessLookupError):
            self._started().send_signal(signal.SIGINT)

    async def report(self) -> Report:
        """Wait for the end; raises LoadError when there is no report."""
        process = self._started()
        if process.stdout is None or process.stderr is None:
            raise LoadError("the load generator has no pipes to be read from")
        async for line in process.stdout:
            if not line.endswith(b"\n"):
                break  # it ended in the middle of its report
            data = orjson.loads(line)
            if not data.get("progress"):
                await process.wait()
                return Report.from_dict(data)
            if self._on_progress is not None:
                self._on_progress(data)
        words = (await process.stderr.read()).decode(errors="replace").strip()
        code = await process.wait()
        raise LoadError(f"the load generator ended with {code} and no report: {words or 'it said nothing'}")

    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise LoadError("the load generator is not running: use it as `async with LoadProcess(plan)`")
        return self._process


async def saturate(plan: Plan) -> Saturation:
    """Run a SaturationRun in a child; waits for its end. Raises LoadError when it tells nothing."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "abreast.load", "--plan", "-", "--saturate"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await process.communicate(orjson.dumps(plan.as_dict()))
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode or not out:
        words = err.decode(errors="replace").strip()
        raise LoadError(f"the load generator ended with {process.returncode}: {words or 'it said nothing'}")
    return Saturation.from_dict(orjson.loads(out))
