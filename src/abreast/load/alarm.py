"""A timer that rings within tens of microseconds, for event loops whose own timers know only milliseconds.

uvloop rounds timers to whole milliseconds, which at 3,000 requests/s is three requests at once and
half a millisecond of latency that no server caused. Linux's ``timerfd`` (timerfd_create(2)) wakes
the loop through a file descriptor instead. Python exposes it from 3.13 on; before that, libc does.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_LIBC = ctypes.CDLL(None, use_errno=True)
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
_SETTING = struct.Struct("@llll")


class Alarm:
    """Calls ``ring`` on the loop at the time last set; one time at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        """Open the timer; raises OSError when the process has no file descriptor left."""
        self._loop = loop
        self._ring = ring
        self._fd: int = _LIBC.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "no timer: timerfd_create failed")
        loop.add_reader(self._fd, self._wake)

    def set(self, at_s: float) -> None:
        """Ring once at ``at_s`` on the monotonic clock; at once if that has passed."""
        # An itimerspec is four longs: the interval (none), then the time, in seconds and nanoseconds.
        setting = _SETTING.pack(0, 0, *divmod(max(1, int(at_s * 1e9)), 1_000_000_000))
        if _LIBC.timerfd_settime(self._fd, _ABSOLUTE, setting, None) != 0:
            raise OSError(ctypes.get_errno(), "the timer refused its time: timerfd_settime failed")

    def close(self) -> None:
        """Never ring again."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        """Use it as a context, so that it is closed whatever happens."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _wake(self) -> None:
        # Setting the timer again between its expiry and this read leaves nothing to read.
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)
            self._ring()
