"""Statuses as the API tells them, in every phase, of a control plane of fakes."""

from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from abreast.model.rollout import Phase, Rollout
from abreast.operations.status import Status, status
from tests.controller.stage import Stage
from tests.operations.desk import desk_of
from tests.rollout.play import under_way

Json = dict[str, Any]

_STATUS: TypeAdapter[Status] = TypeAdapter(Status)


async def told(rollout: Rollout, **fields: object) -> Json:
    """The status of this very rollout, before it goes on, with these fields instead."""
    desk = desk_of(await Stage.climbing())
    desk.stage.controller.rollout = rollout
    found: Json = _STATUS.dump_python(status(desk.control), mode="json")
    return {**found, **fields}


async def in_every_phase() -> list[Json]:
    """One of each phase; paused and frozen both while climbing and while baking."""
    halted = [under_way(Phase.PAUSED), under_way(Phase.FROZEN)]
    baking = [replace(each, resume_to=Phase.BAKING, weight=10_000) for each in halted]
    rollouts = [under_way(phase) for phase in Phase if phase not in {Phase.PAUSED, Phase.FROZEN}]
    return [await told(rollout) for rollout in (*rollouts, *halted, *baking)]
