"""kill -9 in the middle of writes: what was committed is there, whole, and in one chain without a gap."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

from abreast.store.sqlite import open_store
from tests.store.writer import EVENTS_EACH

KILLS = 25


def kill_while_writing(zygote: "subprocess.Popen[str]", lines: IO[str], at: int) -> int:
    """Start a writer, kill it after its ``at``-th report, and return the last revision that it reported."""
    assert zygote.stdin is not None
    zygote.stdin.write("go\n")
    zygote.stdin.flush()
    pid, last, reports = 0, 0, 0
    for line in lines:
        if line.startswith("pid "):
            pid = int(line.split()[1])
        elif line == "dead\n":
            break
        else:
            last, reports = int(line), reports + 1
        if pid and reports >= at:
            os.kill(pid, signal.SIGKILL)
            at = sys.maxsize
    return last


async def test_what_was_committed_survives_kill_9_whole_and_without_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "abreast.db"
    dice = random.Random(7)
    program = Path(__file__).with_name("writer.py")
    with subprocess.Popen(
        [sys.executable, str(program), "rollouts", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as zygote:
        assert zygote.stdout is not None
        acknowledged = 0
        for _ in range(KILLS):
            last = kill_while_writing(zygote, zygote.stdout, at=dice.randint(1, 12))
            store = await open_store(path)
            rollout = await store.load("shop")
            events = await store.events("shop", limit=1_000_000)
            counted = sum(counts.requests for _, _, counts in await store.counts("shop", 0))
            await store.close()
            assert rollout is not None
            # The last one may have been committed without its report: killed in between.
            assert last <= rollout.revision <= last + 1
            assert last > acknowledged
            assert rollout.reason == f"revision {rollout.revision}"
            chain = [event.reason for _, event in events]
            assert chain == [
                f"{revision}.{n}" for revision in range(1, rollout.revision + 1) for n in range(EVENTS_EACH)
            ]
            assert 0 <= rollout.revision - counted <= KILLS
            acknowledged = last
