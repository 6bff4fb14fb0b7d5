"""A server that does not decide: its gateway obeys what is on record, and it changes nothing."""

import asyncio
from dataclasses import replace

import pytest

from abreast.controller.act import Actor
from abreast.controller.follow import EVIDENCE_S, Follower, OnRecord, as_told, followed
from abreast.controller.observe import Observer
from abreast.model.event import EventKind
from abreast.model.rollout import Phase
from abreast.model.traffic import Shadowing, Split
from abreast.rollout.actions import Reply
from abreast.rollout.observed import Command, DataState, NodeState
from abreast.rollout.turn import split_of
from tests.controller.stage import FULL, SERVICE, Stage
from tests.fakes.driver import FakeDriver
from tests.fakes.evidence import FakeEvidence
from tests.fakes.gateway import FakeGateway
from tests.rollout.play import under_way
from tests.rollout.traffic import GOOD

SPLIT = Split("v1", "v2", 1000, "salt", Shadowing(500, 10.0))


class FakeDataRecord:
    """`abreast.controller.follow.DataRecord` in memory."""

    def __init__(self) -> None:
        self.kept: DataState | None = None

    async def load_data_state(self) -> DataState | None:
        return self.kept


class Beside:
    """A follower with a gateway and a driver of its own, beside the stage of who decides."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.gateway = FakeGateway(("mine",))
        self.driver = FakeDriver(stage.clock, start_s=0.0, stop_s=0.0)
        self.placed: list[Command] = []
        self.evidence = FakeEvidence(stage.store)
        self.data = FakeDataRecord()
        on_record = OnRecord(self.evidence, self.data)
        counts = stage.counts
        self.follower = Follower(
            stage.rollout,
            observer=Observer(
                SERVICE, self.driver, self.gateway, counts, stage.clock, on_record, on_record, on_record, data=on_record
            ),
            on_record=on_record,
            actor=Actor(SERVICE, self.driver, self.gateway, "secret"),
            store=stage.store,
            clock=stage.clock,
            place=self.place,
        )

    async def place(self, command: Command) -> Reply:
        """The one that decides carries it out."""
        self.placed.append(command)
        return await self.stage.order(command.verb, weight=command.weight)

    async def turn(self) -> None:
        """One look, after a while."""
        self.stage.clock.time += EVIDENCE_S
        await self.follower.turn()


@pytest.fixture
async def beside() -> Beside:
    return Beside(await Stage.climbing())


async def test_its_gateway_is_told_what_is_on_record(beside: Beside) -> None:
    await beside.turn()
    assert beside.gateway.published[-1].split == split_of(beside.stage.rollout)
    await beside.stage.order("weight", weight=7000)
    await beside.turn()
    assert beside.gateway.published[-1].split.weight == 7000
    assert beside.follower.rollout == await beside.stage.stored()


async def test_it_watches_the_versions_for_itself(beside: Beside) -> None:
    await beside.turn()
    assert {each.version for each in beside.driver.instances()} == {"v1", "v2"}


async def test_looking_changes_nothing_on_record(beside: Beside) -> None:
    before, audit = await beside.stage.stored(), await beside.stage.audit()
    for _ in range(5):
        await beside.turn()
        beside.follower.note(EventKind.GATEWAY, "Envoy was lost")
    assert await beside.stage.stored() == before
    assert await beside.stage.audit() == audit


async def test_a_command_is_handed_on_and_obeyed_here_when_it_is_answered(beside: Beside) -> None:
    reply = await beside.follower.submit(beside.stage.command("weight", weight=4000))
    assert reply.accepted
    assert beside.follower.rollout.weight == 4000
    assert beside.gateway.published[-1].split.weight == 4000
    assert [each.verb for each in beside.placed] == ["weight"]


async def test_without_the_store_it_goes_on_with_what_it_read_last(beside: Beside) -> None:
    await beside.turn()
    beside.stage.store.broken = FULL
    await beside.turn()
    assert beside.follower.store_error is FULL
    assert beside.gateway.published[-1].split == split_of(beside.follower.rollout)
    beside.stage.store.broken = None
    await beside.turn()
    assert beside.follower.store_error is None


async def test_a_rollout_of_versions_that_its_spec_lacks_is_not_followed(beside: Beside) -> None:
    await beside.turn()
    stored = await beside.stage.stored()
    await beside.stage.store.save(replace(stored, candidate="v9"), [])
    await beside.turn()
    assert beside.follower.rollout.candidate == "v2"
    beside.follower.adopt(replace(SERVICE, versions=(*SERVICE.versions, replace(SERVICE.versions[0], name="v9"))))
    await beside.turn()
    assert beside.follower.rollout.candidate == "v9"


async def test_evidence_is_what_is_on_record(beside: Beside) -> None:
    stage = beside.stage
    await stage.serves(60, GOOD)
    unsaved = stage.controller._observer.verdicts.unsaved()  # type: ignore[attr-defined]  # a Jury, on the stage
    await beside.evidence.save_ticks("shop", unsaved.rollout, unsaved.ticks, unsaved.state)
    await beside.turn()
    mine, theirs = beside.follower.observe().assessment, stage.controller.observe().assessment
    assert mine == theirs


async def test_it_looks_by_itself_and_whoever_waits_is_told(beside: Beside) -> None:
    running = asyncio.create_task(beside.follower.run())
    waiting = asyncio.create_task(beside.follower.until(lambda: beside.follower.rollout.weight == 3000, 5.0))
    await asyncio.sleep(0)
    await beside.stage.order("weight", weight=3000)
    beside.follower.wake()
    assert await waiting
    assert not await beside.follower.until(lambda: False, 0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_nothing_is_copied_at_a_follower_and_its_node_counts_as_obeying() -> None:
    beside = Beside(await Stage.at(under_way(Phase.PROGRESSING, shadow=2000)))
    await beside.turn()
    assert beside.gateway.published[-1].split.shadow is None
    split = split_of(beside.follower.rollout)
    assert split.shadow is not None
    assert beside.follower.observe().obeyed(split)


def test_only_what_obeys_counts_as_obeying() -> None:
    nodes = [
        NodeState("obeys", followed(SPLIT), connected=True),
        NodeState("behind", replace(followed(SPLIT), weight=500), connected=True),
        NodeState("unknown", None, connected=True),
    ]
    told = as_told(nodes, SPLIT)
    assert [node.acked == SPLIT for node in told] == [True, False, False]
    assert told[1:] == nodes[1:]


async def test_nobody_is_asked_and_nothing_is_compared(beside: Beside) -> None:
    on_record = OnRecord(beside.evidence, beside.data)
    on_record.follow(beside.stage.rollout, ready=True)
    assert on_record.results() == {}
    assert on_record.differences(beside.stage.rollout).compared == 0


async def test_what_the_database_said_to_who_decides_is_known_and_nobody_asks_it(beside: Beside) -> None:
    await beside.turn()
    assert beside.follower.observe().data is None
    said = DataState(ready=("v1", "v2"), contractible="v1", drift=3, rows=10, checked_at=5.0)
    beside.data.kept = said
    await beside.turn()
    assert beside.follower.observe().data == said


async def test_what_its_gateway_was_told_and_is_not_on_record_is_kept_to_until_it_is(beside: Beside) -> None:
    await beside.turn()
    told = replace(beside.follower.rollout, weight=0, phase=Phase.ROLLING_BACK)
    beside.follower.keep_to(told)
    for weight in (2000, 3000):
        await beside.stage.order("weight", weight=weight)
        await beside.turn()
        assert beside.gateway.published[-1].split.weight == 0
    beside.follower.release()
    await beside.turn()
    assert beside.gateway.published[-1].split.weight == 3000
