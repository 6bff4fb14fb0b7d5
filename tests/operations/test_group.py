"""What the other members are told of this one."""

from dataclasses import replace

from abreast.model.group import Stage
from abreast.model.rollout import Phase
from abreast.operations.group import standing
from tests.controller.stage import Stage as Scene
from tests.operations.desk import desk_of
from tests.rollout.members import GROUP, GROUPED
from tests.rollout.play import under_way


async def test_a_member_says_how_it_stands() -> None:
    rollout = under_way(Phase.PAUSED, replace(GROUPED), attempt=4)
    told = standing(desk_of(await Scene.at(rollout)).control)
    assert (told.service, told.group, told.order, told.attempt) == ("shop", "spring", GROUP.order, 4)
    assert (told.phase, told.stage, told.reason) == (Phase.PAUSED, Stage.WALKING, "as the play begins")
    assert told.because.startswith("paused: a person has to resume")


async def test_without_a_group_it_says_that() -> None:
    told = standing(desk_of(await Scene.at(under_way(Phase.COMPLETED))).control)
    assert (told.group, told.order, told.stage) == ("", (), Stage.RELEASED)
