"""The cycle's order, what a failing store changes about it, conflicts, and its end; kills are in test_kill.py."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from abreast.controller.loop import CYCLE_S
from abreast.model.errors import ConflictError, LeaseLostError, NotRunningError, RefusedError, StoreError
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Rollout, WeightStep
from tests.controller.stage import FULL, KilledError, Stage
from tests.fakes.lease import FakeLease
from tests.rollout.play import POLICY, at, serving, under_way
from tests.rollout.traffic import BROKEN, GOOD

DISK = "disk full"


def failing(stage: Stage) -> bool:
    """Whether people are told that the store cannot be written."""
    return DISK in str(stage.controller.store_error)


class TestOrder:
    """What is done first: protecting users, or writing down."""

    async def test_an_abort_is_published_before_it_is_recorded(self) -> None:
        stage = await Stage.climbing()
        reply = await stage.order("abort", reason="slow")
        assert reply.message == "all users go back to v1"
        assert stage.log == ["publish 0", "save", "saved rolling-back"]

    async def test_so_is_a_verdict(self) -> None:
        stage = await Stage.climbing()
        await stage.serves(15, BROKEN)
        assert stage.log[:3] == ["publish 0", "save", "saved rolling-back"]

    async def test_a_raise_is_recorded_before_it_is_published(self) -> None:
        stage = await Stage.climbing()
        await stage.order("weight", weight=3000)
        assert stage.log == ["save", "saved paused", "publish 3000"]

    async def test_a_raise_is_recorded_first_even_while_a_gateway_lags_behind(self) -> None:
        stage = await Stage.climbing()
        stage.gateway.deaf.add("gateway-2")
        await stage.order("weight", weight=500)
        stage.log.clear()
        await stage.order("weight", weight=700)
        assert stage.log == ["save", "saved paused", "publish 700"]

    async def test_a_start_runs_the_candidate_once_it_is_recorded(self) -> None:
        stage = await Stage.at(serving())
        stage.driver.calls.clear()
        await stage.order("start")
        assert ("run", "v2") in stage.driver.calls
        await stage.settle()
        assert (stage.rollout.phase, stage.split) == (Phase.PROGRESSING, at(100))

    async def test_nothing_is_written_while_nothing_changes(self) -> None:
        stage = await Stage.climbing()
        await stage.settle(10)
        assert stage.log == []

    async def test_listeners_hear_what_was_recorded(self) -> None:
        stage = await Stage.climbing()
        await stage.order("pause")
        assert [(event.kind, event.actor) for event in stage.heard] == [(EventKind.PHASE, "ada")]


class TestBrokenStore:
    """Rolling back goes on without it; nothing else does."""

    async def test_an_abort_holds_in_memory_and_is_recorded_later_with_all_its_events(self) -> None:
        stage = await Stage.climbing()
        stage.store.broken = FULL
        reply = await stage.order("abort", reason="it burns")
        assert reply.accepted
        assert (stage.split, stage.rollout.phase) == (at(0), Phase.ROLLING_BACK)
        await stage.settle()
        assert stage.heard == []
        assert (await stage.stored()).phase is Phase.PROGRESSING
        assert failing(stage)

        stage.store.broken = None
        await stage.settle()
        assert (await stage.stored()).phase is Phase.ROLLED_BACK
        assert (await stage.stored()).weight == 0
        assert not failing(stage)
        log = await stage.audit()
        assert log == [
            "ada phase: aborted: it burns",
            "ada weight: aborted: it burns",
            "abreast phase: every gateway sends all users to v1; aborted: it burns",
        ]
        assert [event.reason for event in stage.heard] == [line.split(": ", 1)[1] for line in log]

    async def test_a_raise_does_not_happen_and_the_person_is_told(self) -> None:
        stage = await Stage.climbing()
        before = stage.rollout
        stage.store.broken = FULL
        with pytest.raises(StoreError, match=DISK):
            await stage.order("weight", weight=3000)
        await stage.settle()
        assert (stage.rollout, stage.split) == (before, at(1000))
        assert not any(entry.startswith("publish") for entry in stage.log)

    async def test_a_raise_does_not_happen_even_while_a_gateway_lags_behind(self) -> None:
        stage = await Stage.climbing()
        stage.gateway.deaf.add("gateway-2")
        await stage.order("weight", weight=500)
        stage.store.broken = FULL
        with pytest.raises(StoreError, match=DISK):
            await stage.order("weight", weight=700)
        assert (stage.rollout.weight, stage.split) == (500, at(500))

    async def test_a_step_does_not_go_on(self) -> None:
        stage = await Stage.at(under_way(Phase.PROGRESSING, step=0, weight=100))
        await stage.serves(45, GOOD)
        stage.store.broken = FULL
        await stage.serves(20, GOOD)
        await stage.settle()
        assert (stage.rollout.step, stage.split) == (0, at(100))
        assert not any(entry.startswith("publish") for entry in stage.log), "not even for a moment"
        stage.store.broken = None
        await stage.settle()
        assert (stage.rollout.step, stage.split) == (1, at(1000))

    async def test_what_already_is_so_needs_no_store(self) -> None:
        stage = await Stage.climbing()
        stage.store.broken = FULL
        await stage.order("abort")
        assert (await stage.order("abort")).message == "already rolling-back: no user is sent to v2"

    async def test_it_is_noticed_when_the_store_can_be_written_again(self) -> None:
        stage = await Stage.climbing()
        stage.store.broken = FULL
        with pytest.raises(StoreError, match=DISK):
            await stage.order("pause")
        await stage.settle()
        assert failing(stage)
        stage.store.broken = None
        await stage.settle()
        assert not failing(stage)
        revision = (await stage.stored()).revision
        await stage.settle()
        assert (await stage.stored()).revision == revision

    async def test_notes_wait_for_it(self) -> None:
        stage = await Stage.climbing()
        stage.store.broken = FULL
        stage.controller.note(EventKind.INSTANCE, "v2-1: was killed")
        await stage.settle()
        stage.store.broken = None
        await stage.settle()
        assert await stage.audit() == ["abreast instance: v2-1: was killed"]

    async def test_a_flood_of_notes_is_bounded_to_the_newest(self) -> None:
        stage = await Stage.climbing()
        stage.store.broken = FULL
        for number in range(1000):
            stage.controller.note(EventKind.INSTANCE, f"note {number}")
        await stage.settle()
        stage.store.broken = None
        await stage.settle()
        log = await stage.audit()
        assert (len(log), log[-1]) == (200, "abreast instance: note 999")


class TestConflict:
    """Somebody else wrote in between: what they wrote counts, and everything is decided anew."""

    async def test_the_order_is_decided_upon_what_they_wrote(self) -> None:
        stage = await Stage.climbing()
        stored = await stage.stored()
        policy = replace(POLICY, steps=(POLICY.steps[0], WeightStep(2000), *POLICY.steps[2:]))
        await stage.store.save(replace(stored, weight=2000, policy=policy), [])
        submitted = asyncio.create_task(stage.controller.submit(stage.command("pause")))
        await asyncio.sleep(0)
        await stage.controller.turn()
        assert not submitted.done()
        await stage.controller.turn()
        assert (await submitted).message == "paused at 20 %; the gates go on protecting"
        assert (await stage.stored()).weight == 2000

    async def test_an_order_upon_an_old_reading_is_refused(self) -> None:
        stage = await Stage.climbing()
        revision = stage.rollout.revision
        await stage.order("pause", revision=revision)
        with pytest.raises(ConflictError, match=f"revision {revision + 1}, you had read {revision}") as caught:
            await stage.order("resume", revision=revision)
        assert caught.value.remedy == "look at: abreast status"

    async def test_a_refusal_is_an_error_and_an_event(self) -> None:
        stage = await Stage.climbing()
        with pytest.raises(RefusedError, match="nothing was promoted") as caught:
            await stage.order("undo")
        assert not isinstance(caught.value, ConflictError)
        assert (await stage.audit())[-1].startswith("ada refused: undo refused: nothing was promoted")


async def test_what_the_driver_calls_hopeless_is_rolled_back() -> None:
    stage = await Stage.at(serving())
    stage.driver.hopeless.add("v2")
    await stage.order("start")
    await stage.settle()
    assert (stage.rollout.phase, stage.split) == (Phase.ROLLED_BACK, at(0))
    assert "abreast verdict: there is no command for 'v2'" in await stage.audit()

    stage.driver.hopeless.clear()
    await stage.order("retry")
    await stage.settle()
    assert stage.rollout.phase is Phase.PROGRESSING


class TestRun:
    """The loop itself: woken, by time, and ended."""

    async def test_it_looks_again_when_woken_and_after_its_time(self) -> None:
        stage = await Stage.climbing()
        running = asyncio.create_task(stage.controller.run())
        await stage.clock.settle()
        stage.controller.note(EventKind.GATEWAY, "Envoy restarted")
        await stage.clock.settle()
        assert await stage.audit() == ["abreast gateway: Envoy restarted"], "woken, though no time went by"
        stage.driver.sick.add("v2")
        await stage.clock.advance(CYCLE_S)
        assert stage.rollout.sheltering == "candidate"
        assert stage.split == at(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def test_orders_that_come_too_late_are_told_so(self) -> None:
        stage = await Stage.climbing()
        running = asyncio.create_task(stage.controller.run())
        await stage.clock.settle()
        running.cancel()
        waiting = asyncio.create_task(stage.controller.submit(stage.command("pause")))
        await asyncio.gather(running, return_exceptions=True)
        with pytest.raises(NotRunningError, match="the control plane is ending"):
            await waiting
        with pytest.raises(NotRunningError, match="the control plane is ending"):
            await stage.controller.submit(stage.command("pause"))

    async def test_an_order_under_way_is_not_left_hanging_when_it_ends(self) -> None:
        stage = await Stage.climbing()
        stage.kill_at = "save"
        waiting = asyncio.create_task(stage.controller.submit(stage.command("pause")))
        await asyncio.sleep(0)
        with pytest.raises(KilledError):
            await stage.controller.run()
        with pytest.raises(NotRunningError):
            await waiting

    async def test_until_waits_for_a_cycle_that_makes_it_true(self) -> None:
        stage = await Stage.climbing()
        waiting = asyncio.create_task(stage.controller.until(lambda: stage.rollout.phase is Phase.PAUSED, 30.0))
        await asyncio.sleep(0)
        await stage.controller.turn()
        assert not waiting.done()
        await stage.order("pause")
        assert await waiting
        assert not await stage.controller.until(lambda: False, 0.01)


class TestPolicy:
    """The spec was read again during a rollout."""

    async def test_it_takes_effect_and_is_noted(self) -> None:
        stage = await Stage.climbing()
        changed = replace(stage.rollout.policy, on_failure="freeze")
        await stage.controller.replace_policy(changed, "the spec changed")
        assert (await stage.stored()).policy == changed
        assert await stage.audit() == ["abreast spec: the spec changed"]
        assert [event.kind for event in stage.heard] == [EventKind.SPEC]
        await stage.settle()
        assert stage.rollout.policy == changed

    async def test_it_changes_nothing_that_happened_since_it_was_planned(self) -> None:
        stage = await Stage.climbing()
        changed = replace(stage.rollout.policy, on_failure="freeze")
        await stage.order("abort")
        await stage.controller.replace_policy(changed, "the spec changed")
        assert (stage.rollout.phase, stage.rollout.policy.on_failure) == (Phase.ROLLING_BACK, "freeze")

    async def test_it_waits_for_a_turn_that_is_writing(self) -> None:
        stage = await Stage.climbing()
        changed = replace(stage.rollout.policy, on_failure="freeze")
        submitted = asyncio.create_task(stage.order("abort"))
        replaced = asyncio.create_task(stage.controller.replace_policy(changed, "the spec changed"))
        await asyncio.gather(submitted, replaced)
        stored = await stage.stored()
        assert (stored.phase, stored.policy.on_failure) == (Phase.ROLLING_BACK, "freeze")

    async def test_it_is_refused_if_the_rollout_went_past_what_it_changes(self) -> None:
        stage = await Stage.at(under_way(Phase.PROGRESSING, replace(POLICY, at_least_s=3600.0), step=0, weight=100))
        steps = (POLICY.steps[0], WeightStep(2000, 5.0), *POLICY.steps[2:])
        changed = replace(stage.rollout.policy, steps=steps)
        await stage.order("promote")
        with pytest.raises(RefusedError, match="step 2 is under way"):
            await stage.controller.replace_policy(changed, "the spec changed")
        assert stage.rollout.policy.steps == POLICY.steps

    async def test_what_waits_for_the_store_is_written_with_it(self) -> None:
        stage = await Stage.climbing()
        stage.store.broken = FULL
        await stage.order("abort")
        stage.store.broken = None
        changed = replace(stage.rollout.policy, on_failure="freeze")
        await stage.controller.replace_policy(changed, "the spec changed")
        await stage.settle()
        log = await stage.audit()
        assert log[:3] == ["ada phase: aborted", "ada weight: aborted", "abreast spec: the spec changed"]
        assert log[3].startswith("abreast phase: every gateway")
        assert len(log) == 4


class TestLease:
    """Several control planes on one store: only the holder of the lease decides and acts."""

    @pytest.fixture
    async def stage(self) -> Stage:
        made = await Stage.climbing()
        made.controller._lease = FakeLease()
        return made

    @staticmethod
    def lose(stage: Stage) -> None:
        stage.controller._lease = FakeLease(held=False)

    async def test_without_the_lease_nothing_is_decided_recorded_or_told(self, stage: Stage) -> None:
        before = await stage.stored()
        self.lose(stage)
        stage.log.clear()
        with pytest.raises(LeaseLostError, match="this server decides no longer"):
            await stage.order("abort")
        assert stage.log == []
        assert await stage.stored() == before

    async def test_a_lease_that_ends_while_it_is_recorded_leaves_the_acting_to_others(self, stage: Stage) -> None:
        def did(step: str) -> None:
            stage.did(step)
            if step.startswith("saved"):
                self.lose(stage)

        stage.store.on_save = did
        stage.log.clear()
        with pytest.raises(LeaseLostError):
            await stage.order("weight", weight=9000)
        assert not [each for each in stage.log if each.startswith("publish")]
        assert (await stage.stored()).weight == 9000

    async def test_a_write_that_is_refused_is_not_kept_to_be_recorded_later(self, stage: Stage) -> None:
        before = stage.rollout

        async def refuse(rollout: Rollout, events: Iterable[Event]) -> Rollout:
            raise LeaseLostError("another decides", "look who")

        stage.store.save = refuse  # type: ignore[method-assign]  # the store's fence
        with pytest.raises(LeaseLostError):
            await stage.order("abort")
        assert stage.rollout == before
