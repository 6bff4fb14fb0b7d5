"""Stories about a rollout: what it sees, what it wants then, what people order, how time goes by.

    Play(serving()).orders("start").sees(v2=2).phase(Phase.PROGRESSING).wants(SetSplit(…)).after("30s")

Each line of a play that changes the facts is one turn of `decide`, or, where users' requests come, one turn for each
second; the lines in between look at its outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self, TypedDict, Unpack

from abreast.model.event import Event, EventKind
from abreast.model.group import Heard
from abreast.model.rollout import (
    ApproveStep,
    BakeStep,
    ErrorGate,
    HoldStep,
    Phase,
    Policy,
    Rollout,
    Step,
    WeightStep,
)
from abreast.model.service import Endpoint, Instance, InstanceState
from abreast.model.shadow import ShadowPolicy
from abreast.model.traffic import Shadowing, Split
from abreast.model.units import FULL_WEIGHT, parse_duration
from abreast.rollout.actions import Action, Decision, Reply, SetSplit, StopVersion
from abreast.rollout.decide import decide, first
from abreast.rollout.observed import Command, DataState, Differences, NodeState, Observed, Tally, Verb
from abreast.rollout.watch import Watch, is_alone, is_live, is_warming
from tests.rollout.traffic import Both, ticks

BEGIN: Final = 1_000_000.0
"""Unix seconds at which every play begins."""

STEPS: Final[tuple[Step, ...]] = (
    WeightStep(100),
    WeightStep(1000),
    HoldStep(30.0),
    ApproveStep("look at the dashboard"),
    WeightStep(5000),
    WeightStep(10_000),
    BakeStep(300.0),
)
"""One of each kind: 1 %, 10 %, a hold, an approval, 50 %, 100 %, a bake."""

POLICY: Final = Policy(
    steps=STEPS,
    at_least_s=60.0,
    at_most_s=600.0,
    errors=ErrorGate(budget=500),
    latency=None,
    retire_after_s=3600.0,
    unused_for_s=900.0,
    drain_s=10.0,
    start_timeout_s=60.0,
)

V1: Final = Split("v1")
V2: Final = Split("v2")


def at(weight: int, number: int = 1, *, shadow: int = 0) -> Split:
    """The split of rollout ``number`` from v1 to v2 at that weight, with that share of requests copied."""
    copied = Shadowing(shadow, ShadowPolicy().at_most_per_s) if shadow else None
    return Split("v1", "v2", weight, f"r{number}", copied)


def differing(
    candidate_only: int, compared: int, control_only: int = 0, *, tolerance: int = 10, findings: tuple[str, ...] = ()
) -> Differences:
    """What comparing so many answers has shown, each with a control, weighed in one stratum."""
    stratum, delta = (candidate_only, compared, control_only, compared), tolerance / FULL_WEIGHT
    nothing = Differences()
    return Differences(
        compared=compared,
        controlled=compared,
        candidate_only=candidate_only,
        control_only=control_only,
        against=nothing.against.after(*stratum, delta=delta),
        clear=nothing.clear.after(*stratum, delta=delta),
        findings=findings,
    )


def serving(policy: Policy = POLICY) -> Rollout:
    """The service after its first deployment: v1 serves everybody."""
    rollout, _ = first("shop", "v1", policy, BEGIN)
    return replace(rollout, revision=1)


def under_way(phase: Phase, policy: Policy = POLICY, /, **fields: object) -> Rollout:
    """A rollout of v2 in that phase, as it usually gets there: at 10 % while it climbs, at 100 % once promoted."""
    promoted = {Phase.PROMOTING, Phase.BAKING, Phase.RETIRING, Phase.COMPLETED}
    climbing = {Phase.PROGRESSING, Phase.PAUSED, Phase.FROZEN}
    weight = 10_000 if phase in promoted else 1000 if phase in climbing else 0
    rollout = Rollout(
        service="shop",
        number=1,
        stable="v1",
        candidate="v2",
        policy=policy,
        phase=phase,
        phase_since=BEGIN,
        started_at=BEGIN,
        attempt_since=BEGIN,
        step=1 if phase in climbing else len(policy.ladder) if phase in promoted else 0,
        step_since=BEGIN,
        weight=weight,
        weight_since=BEGIN,
        resume_to=Phase.PROGRESSING if phase in {Phase.PAUSED, Phase.FROZEN} else None,
        reason="as the play begins",
        revision=7,
    )
    return replace(rollout, **fields)  # type: ignore[arg-type]  # the fields of a Rollout, by name


def silent(policy: Policy = POLICY, /, **fields: object) -> "Play":
    """A rollout at 10 % for 20 seconds, whose gateways obey, without any request."""
    play = Play(under_way(Phase.PROGRESSING, policy, **fields), now=BEGIN + 20.0)
    play.acked = {"gateway-1": at(1000), "gateway-2": at(1000)}
    return play


class Words(TypedDict, total=False):
    """What a command may say beside its verb."""

    actor: str
    reason: str
    version: str | None
    weight: int | None
    full: bool
    alone: bool
    revision: int | None
    policy: Policy | None


def instances(ready: Mapping[str, int], failing: Mapping[str, str]) -> tuple[Instance, ...]:
    """That many ready instances of each version, and one that is not for each of ``failing``, with its detail."""
    found = [
        Instance(f"{name}-{n}", name, Endpoint("127.0.0.1", 9000 + n), InstanceState.READY, BEGIN)
        for name, count in ready.items()
        for n in range(count)
    ]
    found += [
        Instance(f"{name}-x", name, Endpoint("127.0.0.1", 9100), InstanceState.STARTING, BEGIN, detail)
        for name, detail in failing.items()
    ]
    return tuple(found)


@dataclass
class Play:
    """A rollout, the facts as the story tells them, and the last decision. Two gateways, unless it says otherwise."""

    rollout: Rollout
    now: float = BEGIN
    ready: dict[str, int] = field(default_factory=lambda: {"v1": 2, "v2": 2})
    failing: dict[str, str] = field(default_factory=dict)
    acked: dict[str, Split | None] = field(default_factory=dict)
    lost: dict[str, Split | None] = field(default_factory=dict)
    step: dict[str, Tally] = field(default_factory=dict)
    differences: Differences = field(default_factory=Differences)
    hopeless: dict[str, str] = field(default_factory=dict)
    data: DataState | None = None
    group: dict[str, Heard] | None = None
    counting_since: float = BEGIN - 3600
    story: list[Event] = field(default_factory=list)
    watch: Watch = field(default_factory=Watch)
    decision: Decision = field(init=False)
    noted: list[Event] = field(default_factory=list)
    _reply: Reply | None = None
    _orders: int = 0

    def __post_init__(self) -> None:
        self.decision = Decision(self.rollout)

    @property
    def observed(self) -> Observed:
        """The facts as they are."""
        return Observed(
            now=self.now,
            instances=instances(self.ready, self.failing),
            wanted={"v1": 2, "v2": 2, "v3": 2},
            nodes=tuple(NodeState(name, split, connected=True) for name, split in self.acked.items()),
            silent=tuple(NodeState(name, split, connected=False) for name, split in self.lost.items()),
            step=self.step,
            counting_since=self.counting_since,
            assessment=self.watch.assessment,
            differences=self.differences,
            hopeless=self.hopeless,
            data=self.data,
            group=self.group,
        )

    # What happens: each is one turn

    def sees(self, **ready: int) -> Self:
        """So many ready instances of each version named; 0 means that there is none at all."""
        self.ready |= ready
        self.ready = {name: count for name, count in self.ready.items() if count}
        return self.turn()

    def hears(self, split: Split | None, *nodes: str) -> Self:
        """These gateways (all of them, if none is named) acknowledge the split; None: nobody knows what they do."""
        for name in nodes or ("gateway-1", "gateway-2"):
            self.acked[name] = split
        return self.turn()

    def misses(self, *nodes: str) -> Self:
        """These gateways, and no others, are not heard of any more, and not waited for either."""
        self.lost = {name: self.acked.pop(name, self.lost.get(name)) for name in nodes}
        return self.turn()

    def obeyed(self) -> Self:
        """Every gateway acknowledges what is wanted now, and what is wanted once it has."""
        for _ in range(3):
            self.hears(self.split)
        return self

    def serves(self, duration: str, both: Both) -> Self:
        """Users' requests come for so long: a turn each second. Who has users is up to whoever writes the play."""
        noted: list[Event] = []
        for tick in ticks(round(parse_duration(duration)), both, begin=self.now):
            self.now = tick.at
            self.watch.follow(self.rollout)
            if is_live(self.rollout):
                alone, warming = is_alone(self.rollout), is_warming(self.rollout, self.observed)
                self.watch.add(replace(tick, alone=alone, warming=warming))
            for version, side in (("v2", tick.candidate), ("v1", tick.stable)):
                before = self.step.get(version, Tally())
                seen_at = tick.at if side.requests else before.last_request_at
                self.step[version] = Tally(
                    before.requests + side.requests, before.errors + side.errors, last_request_at=seen_at
                )
            self.turn()
            noted += self.noted
        self.noted = noted
        return self

    def compares(self, candidate_only: int, compared: int, *findings: str) -> Self:
        """So many of the answers compared in this attempt differ, and none of stable's own."""
        tolerance = self.rollout.policy.differences.tolerance
        self.differences = differing(candidate_only, compared, tolerance=tolerance, findings=findings)
        return self.turn()

    def after(self, duration: str) -> Self:
        """Time goes by."""
        self.now += parse_duration(duration)
        return self.turn()

    def orders(self, verb: Verb, **words: Unpack[Words]) -> Self:
        """Ada, or whom the words name, gives a command."""
        return self.turn(self.command(verb, **words))

    def command(self, verb: Verb, **words: Unpack[Words]) -> Command:
        """A command that is not given yet."""
        self._orders += 1
        filled: Words = {"actor": "ada", **words}
        if verb == "start":
            filled = {"version": "v2", "policy": self.rollout.policy, **filled}
        return Command(id=f"order-{self._orders}", verb=verb, **filled)

    def turn(self, *commands: Command) -> Self:
        """Decide, and take what was decided for recorded, as the store does; counts of a new step begin anew."""
        before = self.rollout
        self.watch.follow(before)
        self.decision = decide(before, replace(self.observed, commands=commands))
        after = self.decision.rollout
        changed = after != before or self.decision.events
        self.rollout = replace(after, revision=before.revision + 1) if changed else before
        self.noted = list(self.decision.events)
        self.story += self.noted
        self._reply = self.decision.replies[commands[-1].id] if commands else None
        if (after.step_since, after.weight_since) != (before.step_since, before.weight_since):
            self.step = {}
        if after.attempt_since != before.attempt_since:
            self.differences = Differences()
        return self

    # What is looked at

    @property
    def split(self) -> Split:
        """What the gateways shall do now."""
        return next(action.split for action in self.decision.actions if isinstance(action, SetSplit))

    def phase(self, phase: Phase) -> Self:
        """It is in that phase now."""
        assert self.rollout.phase is phase, f"{self.rollout.phase}: {self.decision.because}"
        return self

    def wants(self, *actions: Action) -> Self:
        """These are among its wishes."""
        for action in actions:
            assert action in self.decision.actions, f"{action} is not in {self.decision.actions}"
        return self

    def gives(self, split: Split) -> Self:
        """This is what the gateways shall do."""
        assert self.split == split
        return self

    def stops(self, *versions: str) -> Self:
        """Exactly these versions shall be stopped."""
        assert [each.version for each in self.decision.actions if isinstance(each, StopVersion)] == list(versions)
        return self

    def waits(self, words: str) -> Self:
        """It says what it waits for in these words, among others."""
        assert words in self.decision.because, self.decision.because
        return self

    def wakes(self, duration: str | None) -> Self:
        """It wants to look again so long from now; None: only when something happens."""
        wake_at = self.decision.wake_at
        if duration is None:
            assert wake_at is None
        else:
            assert wake_at is not None
            assert wake_at - self.now == parse_duration(duration)
        return self

    def notes(self, kind: EventKind, words: str, actor: str = "abreast") -> Self:
        """This line of the play wrote such an event."""
        found = [(event.kind, event.actor, event.reason) for event in self.noted]
        assert any(each[:2] == (kind, actor) and words in each[2] for each in found), found
        return self

    def notes_nothing(self) -> Self:
        """This line of the play wrote no event."""
        assert self.noted == []
        return self

    def accepted(self, words: str = "") -> Self:
        """The last order was accepted, in these words among others."""
        assert self._reply is not None
        assert self._reply.accepted, self._reply
        assert words in self._reply.message, self._reply.message
        return self

    def refused(self, words: str, remedy: str = "", *, conflict: bool = False) -> Self:
        """The last order was refused, in these words among others; nothing but the audit log changed."""
        assert self._reply is not None
        assert not self._reply.accepted, self._reply
        assert words in self._reply.message, self._reply.message
        assert remedy in self._reply.remedy, self._reply.remedy
        assert self._reply.conflict is conflict
        return self

    @property
    def lines(self) -> list[str]:
        """The whole audit log so far, as ``kind: reason``."""
        return [f"{event.kind}: {event.reason}" for event in self.story]
