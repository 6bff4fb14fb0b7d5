"""What people see of who decides; whole servers are in tests/fleet."""

from dataclasses import fields, replace

from abreast.app.server import _swap
from abreast.model.rollout import Phase
from tests.controller.stage import Stage
from tests.operations.desk import desk_of
from tests.rollout.play import under_way


async def test_whoever_holds_the_control_sees_who_decides_now() -> None:
    following, deciding = [desk_of(await Stage.at(under_way(Phase.PROGRESSING))).control for _ in range(2)]
    seen = replace(following)
    _swap(seen, deciding)
    assert all(getattr(seen, each.name) is getattr(deciding, each.name) for each in fields(seen))
    _swap(seen, following)
    assert seen.controller is following.controller
