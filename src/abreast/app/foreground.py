"""A process in the foreground: what it says, its limits and logs, and that it may be told to stop while it starts."""

import asyncio
import resource
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

from abreast.model.errors import StoreError
from abreast.state_dir import StateDir
from abreast.telemetry import start_logging

Say = Callable[[str], None]
"""Takes sentences for whoever runs it."""

Started = TypeVar("Started")


async def unless(stop: asyncio.Event, starting: Coroutine[None, None, Started]) -> Started | None:
    """What has started, or None: told to stop before, and what was begun is ended."""
    work, stopping = asyncio.create_task(starting), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        work.cancel()  # without effect on what has started
    try:
        return await work
    except asyncio.CancelledError:
        if stop.is_set():
            return None
        raise


async def until_stopped(stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait until told to stop; a part that fails ends everything, loudly."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        stopping.cancel()


def prepare_process(state: StateDir) -> None:
    """Logs are written, and limits are as high as may be. Raises StoreError."""
    _start_logging(state)
    _raise_limits()


def _raise_limits() -> None:
    """Envoy and the versions inherit our limits; the soft one is often far below what is allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _start_logging(state: StateDir) -> None:
    try:
        start_logging(state.logs)
    except OSError as error:
        message = f"the log in {str(state.logs)!r} cannot be opened: {error.strerror}"
        raise StoreError(message, "make the directory writable, or make room on its disk") from error
