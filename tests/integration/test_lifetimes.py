"""Envoys and control planes come and go; users notice as little as can be."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from abreast.bench.origin import Origin
from abreast.load import Load, Plan, Report
from abreast.model.errors import GatewayError
from abreast.model.service import Version
from tests.integration.client import Connection
from tests.integration.servers import Echo
from tests.integration.stage import Stage, backend, until

KINDS: Mapping[str, Mapping[str, Any]] = {
    "kept connections": {},
    "a connection for each request": {"keep_alive": False, "rate_per_s": 100.0},
    "h2c": {"protocol": "h2c", "connections": 2},
}
"""How users may come, as a load plan says it. Any: keyword by keyword."""


@asynccontextmanager
async def load(stage: Stage, plan: Mapping[str, Any] | None = None) -> AsyncIterator[asyncio.Task[Report]]:
    """Users who come all the time, until the block ends; its report is the task's result then."""
    usual: dict[str, Any] = {"rate_per_s": 200.0, "duration_s": 60.0, "connections": 8, "watch_header": "x-version"}
    run = Load(Plan(url=stage.url, **(usual | dict(plan or {}))))
    task = asyncio.create_task(run.run())
    try:
        await until(lambda: run.tally.ok > 20, "answers")
        yield task
        sent = run.tally.sent
        await until(lambda: run.tally.sent > sent + 20, "users after it")
    finally:
        run.stop()
    await task


@pytest.mark.parametrize("kind", KINDS)
async def test_a_hot_restart_loses_nothing(stage: Stage, v1: Origin, v2: Origin, kind: str) -> None:
    stage.settings = replace(stage.settings, drain_s=1.0, timeout_s=1.0, concurrency=2)
    stage.gateway = stage.control_plane()
    await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=5000))
    async with load(stage, KINDS[kind]) as running:
        parent = stage.envoy
        child = await stage.gateway.processes.restart()
        await stage.obeyed()
        assert (child.name.base, child.name.epoch) == (parent.name.base, 1)
        await until(lambda: stage.gateway.processes.all == (child,), "the old one has left")
    assert (running.result().failures, running.result().failed) == ({}, 0)
    assert running.result().flips == {}, "and every user stayed"
    assert stage.events[-1] == f"Envoy {parent.name.node} has drained and left"


async def test_a_killed_envoy_is_replaced_at_once(stage: Stage, v1: Origin) -> None:
    await stage.open(stage.traffic(backend("v1", v1.port)))
    before = stage.envoy
    before.process.signal(signal.SIGKILL)
    await until(lambda: stage.gateway.processes.current not in (None, before), "another Envoy")
    await stage.gateway.processes.wait_live(stage.envoy)
    await stage.obeyed()
    assert stage.envoy.name.base != before.name.base, "nothing is to be taken over"
    assert stage.envoy.name.epoch == 0
    async with await stage.connect() as user:
        assert (await user.ask()).version == "v1"
    assert any(f"{before.name.node} was lost" in event for event in stage.events)


async def test_a_child_that_dies_after_taking_over_is_replaced(stage: Stage, v1: Origin) -> None:
    """Its parent drains and would never listen again."""
    stage.settings = replace(stage.settings, drain_s=1.0, timeout_s=1.0)
    stage.gateway = stage.control_plane()
    await stage.open(stage.traffic(backend("v1", v1.port)))
    parent = stage.envoy
    child = await stage.gateway.processes.restart()
    child.process.signal(signal.SIGKILL)
    await until(lambda: stage.gateway.processes.current not in (parent, child), "another Envoy")
    await stage.gateway.processes.wait_live(stage.envoy)
    await until(lambda: len(stage.gateway.processes.all) == 1, "the parent is ended, for nobody else ends it")
    await stage.obeyed()
    async with await stage.connect() as user:
        assert (await user.ask()).version == "v1"


