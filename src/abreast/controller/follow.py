"""What a server does while another decides: its own gateway obeys what that one has recorded."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from abreast.analysis.assessment import Assessment
from abreast.controller.act import Actor
from abreast.controller.observe import Observer
from abreast.controller.waking import Turns, Waking
from abreast.model.checks import Check
from abreast.model.errors import AbreastError, StoreError
from abreast.model.event import EventKind
from abreast.model.rollout import Rollout
from abreast.model.service import Service
from abreast.model.traffic import Split
from abreast.ports import Clock, EvidenceStore, Store
from abreast.rollout.actions import Reply, RunVersion, SetSplit, StopVersion
from abreast.rollout.decide import decide
from abreast.rollout.observed import Command, DataState, Differences, NodeState, Observed
from abreast.rollout.replan import require_versions
from abreast.rollout.turn import ACTOR, split_of
from abreast.rollout.watch import Watch
from abreast.rollout.wishes import wishes

log: Final = logging.getLogger(__name__)

LOOK_S: Final = 0.1
"""How often it is looked for something new on record by who hears of nothing: so late does it obey, at the most."""

EVIDENCE_S: Final = 1.0


class DataRecord(Protocol):
    """What the database said last to who decides."""

    async def load_data_state(self) -> DataState | None:
        """None where there is no database, or it has not answered yet. Raises StoreError, StoreCorruptError."""


class OnRecord:
    """`abreast.ports.Verdicts`, `Checks`, `Comparisons` of who does not decide, and its `DataFacts`: what is on record.

    What gateways count is weighed by who decides, its own gateway's too; and it asks nobody, nor the database.
    """

    def __init__(self, evidence: EvidenceStore, data: DataRecord) -> None:
        self._evidence = evidence
        self._data = data
        self._assessment = Assessment()
        self._state: DataState | None = None

    async def refresh(self, rollout: Rollout) -> None:
        """Read what is recorded of that rollout. Raises StoreError."""
        state = await self._evidence.load_evidence(rollout.service, rollout.number)
        self._assessment = Watch.restored(rollout, state).assessment
        self._state = await self._data.load_data_state()

    def assess(self, rollout: Rollout, observed: Observed) -> Assessment:
        """As it was recorded last."""
        del rollout, observed
        return self._assessment

    def state(self) -> DataState | None:
        """What the database said last to who decides."""
        return self._state

    def follow(self, rollout: Rollout, *, ready: bool) -> None:
        """Nothing is asked."""

    def results(self) -> Mapping[str, Check]:
        """No answers."""
        return {}

    def differences(self, rollout: Rollout) -> Differences:
        """None are counted here."""
        del rollout
        return Differences()


class Follower:
    """Stands in for a `Controller` towards whoever looks; ``place`` hands a command to the one that decides.

    ``pause_s`` is the longest time between two looks; who hears of something new wakes it before.
    """

    def __init__(
        self,
        rollout: Rollout,
        *,
        observer: Observer,
        on_record: OnRecord,
        actor: Actor,
        store: Store,
        clock: Clock,
        place: Callable[[Command], Awaitable[Reply]],
        pause_s: Callable[[], float] = lambda: LOOK_S,
    ) -> None:
        self.rollout = rollout
        self.because = ""
        self.store_error: StoreError | None = None
        self._observer = observer
        self._on_record = on_record
        self._actor = actor
        self._store = store
        self._clock = clock
        self._place = place
        self.copies: Callable[[], bool] = lambda: False
        """Whether there are relays elsewhere, so that this server's gateway shall copy requests as well."""
        self._pause_s = pause_s
        self._evidence_at = 0.0
        self._trouble = ""
        self._kept_to = False
        self._waking = Waking(clock)
        self._turns = Turns()
        self._turning = asyncio.Lock()

    def wake(self) -> None:
        """Something happened: look again now."""
        self._waking.wake()

    def note(self, kind: EventKind, reason: str, actor: str = ACTOR) -> None:
        """Into this server's own log: the audit log is written by who decides."""
        log.info("%s: %s [%s]", kind.value, reason, actor)
        self.wake()

    def observe(self) -> Observed:
        """The facts as this server sees them."""
        observed = self._observer.observe(self.rollout, hopeless=self._actor.hopeless)
        return replace(observed, nodes=tuple(as_told(observed.nodes, split_of(self.rollout))))

    def keep_to(self, rollout: Rollout) -> None:
        """Go on with what this server told its gateway and could not record, whatever is on record, until `release`."""
        self.rollout, self._kept_to = rollout, True

    def release(self) -> None:
        """It is on record by now, or need not be any more."""
        self._kept_to = False

    def adopt(self, service: Service) -> None:
        """The spec was read again."""
        self._observer.service = self._actor.service = service

    async def submit(self, command: Command) -> Reply:
        """Have the one that decides carry it out; this server's gateway has been told of it on return.

        Raises RefusedError, ConflictError, StoreError, NotRunningError.
        """
        reply = await self._place(command)
        await self.turn()
        return reply

    async def until(self, true: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until that holds after some look; whether it did in time."""
        return await self._turns.until(true, timeout_s)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            before = self._waking.happened
            await self.turn()
            await self._waking.rest(self._pause_s(), before)

    async def turn(self) -> None:
        """Read what is on record, and have this server's gateway obey it; without the store, what was read last."""
        async with self._turning:
            await self._read()
            observed = self.observe()
            told = [
                SetSplit(followed(each.split)) if isinstance(each, SetSplit) and not self.copies() else each
                for each in self._own(observed)
            ]
            await self._actor.act(told)
            self.because = decide(self.rollout, observed).because
        await self._turns.done()

    def _own(self, observed: Observed) -> Sequence[SetSplit | RunVersion | StopVersion]:
        """Of what the world should look like, the part that is this server's own: not the data."""
        return [
            each for each in wishes(self.rollout, observed) if isinstance(each, SetSplit | RunVersion | StopVersion)
        ]

    async def _read(self) -> None:
        try:
            stored = await self._store.load(self.rollout.service)
            if stored is not None and stored != self.rollout and not self._keeps_to(stored):
                require_versions(self._actor.service, stored)
                self.rollout = stored
                self._evidence_at = 0.0
            if self._clock.now() - self._evidence_at >= EVIDENCE_S:
                await self._on_record.refresh(self.rollout)
                self._evidence_at = self._clock.now()
        except StoreError as error:
            self._complain(error)
            self.store_error = error
        except AbreastError as error:  # the spec here is not the one that decides
            self._complain(error)
        else:
            self.store_error, self._trouble = None, ""

    def _keeps_to(self, stored: Rollout) -> bool:
        """Whether what is on record waits for this server's word on the same rollout."""
        return self._kept_to and stored.number == self.rollout.number

    def _complain(self, error: AbreastError) -> None:
        """Once for each trouble."""
        if error.message != self._trouble:
            log.error("what is on record cannot be followed: %s", error)
        self._trouble = error.message


def followed(split: Split) -> Split:
    """What a follower's gateway is told: the same, but nothing is copied, as nobody compares there."""
    return replace(split, shadow=None)


def as_told(nodes: Sequence[NodeState], split: Split) -> list[NodeState]:
    """With the present split where a node obeys what `followed` makes of it."""
    return [replace(node, acked=split) if node.acked == followed(split) else node for node in nodes]
