import os
import time

import pytest

from abreast.model.rollout import Phase
from tests.simulation.run import Run

QUICK_SEEDS = 100
QUICK_CYCLES = 150


async def simulated(seed: int, cycles: int, *, calm: bool = True) -> Run:
    run = Run(seed)
    try:
        await run.faulty(cycles)
        if calm:
            await run.calm()
    except AssertionError as broken:
        pytest.fail(f"seed {seed}, cycle {run.cycles}: {broken}\n" + story(run))
    return run


def story(run: Run) -> str:
    return (
        "\n".join(
            f"{e.at:.2f} #{e.rollout} {e.kind} {e.actor}: {e.reason} {dict(e.data)}" for _, e in run.store._events[-12:]
        )
        if False
        else "\n".join(
            f"{e.at:.2f} #{e.rollout} {e.kind} {e.actor}: {e.reason} {dict(e.data)}" for _, e in run.store._events[-12:]
        )
    )
