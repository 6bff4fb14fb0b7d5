"""The cycle: observe everything once, decide, record by compare-and-set, act, wait until woken."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from abreast.controller.act import Actor
from abreast.controller.lease import LocalLease
from abreast.controller.observe import Observer
from abreast.controller.waking import Turns, Waking
from abreast.model.errors import (
    AbreastError,
    ConflictError,
    LeaseLostError,
    NotRunningError,
    RefusedError,
    StoreError,
)
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Policy, Rollout
from abreast.ports import Clock, Lease, Store
from abreast.rollout.actions import Decision, Reply, SetSplit
from abreast.rollout.decide import decide
from abreast.rollout.observed import Command, Observed
from abreast.rollout.replan import replan
from abreast.rollout.turn import ACTOR, share_of, split_of
from abreast.rollout.wishes import wishes

log: Final = logging.getLogger(__name__)

CYCLE_S: Final = 0.5
"""The longest time between two looks at the world."""

_LAST_WORDS: Final = 200
"""How many notes wait at most for a store that cannot be written; older ones are only in the log."""


@dataclass(frozen=True)
class _Waiting:
    command: Command
    outcome: asyncio.Future[Reply]


class Controller:
    """Runs one service's rollout. ``on_event`` hears of every event once it is recorded."""

    def __init__(
        self,
        rollout: Rollout,
        *,
        observer: Observer,
        actor: Actor,
        store: Store,
        clock: Clock,
        on_event: Callable[[Event], None] = lambda _event: None,
        lease: Lease | None = None,
    ) -> None:
        self.rollout = rollout
        self.because = ""
        self.store_error: StoreError | None = None
        self._observer = observer
        self._actor = actor
        self._store = store
        self._clock = clock
        self._on_event = on_event
        self._lease = lease or LocalLease()
        self._waiting: list[_Waiting] = []
        self._deciding: list[_Waiting] = []
        self._ended = False
        self._writing = asyncio.Lock()
        self._notes: list[Event] = []
        self._unrecorded: tuple[Event, ...] = ()
        self._waking = Waking(clock)
        self._turns = Turns()

    @property
    def unrecorded(self) -> Sequence[Event]:
        """What was told to the gateways, as rolling back is, and could not be recorded yet; oldest first."""
        return self._unrecorded

    def wake(self) -> None:
        """Something happened: look again now."""
        self._waking.wake()

    def note(self, kind: EventKind, reason: str, actor: str = ACTOR) -> None:
        """Put something that happened outside of deciding into the audit log, with the next record."""
        self._notes.append(Event(self._clock.now(), self.rollout.number, kind, actor, reason))
        del self._notes[:-_LAST_WORDS]
        self.wake()

    def observe(self) -> Observed:
        """The facts as they are now."""
        return self._observer.observe(self.rollout, hopeless=self._actor.hopeless)

    async def submit(self, command: Command) -> Reply:
        """Have a command decided and recorded. Raises RefusedError, ConflictError, StoreError, NotRunningError."""
        if self._ended:
            raise _ending()
        outcome: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(command, outcome))
        self.wake()
        reply = await outcome
        if reply.accepted:
            return reply
        raise (ConflictError if reply.conflict else RefusedError)(reply.message, reply.remedy)

    async def until(self, true: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until that holds after some cycle; whether it did in time."""
        return await self._turns.until(true, timeout_s)

    async def run(self) -> None:
        """Cycle until cancelled."""
        try:
            while True:
                before = self._waking.happened
                wake_at = await self.turn()
                now = self._clock.now()
                pause_s = CYCLE_S if wake_at is None else min(max(wake_at - now, 0.01), CYCLE_S)
                await self._waking.rest(pause_s, before)
        finally:
            self._ended = True
            _fail([*self._deciding, *self._waiting], _ending())

    async def turn(self) -> float | None:
        """One cycle; returns when to look again at the latest."""
        async with self._writing:
            return await self._turn()

    async def _turn(self) -> float | None:
        waiting, self._waiting = self._waiting, []
        self._deciding = waiting
        if not self._may_act():
            _fail(waiting, _lost(self.rollout.service))
            return None
        commands = [each.command for each in waiting]
        observed = self._observer.observe(self.rollout, commands, self._actor.hopeless)
        decision = decide(self.rollout, observed)
        urgent = [] if _raises(self.rollout, decision.rollout) else _urgent(decision)
        # Rolling back waits for nothing: the gateways are told before the store is.
        for action in urgent:
            self._actor.publish(action.split)
        try:
            recorded = await self._record(decision, urgent=bool(urgent))
        except AbreastError as error:
            _fail(waiting, error)
            await self._turns.done()
            return None
        if recorded is None:
            self._waiting, self._deciding = [*waiting, *self._waiting], []
            return self._clock.now()
        self.because = decision.because
        if not self._may_act():  # recording took too long: what is on record holds, whoever acts on it
            _fail(waiting, _lost(self.rollout.service))
            return None
        await self._actor.act(decision.actions if recorded else tuple(wishes(self.rollout, observed)))
        _answer(waiting, decision.replies)
        await self._turns.done()
        return decision.wake_at

    def _may_act(self) -> bool:
        return self._lease.held

    async def _record(self, decision: Decision, *, urgent: bool) -> bool | None:
        """Write what changed; None: somebody else wrote in between, decide anew from what they wrote.

        What lowered the candidate's weight already holds at the gateways, so it is kept in memory if the store
        fails, and written as soon as it can be. Anything else that cannot be written does not happen (False).
        """
        notes, self._notes = tuple(self._notes), []
        events = (*self._unrecorded, *notes, *decision.events)
        if decision.rollout == self.rollout and not events and self.store_error is None:
            return True
        # After a failure the same is written once more even if there is nothing new: it tells when the store is back.
        try:
            self.rollout = await self._store.save(decision.rollout, events)
        except ConflictError:
            self._notes = [*notes, *self._notes]
            stored = await self._store.load(self.rollout.service)
            self.rollout = stored or self.rollout
            return None
        except LeaseLostError:
            raise  # nothing of it holds: another decides
        except StoreError as error:
            if self.store_error is None:
                log.error("%s", error)  # noqa: TRY400  # the message says it all; a trace would hide it
            self.store_error = error
            if urgent:
                self._unrecorded = events[-_LAST_WORDS:]
                self.rollout = decision.rollout
                return True
            self._notes = [*notes, *self._notes][-_LAST_WORDS:]
            if any(not reply.idle for reply in decision.replies.values()):
                raise
            return False
        self.store_error = None
        self._unrecorded = ()
        for event in events:
            self._on_event(event)
        return True

    async def replace_policy(self, policy: Policy, reason: str, actor: str = ACTOR) -> None:
        """Give the rollout the policy of a changed spec; between turns, for both write.

        Raises RefusedError when a step that is done or under way would change; StoreError, ConflictError.
        """
        async with self._writing:
            planned = replan(self.rollout, policy)
            if planned == self.rollout:
                return
            event = Event(self._clock.now(), planned.number, EventKind.SPEC, actor, reason)
            self.rollout = await self._store.save(planned, [*self._unrecorded, event])
            unheard, self._unrecorded = self._unrecorded, ()
        for each in (*unheard, event):
            self._on_event(each)
        self.wake()


def _urgent(decision: Decision) -> list[SetSplit]:
    return [each for each in decision.actions if isinstance(each, SetSplit) and each.urgent]


def _raises(before: Rollout, after: Rollout) -> bool:
    """Whether the order gives the candidate more users: that is recorded first, even if a gateway lags behind."""
    candidate = after.candidate
    return share_of(split_of(after), candidate) > share_of(split_of(before), candidate)


def _ending() -> NotRunningError:
    return NotRunningError("the control plane is ending", "start it again: abreast up; then look: abreast status")


def _lost(service: str) -> LeaseLostError:
    return LeaseLostError(f"{service}: this server decides no longer", "look who does, and at what is: abreast status")


def _answer(waiting: Sequence[_Waiting], replies: Mapping[str, Reply]) -> None:
    for each in waiting:
        if not each.outcome.done():
            each.outcome.set_result(replies[each.command.id])


def _fail(waiting: Sequence[_Waiting], error: AbreastError) -> None:
    for each in waiting:
        if not each.outcome.done():
            each.outcome.set_exception(error)
