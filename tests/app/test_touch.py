"""A server tells of itself at once, and reads at once what it hears of; two servers on one store in a file."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.app.delivery import Delivery
from abreast.app.ears import Ears
from abreast.app.fleet import Muster, OwnGateway
from abreast.app.touch import follow_flags, keep_in_touch
from abreast.clock import SystemClock
from abreast.model.rollout import Phase
from abreast.model.traffic import Split
from abreast.operations.flags import FlagDesk
from abreast.rollout.observed import Tally
from abreast.rollout.turn import split_of
from abreast.store.fleet import SqlFleet
from abreast.store.signals import Signal
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.controller.stage import Stage
from tests.fakes.counting import FakeCounting
from tests.fakes.flags import FakeFlags
from tests.fakes.gateway import FakeGateway
from tests.nodes.seconds import second
from tests.operations.desk import Desk, desk_of
from tests.operations.test_flags import DARK
from tests.rollout.play import under_way
from tests.store.lease_world import CLOCK, World, make_clock

DEADLINE_S = 10.0


class OnlyEars(Ears):
    """Whoever has these does not look by itself for longer than any test lasts."""

    def pause_s(self, alone_s: float) -> float:
        return alone_s + 600.0


class Server:
    """Server a, which hears of what a test says, and looks for nothing by itself."""

    def __init__(self, store: SqlStore, desk: Desk) -> None:
        clock = SystemClock()
        self.desk = desk
        self.counted = FakeCounting()
        self.gateway = FakeGateway(("envoy-0",))
        self.ears = OnlyEars(clock)
        self.fleet = SqlFleet(store, "shop", database_now=CLOCK)
        delivery, lease = Delivery("a", self.counted, clock), World(store, "shop").servers[0].lease
        self.muster = Muster(delivery, self.fleet, lease, OwnGateway("a", self.gateway), clock)
        self.control = replace(desk.control, clock=clock)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not true():
                await asyncio.sleep(0.01)

    async def told(self, true: Callable[[tuple[Split | None, ...]], bool]) -> None:
        """Until the store says that of what its Envoys obey."""
        async with asyncio.timeout(DEADLINE_S):
            while not any(true(tuple(node.acked for node in each.nodes)) for each in await self.fleet.replicas()):
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def touching(self) -> AsyncIterator[None]:
        task = asyncio.create_task(keep_in_touch(self.muster, self.ears, self.control))
        yield
        task.cancel()
        await asyncio.wait({task})


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    store = await open_store(tmp_path / "abreast.db")
    await make_clock(store)
    yield Server(store, desk_of(await Stage.at(under_way(Phase.PROGRESSING))))
    await store.close()


async def test_what_its_own_gateway_does_is_told_at_once(server: Server) -> None:
    split = split_of(server.control.controller.rollout)
    async with server.touching():
        await server.told(lambda acked: acked == (None,))
        server.gateway._acked["envoy-0"] = split
        await server.told(lambda acked: acked == (split,))
        server.counted.seconds = [replace(second("", 1, 10), at=server.control.clock.now() // 1)]
        await server.until(lambda: server.muster.delivery.read_to > 0)
        assert list(server.muster.delivery.unwritten) == []


async def test_what_others_told_is_read_once_it_is_heard_of_and_whoever_waits_for_it_looks(server: Server) -> None:
    async with server.touching():
        await server.until(lambda: [each.name for each in server.muster.servers] == ["a"])
        await server.fleet.report("b", "b#1", ())
        server.ears.hear(Signal.NODES)
        await server.until(lambda: len(server.muster.servers) == 2)
        counts = server.muster.delivery.counts
        assert counts.tally(0.0) == {}
        await server.fleet.report("b", "b#1", (), [second("b", 1, 5)], second("b", 1).at)
        server.ears.weighs = lambda: True
        server.ears.hear(Signal.SECONDS)
        await server.until(lambda: counts.tally(0.0).get("v2", Tally()).requests == 5)


async def test_flags_are_read_once_it_is_heard_of_them_and_only_by_who_follows(server: Server) -> None:
    kept, follows, asked = FakeFlags(server.desk.stage.store), [False], [0]
    deciding, following = (FlagDesk("shop", kept, SystemClock()) for _ in range(2))
    for each in (deciding, following):
        await each.adopt([DARK], 1)

    def does_follow() -> bool:
        asked[0] += 1
        return follows[0]

    task = asyncio.create_task(follow_flags(following, server.ears, server.control, does_follow))
    await server.until(lambda: asked[0] == 1)
    await deciding.switch(DARK.name, 1, "ada", "now", on=True)
    server.ears.hear(Signal.FLAGS)
    await server.until(lambda: asked[0] == 2)
    assert not following.listed()[0].on
    follows[0] = True
    server.ears.hear(Signal.FLAGS)
    await server.until(lambda: following.listed()[0].on)
    task.cancel()
    await asyncio.wait({task})
