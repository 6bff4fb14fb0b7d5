"""How much processor time a tree of processes has used, and how much memory it holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable

_CPU_CLOCK: Final = 2
"""Linux's CPUCLOCK_SCHED: what a process ran, in nanoseconds; user and system time come in ticks of 10 ms."""


def tree_cpu_s(pids: Iterable[int]) -> float:
    """User and system time of the processes and all below them, in seconds.

    Children that have ended count through the parent that waited for them.
    """
    total_s = 0.0
    for process in _tree(pids):
        try:
            ended = process.cpu_times()
            total_s += _ran_s(process.pid) + ended.children_user + ended.children_system
        except psutil.NoSuchProcess:
            continue
    return total_s


def tree_memory_bytes(pids: Iterable[int]) -> int:
    """The resident memory of the processes and all below them; shared pages count in each."""
    total = 0
    for process in _tree(pids):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def _ran_s(pid: int) -> float:
    """Processor time of a process with all its threads. Raises psutil.NoSuchProcess."""
    try:
        return time.clock_gettime(~pid << 3 | _CPU_CLOCK)  # clock_getcpuclockid(3)
    except OSError as error:
        raise psutil.NoSuchProcess(pid) from error


def _tree(pids: Iterable[int]) -> set[psutil.Process]:
    found: set[psutil.Process] = set()
    for pid in pids:
        try:
            process = psutil.Process(pid)
            found |= {process, *process.children(recursive=True)}
        except psutil.NoSuchProcess:
            continue
    return found


class CpuMeter:
    """Processor time of processes by role, looked at again and again: what one used counts after it has ended too.

    Only the processes themselves, not those below them: abreast's processes start one another.
    """

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._used_s: dict[str, dict[psutil.Process, tuple[float, float]]] = {}

    def look(self, role: str, pids: Iterable[int], *, fresh: bool = False) -> None:
        """Note what they have used by now; ``fresh``: that of one not seen before counts from its start."""
        seen = self._used_s.setdefault(role, {})
        for pid in pids:
            try:
                process = psutil.Process(pid)
                now_s = _ran_s(pid)
            except psutil.NoSuchProcess:
                continue
            first_s, _ = seen.get(process, (0.0 if fresh else now_s, now_s))
            seen[process] = (first_s, now_s)

    def used_s(self, role: str) -> float:
        """Seconds between the first look and the last one, over all processes of the role."""
        return sum(last_s - first_s for first_s, last_s in self._used_s.get(role, {}).values())
