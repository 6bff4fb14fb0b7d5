"""One holding of the lease, over a store in a file: it begins from what is on record, and ends with its lease."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.app.delivery import Delivery
from abreast.app.ears import Ears
from abreast.app.fleet import FleetGateway, Muster, OwnGateway
from abreast.app.ground import lay_ground
from abreast.app.linking import ALONE, link_of
from abreast.app.parts import Up, load_rollout
from abreast.app.term import FOUND_AGAIN_S, Holding, Place, Promise, hold, is_news
from abreast.checks.members import Members
from abreast.clock import SystemClock
from abreast.model.errors import LeaseLostError, RefusedError, StoreError, UsageError
from abreast.model.event import Event, EventKind
from abreast.model.spec import Spec
from abreast.rollout.observed import Command, DataState
from abreast.state_dir import StateDir
from abreast.store.agents import SqlAgents
from abreast.store.data_states import SqlDataStates
from abreast.store.fleet import SqlFleet
from abreast.store.lease import LEASE_S, DatabaseLease
from abreast.store.sqlite import open_store
from tests.app.specs import spec
from tests.fakes.orders import FakeOrders
from tests.store.lease_world import CLOCK, World, make_clock

DEADLINE_S = 10.0
SEEN = DataState(ready=("v1", "v2"), contractible="v1", drift=0, rows=10, checked_at=100.0)


class Holdings:
    """A server's place, its world's clocks, and what has been said and assumed."""

    def __init__(self, place: Place, world: World, read: Spec) -> None:
        self.place = place
        self.world = world
        self.spec = read
        self.assumed: list[Up] = []

    async def hold(self) -> None:
        """Decide until the lease is lost."""
        await hold(self.place, self.spec, lambda _said: None, self.assumed.append)

    async def until_assumed(self, task: asyncio.Task[None]) -> Up:
        """What decides, once it does."""
        async with asyncio.timeout(DEADLINE_S):
            while not self.assumed:
                if task.done():
                    task.result()
                await asyncio.sleep(0.01)
        return self.assumed[-1]


@asynccontextmanager
async def holdings(directory: Path) -> AsyncIterator[Holdings]:
    """A place whose lease is held."""
    read, clock = spec(directory), SystemClock()
    state = StateDir.beside(directory)
    state.make()
    store = await open_store(state.store)
    await make_clock(store)
    world = World(store, "shop")
    lease: DatabaseLease = world.servers[0].lease
    service = read.service()
    await load_rollout(store, read, service, clock.now())
    ground = lay_ground(service, state, read.api, clock)
    fleet = SqlFleet(store, "shop", database_now=CLOCK)
    delivery = Delivery("a", ground.gateway.counts, clock)
    muster = Muster(delivery, fleet, lease, OwnGateway("a", ground.gateway), clock)
    await lease.keep()
    link = await link_of("a", SqlAgents(store, "shop", database_now=CLOCK), store, clock, ALONE)
    members = Members(None, clock, ground.wake)
    place = Place(
        *(directory / "abreast.yaml", state, store, lease, ground, muster, FakeOrders(), Ears(clock), link, members)
    )
    yield Holdings(place, world, read)
    await ground.gateway.close(stop=True)
    await ground.drivers.close(stop=True)
    await store.close()


@pytest.fixture
async def held(short_tmp: Path) -> AsyncIterator[Holdings]:
    async with holdings(short_tmp) as made:
        yield made


async def test_it_decides_until_its_lease_ends_and_says_so_on_record(held: Holdings) -> None:
    deciding = asyncio.create_task(held.hold())
    term = await held.until_assumed(deciding)
    assert held.place.ground.cycles == [term.controller]
    assert isinstance(term.observer.gateway, FleetGateway)
    async with asyncio.timeout(DEADLINE_S):
        while not [each for _, each in await held.place.store.events("shop") if each.kind is EventKind.LEASE]:
            await asyncio.sleep(0.01)
    (event,) = [each for _, each in await held.place.store.events("shop") if each.kind is EventKind.LEASE]
    assert event.reason == "server a decides now (token 1)"
    held.world.now += LEASE_S
    async with asyncio.timeout(DEADLINE_S):
        await deciding
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "holding"]


async def test_what_an_earlier_holding_would_write_later_is_refused(held: Holdings) -> None:
    deciding = asyncio.create_task(held.hold())
    term = await held.until_assumed(deciding)
    await held.world.pass_(LEASE_S)
    await deciding
    assert await held.world.servers[1].lease.keep()
    with pytest.raises(LeaseLostError):
        await term.store.save(term.controller.rollout, [])


async def test_a_new_holding_of_the_same_server_is_another(held: Holdings) -> None:
    first = Holding(held.place.lease)
    assert first.held
    await held.world.pass_(LEASE_S)
    await held.place.lease.keep()
    second = Holding(held.place.lease)
    assert (second.token, second.held) == (2, True)
    assert [each.held for each in (first, second)] == [False, True]


async def test_a_spec_without_the_rollouts_versions_cannot_decide(held: Holdings, tmp_path: Path) -> None:
    held.spec = spec(tmp_path, versions={"v3": {"endpoints": ["127.0.0.1:7"]}})
    with pytest.raises(UsageError, match="v1 is missing in the spec"):
        await held.hold()
    assert held.assumed == []


async def test_what_a_database_said_that_the_spec_no_longer_names_is_forgotten(held: Holdings) -> None:
    states = SqlDataStates(held.place.store, "shop")
    await states.save_data_state(DataState(doing="making its side"))
    deciding = asyncio.create_task(held.hold())
    await held.until_assumed(deciding)
    async with asyncio.timeout(DEADLINE_S):
        while await states.load_data_state() is not None:
            await asyncio.sleep(0.01)
    await held.world.pass_(LEASE_S)
    await deciding


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (replace(SEEN, checked_at=SEEN.checked_at + FOUND_AGAIN_S - 1), False),
        (replace(SEEN, checked_at=SEEN.checked_at + FOUND_AGAIN_S), True),
        (replace(SEEN, checked_at=SEEN.checked_at + 1, drift=1), True),
        (replace(SEEN, doing="dropping the side of v1"), True),
    ],
    ids=["the same a little later", "the same much later", "rows differ", "at work"],
)
def test_followers_are_told_what_is_new_and_now_and_then_what_is_not(now: DataState, *, told: bool) -> None:
    assert is_news(now, SEEN) is told


class TestPromise:
    """What a gateway was told while the store was away is ordered again."""

    @staticmethod
    def event(kind: EventKind = EventKind.PHASE) -> Event:
        return Event(1.0, 1, kind, "ada", "slow")

    async def test_an_abort_is_given_until_it_is_taken(self) -> None:
        promise, given = Promise(), list[Command]()

        async def give(command: Command) -> None:
            given.append(command)
            if len(given) == 1:
                raise StoreError("away", "wait")

        promise.make([self.event(EventKind.GATEWAY), self.event()])
        assert not await promise.keep(give)
        assert await promise.keep(give)
        assert await promise.keep(give)
        assert [(each.verb, each.actor) for each in given] == [("abort", "ada")] * 2
        assert given[0].reason == "slow (a gateway was told so while the store was away)"

    async def test_what_needs_no_abort_any_more_is_let_go_of(self) -> None:
        promise = Promise()
        promise.make([self.event()])

        async def refuse(_command: Command) -> None:
            raise RefusedError("it was rolled back", "nothing")

        assert await promise.keep(refuse)
        assert promise.command is None

    async def test_notes_alone_promise_nothing(self) -> None:
        promise = Promise()
        promise.make([self.event(EventKind.GATEWAY)])
        assert promise.command is None


async def test_a_promise_is_kept_before_anything_else_is_told(held: Holdings) -> None:
    held.place.promise.make([TestPromise.event()])
    deciding = asyncio.create_task(held.hold())
    await held.until_assumed(deciding)
    async with asyncio.timeout(DEADLINE_S):
        while held.place.promise.command is not None:
            await asyncio.sleep(0.01)
    held.world.now += LEASE_S
    await deciding
