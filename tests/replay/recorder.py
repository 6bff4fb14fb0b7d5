"""Records rollouts that never were: the real decisions and the real jury, at a control plane's odd times.

``python -m tests.replay.recorder`` writes the recordings in ``tests/replays`` anew. That is right only where verdicts
were changed on purpose: what they hold is what was decided when they were made.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final, Unpack

from abreast.analysis.tick import Side, Tick
from abreast.controller.jury import Jury
from abreast.model.checks import Check
from abreast.model.event import Event
from abreast.model.rollout import (
    ApproveStep,
    BakeStep,
    ErrorGate,
    LatencyGate,
    Phase,
    Policy,
    Rollout,
    WeightStep,
)
from abreast.model.service import Endpoint, Instance, InstanceState
from abreast.model.units import FULL_WEIGHT
from abreast.replay.ndjson import lines
from abreast.replay.recording import Recording, recorded
from abreast.rollout.decide import decide, first
from abreast.rollout.observed import Command, Differences, NodeState, Observed, Tally, Verb
from abreast.rollout.turn import split_of
from tests.fakes.clock import FakeClock
from tests.fakes.counts import FakeCounts
from tests.rollout.play import Words

REPLAYS: Final = Path(__file__).parents[1] / "replays"

BEGIN: Final = 1_763_000_000.0
"""When every recording begins, in Unix seconds."""

READY_S: Final = 2.3
"""How long the candidate needs to be ready."""

_BUCKETS: Final = (8000, 12_000, 15_000, 18_000, 22_000, 27_000, 40_000, 90_000)
_SHARES: Final = (5, 20, 30, 20, 12, 8, 4, 1)
_TURNS_S: Final = (0.07, 0.57)
"""After each second the control plane looks twice."""


@dataclass(frozen=True)
class World:
    """What is really so: requests a second of all users, the failing shares, and how much slower the candidate is."""

    rate_per_s: int = 100
    errors_s: float = 0.001
    errors_c: float = 0.001
    slower: float = 1.0
    worse_after_s: float = 0.0

    def sides(self, random: Random, weight: int, second: float) -> tuple[Side, Side]:
        """One second of the candidate's and of stable's, at that weight."""
        ours = sum(random.random() < weight / FULL_WEIGHT for _ in range(self.rate_per_s))
        worse = second >= self.worse_after_s
        candidate = _side(random, ours, self.errors_c if worse else self.errors_s, self.slower if worse else 1.0)
        return candidate, _side(random, self.rate_per_s - ours, self.errors_s, 1.0)


def _side(random: Random, requests: int, errors: float, slower: float) -> Side:
    latencies: dict[int, int] = {}
    for bound in random.choices(_BUCKETS, _SHARES, k=requests):
        slowed = bound * slower
        bucket = int(slowed // 10 ** (int(math.log10(slowed)) - 1)) * 10 ** (int(math.log10(slowed)) - 1)
        latencies[bucket] = latencies.get(bucket, 0) + 1
    return Side(requests, sum(random.random() < errors for _ in range(requests)), dict(sorted(latencies.items())))


@dataclass
class WholeSeconds(FakeCounts):
    """Counts that are whole seconds from the beginning."""

    sides: list[tuple[float, Mapping[str, Side]]] = field(default_factory=list)

    def seconds(self, since: float) -> Sequence[tuple[float, Mapping[str, Side]]]:
        """As the port says."""
        return [each for each in self.sides[-200:] if each[0] > since]

    def tally(self, since: float) -> Mapping[str, Tally]:
        """As the port says."""
        found: dict[str, Tally] = {}
        for at, sides in self.sides:
            for name, side in sides.items():
                before = found.get(name, Tally())
                more = side.requests * (at > since)
                found[name] = Tally(before.requests + more, 0, last_request_at=at if side.requests else None)
        return found


Orders = Mapping[int, tuple[Command, ...]]


@dataclass
class Recorder:
    """One rollout of v2 as a control plane runs it. ``orders`` are given in that second (since the start)."""

    policy: Policy
    world: World = World()
    orders: Orders = field(default_factory=dict)
    seed: int = 1
    events: list[Event] = field(default_factory=list)
    lost: tuple[float, float] = (math.inf, math.inf)
    """From when until when the candidate has no instance, in seconds since the start."""
    answers: Callable[[Rollout, float], Mapping[str, Check]] = lambda _rollout, _now: {}
    """What queries and webhooks say."""
    differences: Callable[[Rollout], Differences] = lambda _rollout: Differences()
    """What comparing answers shows."""

    def __post_init__(self) -> None:
        self.counts = WholeSeconds(FakeClock(BEGIN), since=BEGIN)
        self.jury = Jury(self.counts)
        self.random = Random(self.seed)
        self.rollout, _ = first("shop", "v1", self.policy, BEGIN - 100)
        self.ready_at = BEGIN + READY_S
        self.ticks: list[Tick] = []

    def run(self, seconds: int) -> Recording:
        """So many seconds of it, or until nothing is decided any more."""
        start = Command("start", "start", "ada", "", "v2", policy=self.policy)
        self.turn(BEGIN, (start,))
        for second in range(1, seconds + 1):
            candidate, stable = self.world.sides(self.random, self._weight, second)
            self.counts.sides.append((BEGIN + second, {"v2": candidate, "v1": stable}))
            for part, commands in zip(_TURNS_S, ((), self.orders.get(second, ())), strict=True):
                self.turn(BEGIN + second + part, commands)
            if self.rollout.phase in {Phase.RETIRING, Phase.ROLLED_BACK} and not any(at > second for at in self.orders):
                break
        return recorded(self.rollout, tuple(self.ticks), tuple(self.events))

    def turn(self, now: float, commands: tuple[Command, ...] = ()) -> None:
        """One cycle, and those that follow at once because something changed."""
        for more in range(10):
            at = now + more * 0.01
            before = self.rollout
            observed = self._observed(at, commands)
            observed = replace(observed, assessment=self.jury.assess(before, observed))
            unsaved = self.jury.unsaved()
            if unsaved:
                self.ticks += unsaved.ticks
                self.jury.saved(unsaved)
            decision = decide(before, observed)
            refused = [reply.message for reply in decision.replies.values() if not reply.accepted]
            assert not refused or any("refused" in event.reason for event in decision.events), refused
            self.events += decision.events
            commands = ()
            if decision.rollout == before:
                return
            if decision.rollout.attempt_since != before.attempt_since and decision.rollout.phase is Phase.PENDING:
                self.ready_at = at + READY_S
            self.rollout = replace(decision.rollout, revision=before.revision + 1)

    @property
    def _weight(self) -> int:
        split = split_of(self.rollout)
        return split.weight if split.candidate else 0

    def _observed(self, now: float, commands: tuple[Command, ...]) -> Observed:
        rollout = self.rollout
        lost = self.lost[0] <= now - BEGIN < self.lost[1]
        ready = ["v1", "v2"] if now >= self.ready_at and not lost else ["v1"]
        instances = tuple(Instance(each, each, Endpoint("127.0.0.1", 1), InstanceState.READY, BEGIN) for each in ready)
        return Observed(
            now=now,
            instances=instances,
            nodes=(NodeState("gateway-1", split_of(rollout), connected=True),),
            step=self.counts.tally(max(rollout.step_since, rollout.weight_since)),
            counting_since=BEGIN,
            commands=commands,
            checks=self.answers(rollout, now),
            differences=self.differences(rollout),
        )


def order(verb: Verb, **words: Unpack[Words]) -> Command:
    """A command of Ada's, unless the words name somebody else."""
    filled: Words = {"actor": "ada", **words}
    return Command(id=f"{verb} {words}", verb=verb, **filled)


