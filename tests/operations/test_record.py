"""The audit log and the rollouts so far, as rows."""

from abreast.model.rollout import Phase
from abreast.operations.record import EventRecord, RolloutRecord, events, history
from tests.controller.stage import Stage
from tests.operations.desk import desk_of
from tests.rollout.play import BEGIN, under_way


async def test_events_have_who_what_and_why_oldest_first() -> None:
    stage = await Stage.climbing()
    at = stage.clock.now()
    await stage.order("weight", weight=2000, reason="a try")
    await stage.order("resume", actor="bob")
    rows = await events(desk_of(stage).control, limit=100, after=0)
    why = "weight set to 20 % by hand: a try"
    assert rows[:2] == [
        EventRecord(1, at, 1, "phase", "ada", why, {"before": "progressing", "after": "paused"}),
        EventRecord(2, at, 1, "weight", "ada", why, {"before": 1000, "after": 2000}),
    ]
    assert [row.actor for row in rows[2:]] == ["bob"] * len(rows[2:])
    assert [row.id for row in rows] == list(range(1, len(rows) + 1))


async def test_events_can_be_followed() -> None:
    stage = await Stage.climbing()
    control = desk_of(stage).control
    await stage.order("pause")
    (paused,) = await events(control, limit=100, after=0)
    assert await events(control, limit=100, after=paused.id) == []
    await stage.order("resume")
    (resumed,) = await events(control, limit=100, after=paused.id)
    assert resumed.reason == "resumed"
    assert await events(control, limit=1, after=0) == [resumed]


async def test_history_has_each_rollout_in_its_last_state() -> None:
    stage = await Stage.at(under_way(Phase.PROGRESSING))
    await stage.order("abort", reason="slow")
    await stage.settle()
    first, second = await history(desk_of(stage).control)
    assert (first.number, first.stable, first.candidate, first.phase) == (0, "v1", None, "completed")
    assert second == RolloutRecord(
        number=1,
        stable="v1",
        candidate="v2",
        phase="rolled-back",
        weight=0,
        started_at=BEGIN,
        reason="every gateway sends all users to v1; aborted: slow",
    )
