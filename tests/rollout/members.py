"""Other members of a release group, as a story tells of them."""

from dataclasses import replace
from typing import Final

from abreast.model.group import FORMAT, Heard, Stage, Standing
from abreast.model.rollout import BakeStep, Group, Phase, Policy, WeightStep
from tests.rollout.play import BEGIN, POLICY, Play, under_way

GROUP: Final = Group("spring", ("payments", "shop", "cart"))
"""The play's own service is the shop."""

GROUPED: Final = replace(POLICY, group=GROUP)

SHORT: Final = replace(
    GROUPED,
    steps=(WeightStep(10_000), BakeStep(60.0)),
    retire_after_s=0.0,
    unused_for_s=0.0,
    drain_s=0.0,
)
"""Nothing to climb, a minute's bake, nothing kept after it: all that is waited for are the others."""


def said(service: str, phase: Phase, stage: Stage = Stage.WALKING, /, **fields: object) -> Standing:
    """What a member says: of attempt 1, in its phase for a second, unless the fields say otherwise."""
    standing = Standing(FORMAT, service, GROUP.name, GROUP.order, 1, alone=False, phase=phase, phase_s=1.0, stage=stage)
    return replace(standing, **fields)  # type: ignore[arg-type]  # the fields of a Standing, by name


def heard(*standings: Standing, at: float = BEGIN) -> dict[str, Heard]:
    """That was said by these."""
    return {each.service: Heard(each, at) for each in standings}


def member(phase: Phase, policy: Policy = GROUPED, /, **fields: object) -> Play:
    """The shop in that phase of the group's attempt 1, whose gateways obey; nobody was heard yet."""
    play = Play(under_way(phase, policy, **{"attempt": 1, **fields}))
    play.group = heard()
    play.turn()
    return play.obeyed()


def hears(play: Play, *standings: Standing) -> Play:
    """These say so now."""
    play.group = {**(play.group or {}), **heard(*standings, at=play.now)}
    return play.turn()
