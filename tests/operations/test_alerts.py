"""A test of the alerts, as people order it."""

import pytest

from abreast.model.errors import RefusedError
from abreast.model.rollout import Phase
from abreast.operations.alerts import try_alerts
from tests.fakes.alerts import FakeAlerts
from tests.operations.desk import running
from tests.rollout.play import under_way


async def test_each_address_says_what_it_answered() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk:
        desk.control.alerts = FakeAlerts(failing={"slack://…": "it answered 503"})
        trials = await try_alerts(desk.control)
    assert [(each.address, each.failure) for each in trials] == [("well://…", ""), ("slack://…", "it answered 503")]


@pytest.mark.parametrize("alerts", [None, FakeAlerts(addresses=())])
async def test_where_nobody_is_told_that_is_said(alerts: FakeAlerts | None) -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk:
        desk.control.alerts = alerts
        with pytest.raises(RefusedError, match="nobody is told of what happens to shop") as refused:
            await try_alerts(desk.control)
    assert "`alerts` of the spec" in refused.value.remedy