async def test_a_child_that_does_not_come_up_leaves_the_old_one_serving(stage: Stage, v1: Origin) -> None:
    await stage.open(stage.traffic(backend("v1", v1.port)))
    parent = stage.envoy
    restart = asyncio.create_task(stage.gateway.processes.restart())
    await until(lambda: stage.envoy is not parent, "a child")
    stage.envoy.process.signal(signal.SIGKILL)
    with pytest.raises(GatewayError, match="did not come up"):
        await restart
    await until(lambda: stage.gateway.processes.all == (parent,), "the parent alone")
    async with await stage.connect() as user:
        assert (await user.ask()).version == "v1"


async def test_envoy_goes_on_without_a_control_plane_and_is_known_again(stage: Stage, v1: Origin, v2: Origin) -> None:
    told = stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=5000)
    await stage.open(told)
    envoy = stage.envoy
    async with load(stage) as running:
        await stage.gateway.close(stop=False)
        stage.gateway = stage.control_plane()
        assert await stage.gateway.start(), "it was found"
        assert (stage.envoy.name, stage.envoy.process.pid) == (envoy.name, envoy.process.pid)
        assert stage.gateway.nodes()[0].acked is None, "what it does is not known before it says so"
        await until(lambda: stage.gateway.nodes()[0].acked == told.split, "what it does is known")
        stage.gateway.publish(told)
        await stage.obeyed()
    assert running.result().failed == 0
    assert running.result().flips == {}


async def test_a_control_plane_that_died_between_two_snapshots_harms_nobody(
    stage: Stage, v1: Origin, v2: Origin
) -> None:
    """It had remembered a snapshot that removes a version, and told nobody."""
    await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=0))
    async with load(stage) as running:
        await stage.gateway._ads.stop()
        stage.gateway.publish(stage.traffic(backend("v2", v2.port)))
        await stage.gateway.close(stop=False)
        stage.gateway = stage.control_plane()
        assert await stage.gateway.start()
        await stage.obeyed()
        assert stage.gateway.nodes()[0].acked == stage.traffic(backend("v2", v2.port)).split
    assert running.result().failed == 0
    assert set(running.result().versions) == {"v1", "v2"}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_old_version_leaves_without_a_trace(stage: Stage, v1: Origin, v2: Origin, kind: str) -> None:
    """Shifts, promotion, and the end of the old version, under load."""
    sides = backend("v1", v1.port), backend("v2", v2.port)
    await stage.open(stage.traffic(*sides, weight=0))
    async with load(stage, KINDS[kind]) as running:
        for weight in (100, 5000, 10_000):
            await stage.publish(stage.traffic(*sides, weight=weight))
        await stage.publish(stage.traffic(backend("v2", v2.port)))
        await until(lambda: v1.seen.connections == 0, "nothing is connected to the old version any more")
        await v1.__aexit__()
    assert (running.result().failures, running.result().failed) == ({}, 0)


async def test_a_stream_keeps_the_old_version_s_connection_after_it_left_the_routes(stage: Stage) -> None:
    """The driver stops a version only when it has had time to drain; until then its streams go on."""
    v2 = Version("v2", run=("serve",), timeout_s=0.5)
    async with Echo("v1") as old, Echo("v2") as new:
        await stage.open(stage.traffic(backend("v1", old.port), backend(v2, new.port), weight=10_000))
        await stage.publish(stage.traffic(backend("v1", old.port), backend(v2, new.port), weight=0))
        async with await Connection.open(stage.port) as listener:
            listener.send("/events", headers={"accept": "text/event-stream"})
            assert (await listener.head()).headers["x-version"] == "v1"
            async with load(stage) as running:
                await stage.publish(stage.traffic(backend(v2, new.port)))
                for _ in range(20):
                    assert (await listener.chunk()).startswith(b"data: ")
        assert running.result().failed == 0
        await until(lambda: old.streams == 0, "the stream ends with its listener")
