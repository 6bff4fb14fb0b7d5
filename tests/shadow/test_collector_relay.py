"""There is one relay while something is copied, and a little longer; what it takes to its grave is known."""

import asyncio
from dataclasses import replace

import pytest

from abreast.findings.ledger import GRACE_S
from abreast.model.rollout import HoldStep, ShadowStep, WeightStep
from abreast.model.service import Endpoint
from abreast.model.traffic import Shadowing
from abreast.model.units import FULL_WEIGHT
from tests.fakes.crew import FakeCrew
from tests.rollout.play import POLICY, serving
from tests.shadow.collecting import COPYING, World, begun, differing, equal


@pytest.fixture
async def world() -> World:
    return await begun()


class TestRelay:
    """There is one while something is copied, and a little longer."""

    async def test_it_starts_with_the_first_copies_and_is_told_whom_to_ask(self, world: World) -> None:
        await world.turns()
        [order] = world.crew.orders
        assert (order.rollout, order.stable.version, order.candidate and order.candidate.version) == (1, "v1", "v2")
        assert order.stable.endpoints == (Endpoint("127.0.0.1", 9001),)
        assert (order.signing_key, order.redaction_salt, order.policy) == ("signing", "salt", POLICY.shadow)

    async def test_an_order_is_said_again_only_when_it_changed(self, world: World) -> None:
        for _ in range(3):
            await world.turns()
        world.ports = (9002, 9003)
        for _ in range(3):
            await world.turns()
        assert [len(order.candidate.endpoints) for order in world.crew.orders if order.candidate] == [1, 2]

    async def test_it_lingers_for_what_it_holds_and_then_ends(self, world: World) -> None:
        await world.turns(differing())
        world.rollout = replace(COPYING, shadow=0)
        world.clock.time += 14
        await world.turns(equal(2))
        assert (world.crew.stops, world.collector.ledger.compared) == (0, 200)
        world.clock.time += 1
        await world.turns()
        await world.turns()
        assert world.crew.stops == 1
        assert world.notes == ["relay: the relay was ended, as it has nothing left to do"]

    async def test_it_is_there_before_the_first_copy_is_made(self, world: World) -> None:
        steps = (HoldStep(5.0), ShadowStep(2000), WeightStep(FULL_WEIGHT))
        world.rollout = replace(COPYING, shadow=0, policy=replace(POLICY, steps=steps))
        await world.turns()
        assert world.crew.starts == 1
        assert world.crew.orders[-1].rollout == -1, "it counts for nobody yet"

    async def test_what_a_relay_held_when_it_died_is_lost(self, world: World) -> None:
        world.captures = {"captured": 130}
        await world.turns(replace(equal(), held=30))
        assert (world.collector.ledger.lost, world.collector.ledger.pending) == (0, 30)
        world.crew.dies()
        await world.turns()
        assert (world.collector.ledger.lost, world.collector.ledger.pending) == (30, 0)
        assert world.crew.starts == 2
        assert world.crew.orders, "the next one is told its order anew"

    async def test_also_when_it_dies_while_it_lingers(self, world: World) -> None:
        world.captures = {"captured": 130}
        await world.turns(replace(equal(), held=30))
        world.rollout = replace(COPYING, shadow=0)
        world.crew.dies()
        await world.turns()
        assert (world.collector.ledger.lost, world.collector.ledger.pending) == (30, 0)
        assert world.crew.starts == 1

    @pytest.mark.parametrize("successor", [FakeCrew(), FakeCrew(left_running=True)], ids=["none", "another"])
    async def test_also_when_it_died_while_nobody_looked(self, world: World, successor: FakeCrew) -> None:
        world.captures = {"captured": 130}
        await world.turns(replace(equal(), held=30))
        await world.again(successor)
        world.crew.gives(equal(1, 10), relay="relay-2")
        world.captures = {"captured": 10}
        await world.turns()
        ledger = world.collector.ledger
        assert (ledger.seen, ledger.compared, ledger.lost, ledger.pending) == (140, 110, 30, 0)

    async def test_one_that_is_found_again_goes_on(self, world: World) -> None:
        world.captures = {"captured": 130}
        await world.turns(replace(equal(), held=30))
        await world.again(FakeCrew(left_running=True))
        await world.turns(equal(2, 30))
        ledger = world.collector.ledger
        assert (ledger.seen, ledger.compared, ledger.lost, ledger.pending) == (130, 130, 0, 0)
        assert (world.crew.starts, len(world.crew.orders)) == (0, 1)

    async def test_what_was_captured_for_a_relay_that_never_spoke_is_lost_after_the_grace(self, world: World) -> None:
        world.crew.silent = True
        world.captures = {"captured": 20}
        await world.turns()
        assert world.collector.ledger.pending == 20
        world.clock.time += GRACE_S
        await world.turns()
        assert (world.collector.ledger.lost, world.collector.ledger.pending) == (20, 0)

    @pytest.mark.parametrize("trouble", [{"cannot_start": "no memory"}, {"refusal": "stable: missing"}])
    async def test_one_that_cannot_be_used_is_said_once_and_stops_nothing(
        self, world: World, trouble: dict[str, str]
    ) -> None:
        for name, words in trouble.items():
            setattr(world.crew, name, words)
        world.captures = {"budget": 1}
        await world.turns()
        await world.turns()
        assert world.notes == [f"relay: the relay cannot be used: {next(iter(trouble.values()))}"]
        assert world.collector.ledger.seen == 1

    @pytest.mark.parametrize("stop", [True, False])
    async def test_it_is_let_go_as_it_is_told(self, world: World, stop: bool) -> None:
        await world.collector.close(stop=stop)
        assert world.crew.closed is stop


class TestRecording:
    """Somebody records users' requests; nothing is compared for it."""

    async def test_copies_are_made_while_somebody_asks(self, world: World) -> None:
        world.rollout = replace(serving(), number=0)
        assert await world.collector.recorded() == ()
        assert world.recording == Shadowing(FULL_WEIGHT, POLICY.shadow.at_most_per_s)
        await world.turns()
        assert world.crew.orders[-1].recording
        assert world.crew.orders[-1].candidate is None
        world.crew.lines = ["{}"]
        assert await world.collector.recorded() == ["{}"]
        world.captures = {"captured": 50}
        await world.turns()
        assert world.collector.ledger.seen == 0
        world.clock.time += 5
        await world.turns()
        assert world.recording is None

    async def test_it_is_no_part_of_the_comparison_beside_it(self, world: World) -> None:
        await world.collector.recorded()
        await world.turns(differing())
        assert (world.crew.orders[-1].rollout, world.crew.orders[-1].recording) == (1, True)
        assert world.collector.ledger.compared == 100


async def test_it_turns_twice_a_second_until_it_is_cancelled(world: World) -> None:
    running = asyncio.create_task(world.collector.run())
    await world.clock.settle()
    world.crew.gives(equal(1))
    await world.clock.advance(0.5)
    world.crew.gives(equal(2))
    await world.clock.advance(0.5)
    assert world.crew.acknowledged == [("relay-1", 1), ("relay-1", 2)]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
