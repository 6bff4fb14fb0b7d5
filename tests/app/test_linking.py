"""How a server is linked to agents: the one authority, whom it tells, and whether it has caught up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.app.delivery import Delivery
from abreast.app.ground import lay_ground
from abreast.app.linking import ALONE, LinkEnd, Linking, Publisher, _records, link_of
from abreast.clock import SystemClock
from abreast.model.agent import Position, ServerAddress
from abreast.model.errors import StoreError
from abreast.model.service import Endpoint
from abreast.nodes.second import NodeSecond
from abreast.rollout.observed import NodeState
from abreast.rollout.turn import split_of
from abreast.state_dir import StateDir
from abreast.store.agents import SqlAgents
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.app.specs import spec
from tests.controller.stage import Stage
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeGateway
from tests.link.world import traffic
from tests.operations.desk import desk_of

ANYWHERE = Linking(Endpoint("127.0.0.1", 0), own_gateway=False)


@pytest.fixture
async def store(short_tmp: Path) -> AsyncIterator[SqlStore]:
    opened = await open_store(short_tmp / "abreast.db")
    yield opened
    await opened.close()


async def end_of(store: SqlStore, name: str, linking: Linking) -> LinkEnd:
    return await link_of(name, SqlAgents(store, "shop"), store, SystemClock(), linking)


class Uncounting:
    """A gateway that has counted nothing."""

    def finished(self, node: str, after: int = 0) -> list[NodeSecond]:
        return []


async def test_all_servers_have_the_authority_of_the_first(store: SqlStore) -> None:
    ends = [await end_of(store, name, linking) for name, linking in (("a", ALONE), ("b", ANYWHERE))]
    assert ends[0].joins.authority == ends[1].joins.authority
    assert ends[0].desk is None
    assert ends[1].desk is not None
    assert ends[1].desk.authority.fingerprint == ends[0].joins.authority


async def test_a_server_that_takes_agents_says_where(store: SqlStore) -> None:
    said: list[str] = []
    for linking in (ALONE, ANYWHERE):
        end = await end_of(store, "a", linking)
        end.controls.append(desk_of(await Stage.climbing()).control)
        await end.start(said.append)
        await end.close()
    (sentence,) = said
    address = ServerAddress.parse(sentence.removeprefix("taking gateways at "))
    assert address is not None
    assert address.port > 0


async def test_a_ground_s_gateway_is_told_unless_the_server_has_none(store: SqlStore, short_tmp: Path) -> None:
    read, clock = spec(short_tmp), FakeClock()
    state = StateDir.beside(short_tmp)
    state.make()
    ground = lay_ground(read.service(), state, read.api, clock)
    assert ground.publisher is ground.gateway
    delivery = Delivery("a", Uncounting(), clock)
    end = await end_of(store, "a", ANYWHERE)
    end.controls.append(desk_of(await Stage.climbing()).control)
    end.tell_beside(ground, delivery, state)
    ground.publisher.publish(traffic(0))
    assert not (state.run / "snapshot.json").exists()
    (await end_of(store, "a", ALONE)).tell_beside(ground, delivery, state)
    ground.publisher.publish(traffic(0))
    assert (state.run / "snapshot.json").exists()
    await ground.gateway.close(stop=True)


async def test_the_own_gateway_and_all_agents_are_told_the_same(store: SqlStore) -> None:
    end, own = await end_of(store, "a", ANYWHERE), FakeGateway(("gateway-1",))
    end.controls.append(desk_of(await Stage.climbing()).control)
    publisher = Publisher(own, end.desk)
    publisher.publish(traffic(700))
    assert [each.split.weight for each in own.published] == [700]
    assert end.desk is not None
    assert end.desk.told is not None
    assert end.desk.told.traffic.split.weight == 700
    rollout = end.controls[0].controller.rollout
    assert end.desk.told.position == Position(rollout.number, rollout.revision)
    assert [node.id for node in publisher.nodes()] == ["gateway-1"]
    assert (Publisher(None, None).nodes(), publisher.silent()) == ((), ())


async def test_what_an_agent_counted_is_counted_by_this_server_s_clock(store: SqlStore) -> None:
    end, clock = await end_of(store, "a", ANYWHERE), FakeClock()
    delivery = Delivery("a", Uncounting(), clock)
    end.deliveries.append(delivery)
    ahead_s = 3600.0
    second = NodeSecond("gateway/g1", 1.0, 1, clock.now() + ahead_s - 2)
    _records(end, clock).counted([second], clock.now() + ahead_s)
    (taken,) = delivery.unwritten
    assert taken.at == clock.now() - 2


async def test_a_server_that_knows_as_much_has_caught_up_at_once(store: SqlStore) -> None:
    stage = await Stage.climbing()
    end, clock = await end_of(store, "a", ANYWHERE), FakeClock()
    end.controls.append(desk_of(stage).control)
    records = _records(end, clock)
    assert records.current()
    assert await records.caught_up(records.position())
    obeyed = NodeState("n", replace(split_of(stage.rollout), shadow=None), connected=True)
    assert [each.acked for each in records.as_told([obeyed])] == [split_of(stage.rollout)]


async def test_who_knows_less_asks_the_store_first_and_without_it_waits(store: SqlStore) -> None:
    stage = await Stage.climbing()
    end, clock = await end_of(store, "a", ANYWHERE), FakeClock()
    control = desk_of(stage).control
    end.controls.append(control)
    records = _records(end, clock)
    later = Position(records.position().rollout, records.position().revision + 5)

    async def turn() -> None:
        while True:
            await stage.controller.turn()
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    assert await records.caught_up(later), "what the store says holds, even if it was put back"
    control.controller.store_error = StoreError("away", "wait")
    waiting = asyncio.ensure_future(records.caught_up(later))
    turning.cancel()
    async with asyncio.timeout(10):
        while not clock.sleepers and not waiting.done():
            await asyncio.sleep(0.01)
    await clock.advance(1.0)
    assert not await waiting
    assert not records.current()