LADDER: Final = Policy(
    steps=(WeightStep(1000), WeightStep(2500), WeightStep(5000), WeightStep(FULL_WEIGHT), BakeStep(20.0)),
    at_least_s=20.0,
    at_most_s=600.0,
    errors=ErrorGate(budget=100),
    latency=LatencyGate(warm_up_s=10.0),
)
"""10, 25, 50 and 100 % of users, for evidence that comes soon."""

APPROVED: Final = replace(LADDER, steps=(WeightStep(2500), ApproveStep("the dashboard"), *LADDER.steps[2:]))


def promoted() -> Recording:
    """As good as stable; a person pauses, resumes, and approves."""
    orders = {
        15: (order("pause", reason="lunch"),),
        30: (order("resume"),),
        150: (order("promote", actor="grace", reason="looks good"),),
    }
    return Recorder(replace(APPROVED, latency=None), World(errors_s=0.002, errors_c=0.002), orders).run(400)


def rolled_back_by_errors() -> Recording:
    """From 0.1 to 4 % errors, 40 s after the start."""
    return Recorder(LADDER, World(errors_c=0.04, worse_after_s=40.0)).run(400)


def rolled_back_by_latency() -> Recording:
    """Twice as slow from the first request on."""
    return Recorder(LADDER, World(slower=2.0)).run(400)


def held_by_low_traffic() -> Recording:
    """One request a second says too little."""
    return Recorder(replace(LADDER, at_most_s=120.0), World(rate_per_s=1, errors_s=0.0, errors_c=0.0)).run(200)


RECORDINGS: Final[Mapping[str, Callable[[], Recording]]] = {
    "promoted": promoted,
    "rolled-back-by-errors": rolled_back_by_errors,
    "rolled-back-by-latency": rolled_back_by_latency,
    "held-by-low-traffic": held_by_low_traffic,
}


def main() -> None:
    """Write them all."""
    REPLAYS.mkdir(exist_ok=True)
    for name, make in RECORDINGS.items():
        text = "".join(f"{line}\n" for line in lines(make()))
        (REPLAYS / f"{name}.ndjson").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
