"""What a relay reports becomes findings, ledger and evidence exactly once, whatever dies in between."""

from dataclasses import replace

import pytest

from abreast.findings.book import FindingState, reopen
from abreast.findings.ledger import GatewayTotals
from abreast.model.errors import StoreError
from abreast.model.event import Event, EventKind
from abreast.rollout.observed import Differences
from tests.fakes.crew import FakeCrew
from tests.findings.batches import NAME, ORDERS, TOTAL, batch, path, report
from tests.rollout.play import BEGIN, serving
from tests.shadow.collecting import COPYING, FULL, World, accepted, begun, differing, equal


@pytest.fixture
async def world() -> World:
    return await begun()


class TestBatches:
    """Each counts exactly once."""

    async def test_one_becomes_findings_ledger_and_evidence(self, world: World) -> None:
        world.captures = {"captured": 100, "method": 7}
        await world.turns(differing())
        [finding] = world.collector.book.findings
        assert finding.keys == (TOTAL,)
        ledger = world.collector.ledger
        assert (ledger.seen, ledger.compared, ledger.skipped, ledger.lost, ledger.pending) == (
            107,
            100,
            {"method": 7},
            0,
            0,
        )
        seen = world.collector.differences(world.rollout)
        assert (seen.compared, seen.controlled, seen.candidate_only, seen.findings) == (100, 100, 40, (finding.title,))
        assert seen.against.log_e > 2
        assert seen.clear.log_e < 0
        assert await world.stored() == (world.collector.book, world.collector.ledger)
        assert [each.id for each in await world.collector.samples(finding)] == ["1"]
        assert world.crew.acknowledged == [("relay-1", 1)]
        assert world.news == 1

    async def test_one_that_comes_again_changes_nothing_and_is_acknowledged(self, world: World) -> None:
        await world.turns(differing())
        before = await world.stored()
        world.crew.gives(differing())
        await world.turns()
        assert await world.stored() == before
        assert world.collector.book == before[0]
        assert world.crew.acknowledged == [("relay-1", 1)] * 2
        assert len(world.events) == len(world.alerts.told) == 1

    async def test_another_relay_begins_to_count_at_1_again(self, world: World) -> None:
        await world.turns(equal(1), equal(2))
        world.crew.gives(equal(1), relay="relay-2")
        await world.turns()
        assert world.collector.ledger.compared == 300

    async def test_one_that_cannot_be_stored_is_not_acknowledged_and_comes_again(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        world.captures = {"captured": 100}
        world.store.broken = FULL
        await world.turns(differing())
        await world.turns()
        assert "the disk is full" in caplog.text
        assert (world.crew.acknowledged, world.alerts.told, world.news) == ([], [], 0)
        assert world.collector.book.findings == ()
        assert world.collector.differences(world.rollout) == Differences()
        world.store.broken = None
        await world.turns()
        assert world.crew.acknowledged == [("relay-1", 1)]
        assert world.collector.differences(world.rollout).compared == 100
        ledger = world.collector.ledger
        assert (ledger.seen, ledger.compared, ledger.pending) == (100, 100, 0), "what the gateway told is not forgotten"

    async def test_one_of_an_earlier_rollout_counts_nowhere_but_is_acknowledged(self, world: World) -> None:
        world.rollout = replace(COPYING, number=2)
        await world.turns()
        await world.turns(differing(rollout=1))
        assert world.collector.book.findings == ()
        assert world.collector.ledger.compared == 0
        assert world.collector.differences(world.rollout).compared == 0
        assert world.crew.acknowledged == [("relay-1", 1)]
        assert await world.findings.samples("shop", 2) == [], "its samples are not the new rollout's"
        assert world.collector.noise == {}

    async def test_without_a_relay_s_word_the_ledger_is_still_kept(self, world: World) -> None:
        world.crew.silent = True
        world.captures = {"captured": 3, "budget": 2}
        await world.turns()
        assert world.collector.ledger.seen == 5
        world.captures = {"captured": 1}
        await world.turns()
        assert (await world.stored())[1].seen == 5, "not at every turn"
        world.clock.time += 5
        await world.turns()
        assert (await world.stored())[1].seen == 6

    async def test_when_all_is_told_nothing_more_is_written(self, world: World) -> None:
        world.captures = {"captured": 100}
        await world.turns(equal())
        for _ in range(5):
            world.clock.time += 100
            await world.turns()
        assert world.news == 1

    async def test_a_service_without_copies_writes_nothing(self, world: World) -> None:
        world.rollout = replace(serving(), number=0)
        world.captures = {}
        for _ in range(3):
            world.clock.time += 100
            await world.turns()
        assert await world.findings.load_findings("shop") is None
        assert (world.crew.starts, world.news) == (0, 0)

    async def test_learned_noise_is_told_in_words(self, world: World) -> None:
        told = equal()
        noisy = replace(told.endpoints[0], noise={"/id": "a UUID"})
        later = replace(equal(2), endpoints=(replace(noisy, noise={"/at": "a time"}),))
        await world.turns(replace(told, endpoints=(noisy,)), later)
        assert world.collector.noise == {ORDERS: {"/id": "a UUID", "/at": "a time"}}


class TestGateway:
    """How far it had counted goes with the ledger, so that a successor neither misses nor repeats."""

    async def test_it_is_stored_with_what_it_counted(self, world: World) -> None:
        world.captured_at = GatewayTotals("gateway-1.0", {"captured": 100})
        world.captures = {"captured": 100}
        await world.turns(equal())
        assert (await world.stored())[1].gateway == world.captured_at

    @pytest.mark.parametrize(("shadow", "resumed"), [(2000, 1), (0, 0)])
    async def test_a_successor_has_it_count_from_there_while_copies_are_made(
        self, world: World, shadow: int, resumed: int
    ) -> None:
        world.captured_at = GatewayTotals("gateway-1.0", {"captured": 100})
        await world.turns(equal())
        world.rollout = replace(COPYING, shadow=shadow)
        await world.again(FakeCrew(left_running=True))
        assert world.resumed == [world.captured_at] * resumed


class TestRollouts:
    """A book for each rollout, a lane for each attempt."""

    async def test_a_new_attempt_begins_a_new_lane_in_the_same_book(self, world: World) -> None:
        await world.turns(differing())
        again = replace(COPYING, attempt_since=BEGIN + 60)
        assert world.collector.differences(again) == Differences(), "before the next turn already"
        world.rollout = again
        await world.turns()
        assert world.collector.differences(again) == Differences(findings=(world.collector.book.findings[0].title,))
        await world.turns(equal(2, 50))
        assert world.collector.differences(again).compared == 50
        assert len(world.collector.book.findings) == 1

    async def test_a_new_rollout_begins_a_new_book_and_ledger(self, world: World) -> None:
        await world.turns(differing())
        world.rollout = replace(COPYING, number=2, candidate="v3")
        await world.turns()
        assert (world.collector.book.rollout, world.collector.book.candidate) == (2, "v3")
        assert world.collector.book.findings == ()
        assert world.collector.ledger.compared == 0
        assert world.alerts.open == {"shop": []}

    @pytest.mark.parametrize(("candidate", "kept"), [("v2", 1), ("v3", 0)])
    async def test_what_was_accepted_stays_so_for_the_same_candidate_alone(
        self, world: World, candidate: str, kept: int
    ) -> None:
        await world.turns(differing())
        await accepted(world)
        world.rollout = replace(COPYING, number=2, candidate=candidate)
        await world.turns()
        book = world.collector.book
        assert [(each.number, each.state, each.rollout) for each in book.findings] == [
            (1, FindingState.ACCEPTED, 2)
        ] * kept
        assert len(world.crew.orders[-1].accepted) == kept

    async def test_a_rollout_that_copies_nothing_leaves_the_last_book(self, world: World) -> None:
        await world.turns(differing())
        book = world.collector.book
        world.rollout = replace(COPYING, number=2, shadow=0)
        await world.turns()
        assert world.collector.book.findings == book.findings
        assert world.collector.differences(world.rollout) == Differences()


class TestPeople:
    """What they decide is written at once, and told."""

    async def test_a_decision_is_stored_with_its_event_and_told(self, world: World) -> None:
        await world.turns(differing())
        await accepted(world)
        assert world.collector.book.findings[0].state is FindingState.ACCEPTED
        assert (await world.stored())[0] == world.collector.book
        assert world.events[-1] == "meant"
        assert world.alerts.told == [("shop", 1, "new"), ("shop", 1, "accepted")]

    async def test_it_is_in_the_relay_s_next_order_once(self, world: World) -> None:
        await world.turns(differing())
        assert len(world.crew.orders) == 1
        await accepted(world)
        await world.turns()
        await world.turns()
        assert [order.accepted for order in world.crew.orders] == [(), ((ORDERS, TOTAL),)]

    async def test_what_cannot_be_stored_is_not_so(self, world: World) -> None:
        await world.turns(differing())
        world.store.broken = FULL
        with pytest.raises(StoreError):
            await accepted(world)
        assert world.collector.book.findings[0].state is FindingState.OPEN
        assert world.alerts.told == [("shop", 1, "new")]

    async def test_what_it_refuses_changes_nothing(self, world: World) -> None:
        await world.turns(differing())
        event = Event(BEGIN, 1, EventKind.FINDING, "ada", "?")
        with pytest.raises(LookupError, match="no finding 9"):
            await world.collector.change(9, lambda book: reopen(book, 9, "ada", "no"), event, "reopened")
        assert "?" not in world.events

    async def test_an_acceptance_that_ends_is_an_event_and_an_alert_once(self, world: World) -> None:
        await world.turns(differing())
        await accepted(world, until=BEGIN + 60)
        await world.turns()
        assert world.events[-1] == "meant"
        world.clock.time += 60
        for _ in range(3):
            await world.turns()
        assert world.collector.book.findings[0].state is FindingState.OPEN
        assert world.events[2:] == [
            f"finding 1: open again, what ada accepted has ended: {world.collector.book.findings[0].title}"
        ]
        assert world.alerts.told[2:] == [("shop", 1, "reopened")]
        assert world.crew.orders[-1].accepted == ()


class TestAlerts:
    """Each change is told once."""

    async def test_new_then_resolved_then_reopened(self, world: World) -> None:
        await world.turns(differing())
        assert world.events == [f"finding 1: {world.collector.book.findings[0].title}"]
        await world.turns(equal(2, 5000))
        await world.turns(equal(3, 5000))
        assert world.collector.book.findings[0].state is FindingState.RESOLVED
        await world.turns(differing(4))
        assert [change for _, _, change in world.alerts.told] == ["new", "resolved", "reopened"]
        assert len(world.events) == 2
        assert "open again, it differs again: " in world.events[1]

    async def test_a_second_finding_is_told_by_itself(self, world: World) -> None:
        both = report(path(TOTAL, range(41, 51)), path(NAME, range(101, 141)))
        await world.turns(differing(), batch(both, number=2))
        assert world.alerts.told == [("shop", 1, "new"), ("shop", 2, "new")]

    async def test_after_a_restart_nothing_is_told_anew(self, world: World) -> None:
        await world.turns(differing())
        await world.again(FakeCrew(left_running=True))
        assert world.alerts.open == {"shop": [1]}
        await world.turns(equal(2, 50))
        assert world.alerts.told == []
