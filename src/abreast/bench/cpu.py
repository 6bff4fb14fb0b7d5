"""How much processor time a tree of processes has used, and how much memory it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable


def tree_cpu_s(pids: Iterable[int]) -> float:
    """User and system time of the processes and all below them, in seconds.

    Children that have ended count through the parent that waited for them.
    """
    total_s = 0.0
    for process in _tree(pids):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total_s += times.user + times.system + times.children_user + times.children_system
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


def _tree(pids: Iterable[int]) -> set[psutil.Process]:
    found: set[psutil.Process] = set()
    for pid in pids:
        try:
            process = psutil.Process(pid)
            found |= {process, *process.children(recursive=True)}
        except psutil.NoSuchProcess:
            continue
    return found
