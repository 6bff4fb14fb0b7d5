"""The audit log and the rollouts so far, as rows."""

from abreast.model.rollout import Phase
from abreast.operations.record import EventRecord, MinuteRecord, RolloutRecord, events, history, series
from abreast.ports import Latencies, VersionCounts
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
        EventRecord(
            *(1, at, 1, "phase", "ada", why),
            data={"before": "progressing", "after": "paused"},
            sentence=f"progressing → paused: {why}",
        ),
        EventRecord(
            *(2, at, 1, "weight", "ada", why),
            data={"before": 1000, "after": 2000},
            sentence=f"10 % → 20 %: {why}",
        ),
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


async def test_the_series_has_each_version_in_each_of_the_last_minutes_that_are_over() -> None:
    stage = await Stage.climbing()
    control = desk_of(stage).control
    minute = int(stage.clock.now() // 60)
    slow, quick = (Latencies({bound: 9, 10 * bound: 1}) for bound in (4_000, 1_000))
    both = {"v1": VersionCounts({200: 10}, quick), "v2": VersionCounts({0: 1})}
    await stage.store.add_counts("shop", minute - 61, {"v1": VersionCounts({200: 5})})
    await stage.store.add_counts("shop", minute - 2, {"v1": VersionCounts({200: 8, 503: 2}, slow)})
    await stage.store.add_counts("shop", minute - 1, both)
    await stage.store.add_counts("shop", minute, {"v1": VersionCounts({200: 3})})

    assert (await series(control, minutes=60)).minutes == [
        MinuteRecord((minute - 2) * 60, "v1", requests=10, errors=2, p50_ms=4.0, p99_ms=40.0),
        MinuteRecord((minute - 1) * 60, "v1", requests=10, errors=0, p50_ms=1.0, p99_ms=10.0),
        MinuteRecord((minute - 1) * 60, "v2", requests=1, errors=1, p50_ms=None, p99_ms=None),
    ]
    assert len((await series(control, minutes=61)).minutes) == 4
