"""kill -9 between any two arrows of the cycle, then a new process over the same store, gateways and versions."""

import asyncio
from dataclasses import replace

import pytest

from abreast.model.rollout import ErrorGate, Phase, WeightStep
from abreast.model.traffic import Split
from tests.controller.stage import KilledError, Stage
from tests.rollout.play import POLICY, at, serving
from tests.rollout.traffic import GOOD


@pytest.mark.parametrize(
    ("kill_at", "phase", "split"),
    [
        ("publish 0", Phase.PROGRESSING, at(1000)),
        ("save", Phase.PROGRESSING, at(1000)),
        ("saved rolling-back", Phase.ROLLED_BACK, at(0)),
        ("saved rolled-back", Phase.ROLLED_BACK, at(0)),
    ],
)
async def test_an_abort_is_either_carried_out_or_was_never_confirmed(kill_at: str, phase: Phase, split: Split) -> None:
    stage = await Stage.climbing()
    stage.kill_at = kill_at
    abort = asyncio.create_task(stage.order("abort"))
    await asyncio.wait({abort})
    confirmed = abort.exception() is None
    if confirmed:
        with pytest.raises(KilledError):
            await stage.settle()
    await stage.restart()
    await stage.settle()
    assert (stage.rollout.phase, stage.split) == (phase, split)
    assert all(node.acked == split for node in stage.gateway.nodes())
    assert stage.rollout == await stage.stored()
    assert confirmed == (kill_at == "saved rolled-back")


@pytest.mark.parametrize(("kill_at", "weight"), [("save", 1000), ("saved paused", 3000), ("publish 3000", 3000)])
async def test_a_raise_is_seen_by_users_only_if_it_survives(kill_at: str, weight: int) -> None:
    stage = await Stage.climbing()
    stage.kill_at = kill_at
    with pytest.raises(KilledError):
        await stage.order("weight", weight=3000)
    await stage.restart()
    await stage.settle()
    assert (stage.rollout.weight, stage.split) == (weight, at(weight))


@pytest.mark.parametrize("phase", ["pending", "progressing", "promoting", "retiring", "completed"])
async def test_a_whole_rollout_survives_a_kill_after_each_record(phase: str) -> None:
    steps = (WeightStep(1000, for_s=0.0),)
    quick = replace(POLICY, steps=steps, errors=ErrorGate(500, 1.0), retire_after_s=0.0, unused_for_s=0.0, drain_s=0.0)
    stage = await Stage.at(serving(quick))
    stage.kill_at = f"saved {phase}"
    killed = False
    for _ in range(40):
        try:
            if stage.rollout.number == 0:
                await stage.order("start", policy=quick)
            else:
                await stage.controller.turn()
        except KilledError:
            killed = True
            await stage.restart()
        await stage.serves(1, GOOD, turns=False)
    assert killed
    assert (stage.rollout.phase, stage.rollout.serving) == (Phase.COMPLETED, "v2")
    assert {each.version for each in stage.driver.instances()} == {"v2"}
