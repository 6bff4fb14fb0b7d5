"""The program that is killed: writes one revision, batch of findings, or pair of ticks after the other."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from abreast.analysis.tick import Side, Tick
from abreast.compare.model import Kind
from abreast.findings.book import Book
from abreast.findings.ledger import Ledger
from abreast.findings.report import Key, Sample, ShownAnswer
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Policy, Rollout
from abreast.ports import VersionCounts
from abreast.store.evidence import SqlEvidence
from abreast.store.findings import SqlFindings
from abreast.store.sqlite import open_store

EVENTS_EACH = 2

FIRST = Rollout(
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


async def write(path: Path, report: int) -> None:
    """Tell the descriptor ``report`` each revision once `save` has returned it, for ever."""
    store = await open_store(path)
    rollout = await store.load("shop") or FIRST
    while True:
        due = rollout.revision + 1
        events = [Event(1.0, 0, EventKind.PHASE, "writer", f"{due}.{n}", {"revision": due}) for n in range(EVENTS_EACH)]
        rollout = await store.save(replace(rollout, reason=f"revision {due}"), events)
        os.write(report, f"{due}\n".encode())
        await store.add_counts("shop", due % 3, {"v1": VersionCounts({200: 1})})


async def write_findings(path: Path, report: int) -> None:
    """Tell the descriptor ``report`` each batch's number once `save_findings` has returned, for ever."""
    store = await open_store(path)
    findings = SqlFindings(store)
    if await store.load("shop") is None:
        await store.save(FIRST, [])
    loaded = await findings.load_findings("shop")
    due = loaded[1].seen if loaded else 0
    answer = ShownAnswer(200, (), "x" * 5000)
    while True:
        due += 1
        key = Key(f"/{due}", Kind.CHANGED)
        sample = Sample(f"{due:08}", due, "GET /", (key,), "GET", "/", (), "", answer, answer, None, ())
        event = Event(1.0, 0, EventKind.FINDING, "writer", f"{due}")
        await findings.save_findings("shop", Book(0), Ledger(seen=due), "relay", due, [sample], [event])
        os.write(report, f"{due}\n".encode())


async def write_evidence(path: Path, report: int) -> None:
    """Tell the descriptor ``report`` each number once `save_ticks` has returned, for ever: two ticks for each."""
    store = await open_store(path)
    evidence = SqlEvidence(store)
    if await store.load("shop") is None:
        await store.save(FIRST, [])
    due = (await evidence.load_evidence("shop", 0)).get("seen", 0)
    side = Side(50, 0, dict.fromkeys(range(1000, 1400, 10), 1))
    while True:
        due += 1
        ticks = [Tick(due + part, side, side) for part in (0.0, 0.5)]
        await evidence.save_ticks("shop", 0, ticks, {"seen": due})
        os.write(report, f"{due}\n".encode())


WRITERS = {"rollouts": write, "findings": write_findings, "evidence": write_evidence}


def main() -> None:
    """For each line on stdin fork a writer and tell its process id: importing is paid for once."""
    writer, path = WRITERS[sys.argv[1]], Path(sys.argv[2])
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(writer(path, sys.stdout.fileno()))
        os.write(sys.stdout.fileno(), f"pid {pid}\n".encode())
        os.waitpid(pid, 0)
        os.write(sys.stdout.fileno(), b"dead\n")


if __name__ == "__main__":
    main()
