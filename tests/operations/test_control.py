"""What operations work on changes under them when the spec is read again."""

from dataclasses import replace

import pytest

from abreast.model.errors import UsageError
from abreast.operations.commands import Order, give
from tests.operations.desk import running
from tests.rollout.play import POLICY, serving


async def test_the_next_order_follows_the_spec_as_it_is_read_now() -> None:
    changed = replace(POLICY, on_failure="freeze")
    async with running(serving()) as desk:
        desk.control.policy = lambda _name: changed
        await give(desk.control, Order("start", "ada", version="v2"))
        assert desk.stage.rollout.policy == changed


async def test_a_name_is_looked_for_in_the_versions_that_the_spec_has_now() -> None:
    async with running(serving()) as desk:
        desk.control.service = replace(desk.control.service, versions=desk.control.service.versions[:1])
        with pytest.raises(UsageError) as caught:
            await give(desk.control, Order("start", "ada"))
        assert caught.value.remedy == "one of: v1"
