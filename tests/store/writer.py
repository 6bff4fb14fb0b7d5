"""The program that `test_kill.py` kills: writes one revision after the other, as fast as it can."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Policy, Rollout
from abreast.ports import VersionCounts
from abreast.store.sqlite import open_store

EVENTS_EACH = 2


async def write(path: Path, report: int) -> None:
    """Tell the descriptor ``report`` each revision once `save` has returned it, for ever."""
    store = await open_store(path)
    rollout = await store.load("shop") or Rollout(
        service="shop",
        number=0,
        stable="v1",
        candidate=None,
        policy=Policy(),
        phase=Phase.COMPLETED,
        phase_since=1.0,
        started_at=1.0,
        attempt_since=1.0,
    )
    while True:
        due = rollout.revision + 1
        events = [Event(1.0, 0, EventKind.PHASE, "writer", f"{due}.{n}", {"revision": due}) for n in range(EVENTS_EACH)]
        rollout = await store.save(replace(rollout, reason=f"revision {due}"), events)
        os.write(report, f"{due}\n".encode())
        await store.add_counts("shop", due % 3, {"v1": VersionCounts({200: 1})})


def main() -> None:
    """For each line on stdin fork a writer and tell its process id: importing is paid for once."""
    path = Path(sys.argv[1])
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(write(path, sys.stdout.fileno()))
        os.write(sys.stdout.fileno(), f"pid {pid}\n".encode())
        os.waitpid(pid, 0)
        os.write(sys.stdout.fileno(), b"dead\n")


if __name__ == "__main__":
    main()
