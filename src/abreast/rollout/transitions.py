"""The one table of moves between phases.

A rollout is *pending* until the candidate is ready, *progressing* while it climbs its steps, *promoting* from
the order for 100 % until every gateway obeys, *baking* while the old version stays warm, *retiring* until the
old version is stopped, then *completed*. From everywhere on that way *rolling-back* leads to *rolled-back*.
*paused* (by a person) and *frozen* (by a verdict, if the policy says so) stop the climb, never the protection.

The diagram in ARCHITECTURE.md is generated from this table (``python -m abreast.rollout.transitions``).
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from abreast.model.rollout import Phase, Rollout


class Trigger(StrEnum):
    """What makes a rollout change its phase: a person's verb, or a fact."""

    START = "start"
    RETRY = "retry"
    READY = "candidate ready"
    CLIMBED = "steps done"
    FULL = "promote --full"
    OBEYED = "every gateway obeys"
    BAKED = "bake over"
    RETIRE = "retire"
    STOPPED = "old version stopped"
    PAUSE = "pause"
    RESUME = "resume"
    WEIGHT = "weight"
    WORSE = "verdict worse"
    FREEZE = "verdict worse, on_failure freeze"
    ABORT = "abort"
    UNDO = "undo"


RETURN = None
"""Target of `Trigger.RESUME`: the phase that was left by pausing or freezing."""

TRANSITIONS: Mapping[tuple[Phase, Trigger], Phase | None] = {
    (Phase.COMPLETED, Trigger.START): Phase.PENDING,
    (Phase.ROLLED_BACK, Trigger.START): Phase.PENDING,
    (Phase.ROLLED_BACK, Trigger.RETRY): Phase.PENDING,
    (Phase.PENDING, Trigger.READY): Phase.PROGRESSING,
    (Phase.PENDING, Trigger.WORSE): Phase.ROLLING_BACK,
    (Phase.PENDING, Trigger.ABORT): Phase.ROLLING_BACK,
    (Phase.PROGRESSING, Trigger.CLIMBED): Phase.PROMOTING,
    (Phase.PROGRESSING, Trigger.FULL): Phase.PROMOTING,
    (Phase.PROGRESSING, Trigger.PAUSE): Phase.PAUSED,
    (Phase.PROGRESSING, Trigger.WEIGHT): Phase.PAUSED,
    (Phase.PROGRESSING, Trigger.WORSE): Phase.ROLLING_BACK,
    (Phase.PROGRESSING, Trigger.FREEZE): Phase.FROZEN,
    (Phase.PROGRESSING, Trigger.ABORT): Phase.ROLLING_BACK,
    (Phase.PROMOTING, Trigger.OBEYED): Phase.BAKING,
    (Phase.PROMOTING, Trigger.WORSE): Phase.ROLLING_BACK,
    (Phase.PROMOTING, Trigger.FREEZE): Phase.FROZEN,
    (Phase.PROMOTING, Trigger.ABORT): Phase.ROLLING_BACK,
    (Phase.PROMOTING, Trigger.UNDO): Phase.ROLLING_BACK,
    (Phase.BAKING, Trigger.BAKED): Phase.RETIRING,
    (Phase.BAKING, Trigger.RETIRE): Phase.RETIRING,
    (Phase.BAKING, Trigger.PAUSE): Phase.PAUSED,
    (Phase.BAKING, Trigger.WORSE): Phase.ROLLING_BACK,
    (Phase.BAKING, Trigger.FREEZE): Phase.FROZEN,
    (Phase.BAKING, Trigger.ABORT): Phase.ROLLING_BACK,
    (Phase.BAKING, Trigger.UNDO): Phase.ROLLING_BACK,
    (Phase.RETIRING, Trigger.STOPPED): Phase.COMPLETED,
    (Phase.RETIRING, Trigger.ABORT): Phase.ROLLING_BACK,
    (Phase.RETIRING, Trigger.UNDO): Phase.ROLLING_BACK,
    (Phase.PAUSED, Trigger.RESUME): RETURN,
    (Phase.PAUSED, Trigger.WORSE): Phase.ROLLING_BACK,
    (Phase.PAUSED, Trigger.FREEZE): Phase.FROZEN,
    (Phase.PAUSED, Trigger.ABORT): Phase.ROLLING_BACK,
    (Phase.PAUSED, Trigger.UNDO): Phase.ROLLING_BACK,
    (Phase.FROZEN, Trigger.RESUME): RETURN,
    (Phase.FROZEN, Trigger.ABORT): Phase.ROLLING_BACK,
    (Phase.FROZEN, Trigger.UNDO): Phase.ROLLING_BACK,
    (Phase.ROLLING_BACK, Trigger.OBEYED): Phase.ROLLED_BACK,
}

HALTED = frozenset({Phase.PAUSED, Phase.FROZEN})
"""Phases that stop the climb and remember where to go on."""


def target(rollout: Rollout, trigger: Trigger) -> Phase | None:
    """The phase that the trigger leads to from here, or None if it is not allowed."""
    key = (rollout.phase, trigger)
    if key not in TRANSITIONS:
        return None
    return TRANSITIONS[key] or rollout.resume_to


def diagram() -> Iterator[str]:
    """The table as lines of a Mermaid state diagram."""
    yield "stateDiagram-v2"
    yield "    [*] --> completed: first deployment"
    for (phase, trigger), goal in TRANSITIONS.items():
        goals = [goal] if goal else [Phase.PROGRESSING, Phase.BAKING]
        if phase is Phase.FROZEN and goal is RETURN:
            goals = [Phase.PROGRESSING, Phase.PROMOTING, Phase.BAKING]
        for each in goals:
            yield f"    {_name(phase)} --> {_name(each)}: {trigger}"


def _name(phase: Phase) -> str:
    return phase.value.replace("-", "_")


if __name__ == "__main__":
    print("\n".join(diagram()))  # noqa: T201  # a generator of documentation
