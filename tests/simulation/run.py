"""One seed's run: the cycle observe → decide → record → act over the miniature world, with crashes between arrows."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import orjson

from abreast.analysis.assessment import Assessment
from abreast.controller.jury import Jury
from abreast.model.errors import ConflictError, StoreError
from abreast.model.event import Event
from abreast.model.rollout import Phase, Policy, Rollout
from abreast.model.traffic import Split
from abreast.model.units import FULL_WEIGHT
from abreast.rollout.actions import (
    Action,
    ContractData,
    Decision,
    FenceData,
    OpenData,
    RunVersion,
    SetSplit,
    StopVersion,
)
from abreast.rollout.decide import decide, first
from abreast.rollout.observed import Command, Differences, Observed, Verb
from abreast.rollout.watch import Watch
from tests.fakes.store import FakeStore
from tests.simulation.drawn import VERSIONS, policy_of, world_of
from tests.simulation.invariants import (
    check_decision,
    check_loss_of_data,
    check_nested,
    check_proof,
    check_rest,
    check_stop,
    check_wake,
    check_world,
    split_in,
)
from tests.simulation.world import CALM, World

VERBS: tuple[Verb, ...] = ("promote", "pause", "resume", "abort", "undo", "retry", "retire", "weight")
CALM_CYCLES = 3000
REST_CYCLES = 30
SAVING = 0.5
"""How likely the evidence is saved in a cycle that has some."""

TOUCHED = 0.05
"""How likely a person has a hand in the database in a cycle."""

FULL = StoreError("the disk is full", "free some space")


class CrashError(Exception):
    """The control plane was killed here."""


@dataclass
class Run:
    """One world, one control plane, one seed; ``trace`` is a hash of everything that was decided."""

    seed: int
    dice: random.Random = field(init=False)
    world: World = field(init=False)
    store: FakeStore = field(default_factory=FakeStore)
    cycles: int = 0
    trace: str = ""
    decision: Decision | None = None
    seen: dict[str, Split | None] = field(default_factory=dict)
    log: list[tuple[int, Event]] = field(default_factory=list)
    stale: tuple[Rollout, Observed] | None = None
    phases: set[str] = field(default_factory=set)
    salts: dict[int, str] = field(default_factory=dict)
    attempt: tuple[int, float] | None = None
    differences: Differences = field(default_factory=Differences)
    jury: Jury | None = None
    saved: bytes = b""

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.world = world_of(self.dice)

    async def faulty(self, cycles: int) -> None:
        """That many cycles with everything going wrong."""
        rollout, event = first("shop", "v1", policy_of(self.dice), self.world.now)
        await self.store.save(rollout, [event])
        for _ in range(cycles):
            self.world.pass_time(self.dice.choice([0.05, 0.3, 1.0, 5.0]))
            self._look_at_gateways()
            await self._touch_the_database()
            self.store.broken = FULL if self.world._happens("store") else None
            try:
                await self._cycle(self._commands())
            except CrashError:
                self.world.lose_control_plane()
                self.jury = None
            await self._write_late()
            self.store.broken = None
            await self._check_log()

    async def calm(self) -> None:
        """The faults stop, and nobody commands any more: it must come to rest, or say what it waits for."""
        self.world.faults = CALM
        resting = 0
        for _ in range(CALM_CYCLES):
            await self._cycle(())
            self.world.pass_time(self._pause_s())
            self._look_at_gateways()
            resting = resting + 1 if self._at_rest() else 0
            if resting == REST_CYCLES:
                return
        assert self.decision is not None
        because = f"{self.decision.because} (wakes: {self.decision.wake_at}, now: {self.world.now})"
        check_rest(self.world, self.decision.rollout, because)

    def _at_rest(self) -> bool:
        if self.decision is None or self.decision.wake_at is not None:
            return False
        try:
            check_rest(self.world, self.decision.rollout, self.decision.because)
        except AssertionError:
            return False
        return True

    def story(self, lines: int = 15) -> str:
        """What happened last, for whoever has to understand a failure."""
        last = self.store._events[-lines:]
        return "\n".join(
            f"{event.at - 1_000_000:10.2f} #{event.rollout} {event.kind} by {event.actor}: {event.reason}"
            for _, event in last
        )

    def _pause_s(self) -> float:
        """Seconds until something may happen: one, or a long time when only time is waited for."""
        wake_at = self.decision.wake_at if self.decision else None
        if self.cycles % 20 or wake_at is None:
            return 1.0
        return min(max(wake_at - self.world.now, 0.05), 200.0)

    async def _cycle(self, commands: tuple[Command, ...]) -> None:
        self.cycles += 1
        try:
            rollout = await self.store.load("shop")
        except StoreError:
            return
        assert rollout is not None
        observed = self._observe(rollout, commands)
        self._may_crash()
        decision = decide(rollout, observed)
        check_decision(rollout, observed, decision)
        check_proof(self.world, rollout, decision)
        check_wake(observed, decision)
        self._check_salt(decision)
        if self.world._happens("stale_writer"):
            self.stale = (rollout, observed)
        self._may_crash()
        early = [each for each in decision.actions if isinstance(each, SetSplit) and each.urgent]
        self._act(early)
        try:
            await self.store.save(decision.rollout, decision.events)
        except StoreError:
            return
        check_world(self.world, rollout, decision.rollout)
        self.decision = decision
        self.phases.add(decision.rollout.phase.value)
        self._trace(decision)
        self._may_crash()
        self._act(decision.actions)

    def _observe(self, rollout: Rollout, commands: tuple[Command, ...]) -> Observed:
        world = self.world
        world.samples = [sample for sample in world.samples if sample[0] >= rollout.step_since]
        world.history = [sample for sample in world.history if sample[0] >= rollout.attempt_since - 2]
        observed = Observed(
            now=world.now,
            instances=tuple(world.instances.values()),
            wanted={name: quality.wanted for name, quality in world.qualities.items()},
            nodes=world.known_gateways(),
            step=world.tally(max(rollout.step_since, rollout.weight_since)),
            counting_since=world.counting_since,
            differences=self._compared(rollout),
            data=world.database.state,
            commands=commands,
        )
        return replace(observed, assessment=self._assessed(rollout, observed))

    def _assessed(self, rollout: Rollout, observed: Observed) -> Assessment:
        """Of a control plane that was killed, what it had saved last; saving is a moment behind."""
        if self.jury is None:
            watch = Watch.restored(rollout, orjson.loads(self.saved)) if self.saved else Watch()
            self.jury = Jury(self.world, watch)
        assessment = self.jury.assess(rollout, observed)
        unsaved = self.jury.unsaved()
        if unsaved is not None and self.dice.random() < SAVING:
            self.saved = orjson.dumps(unsaved.state)
            self.jury.saved(unsaved)
        return assessment

    def _compared(self, rollout: Rollout) -> Differences:
        """Of this attempt: a new one begins with nothing."""
        attempt = (rollout.number, rollout.attempt_since)
        if attempt != self.attempt:
            self.attempt, self.differences = attempt, Differences()
            self.world.copied.clear()
        delta = rollout.policy.differences.tolerance / FULL_WEIGHT
        self.differences = self.world.compare(rollout.candidate, self.differences, delta)
        return self.differences

    def _act(self, actions: Sequence[Action]) -> None:
        """Carry out what was decided: some of it gets lost, some is done twice, and it may end in the middle."""
        for action in actions:
            if self.world._happens("lost_action"):
                continue
            for _ in range(2 if self.world._happens("lost_action") else 1):
                self._carry_out(action)
            self._may_crash()

    def _carry_out(self, action: Action) -> None:
        database = self.world.database
        match action:
            case SetSplit():
                self.world.publish(action.split)
            case RunVersion():
                self.world.run(action.version)
            case StopVersion():
                check_stop(self.world, action.version)
                self.world.stop(action.version)
            case OpenData():
                database.want("open", action.stable, action.candidate, action.expand)
            case FenceData():
                check_loss_of_data(self.world, action.version, "fenced")
                database.want("fence", action.version)
            case ContractData():
                check_loss_of_data(self.world, action.old, "dropped")
                database.want("contract", action.old, action.new)

    def _may_crash(self) -> None:
        if self.world._happens("crash"):
            raise CrashError

    async def _write_late(self) -> None:
        """5: somebody who read long ago wakes up and writes what it decided then: refused if anything changed."""
        if self.stale is None or self.dice.random() < 0.5:
            return
        rollout, observed = self.stale
        self.stale = None
        decision = decide(rollout, observed)
        now = await self._stored()
        try:
            await self.store.save(decision.rollout, decision.events)
        except ConflictError:
            assert now != rollout, "5: the only writer was refused"
        except StoreError:
            return
        else:
            # A start is taken as long as what it was decided on still holds.
            began = decision.rollout.number > rollout.number
            same = now is not None and not now.active and now.serving == rollout.serving
            assert now == rollout or (began and same), "5: a stale writer's decision was taken"

    async def _stored(self) -> Rollout | None:
        self.store.broken, broken = None, self.store.broken
        found = await self.store.load("shop")
        self.store.broken = broken
        return found

    async def _check_log(self) -> None:
        """9: the audit log only grows."""
        events = list(await self.store.events("shop", after=self.log[-1][0] if self.log else 0))
        self.log.extend(events)
        assert len(self.store._events) == len(self.log), "9: the log shrank"

    def _check_salt(self, decision: Decision) -> None:
        """4: one rollout, one order of users, also when it is tried again."""
        split = split_in(decision)
        if split.candidate is not None:
            salt = self.salts.setdefault(decision.rollout.number, split.salt)
            assert split.salt == salt, "4: users were shuffled within a rollout"
            assert list(self.salts.values()).count(salt) == 1, "4: two rollouts begin with the same users"

    async def _touch_the_database(self) -> None:
        """A person makes the side that the candidate waits for, or fences it where it is on its way."""
        if self.dice.random() > TOUCHED:
            return
        rollout = await self._stored()
        if rollout is not None and rollout.candidate is not None and rollout.phase is Phase.PENDING:
            self.world.database.made(rollout.stable, rollout.candidate, self.world.now)
        elif rollout is not None and rollout.candidate is not None and self.dice.random() < TOUCHED:
            self.world.database.fenced.add(rollout.candidate)

    def _look_at_gateways(self) -> None:
        for node in self.world.nodes:
            check_nested(self.seen.get(node.id), node.truth)
            if node.truth is not None:
                self.seen[node.id] = node.truth

    def _commands(self) -> tuple[Command, ...]:
        chance = self.dice.random()
        if chance < 0.85:
            return ()
        return tuple(self._command(n) for n in range(2 if chance > 0.99 else 1))

    def _command(self, number: int) -> Command:
        dice = self.dice
        verb: Verb = "start" if dice.random() < 0.4 else dice.choice(VERBS)
        version = dice.choice(VERSIONS) if verb == "start" else None
        return Command(
            id=f"{self.cycles}-{number}",
            verb=verb,
            actor="somebody",
            version=version,
            weight=dice.randint(0, FULL_WEIGHT) if verb == "weight" else None,
            full=dice.random() < 0.3,
            revision=dice.choice([None, None, None, 1]),
            policy=policy_of(dice) if verb == "start" else None,
        )

    def _trace(self, decision: Decision) -> None:
        text = f"{self.trace}{replace(decision.rollout, policy=Policy())}{decision.events}{decision.actions}"
        self.trace = hashlib.sha256(text.encode()).hexdigest()
