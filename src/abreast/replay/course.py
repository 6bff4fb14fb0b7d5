"""What becomes of a recorded rollout when it is decided anew: the real `decide` over the recorded ticks. Pure.

A second is weighed when it is over. Where the record shows that something was decided before the next second, it is
decided then, and not a part of a second sooner: so the same decisions come at the same times.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from abreast.analysis.tick import Side, Tick
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Policy, Rollout
from abreast.model.service import Endpoint, Instance, InstanceState
from abreast.replay.orders import orders
from abreast.replay.record import Record, given_verdict
from abreast.replay.recording import Recording
from abreast.rollout.actions import Decision
from abreast.rollout.decide import decide
from abreast.rollout.gates import judge_differences
from abreast.rollout.observed import Command, NodeState, Observed, Tally
from abreast.rollout.transitions import TRANSITIONS, Trigger
from abreast.rollout.turn import ACTOR, Turn, split_of
from abreast.rollout.watch import Watch, is_live

_SOON_S: Final = 1.0
"""What was decided within this time after a second had been decided by that second."""

_SETTLED: Final = 20
"""Turns of one moment: each either changes the rollout or is the last; a ladder is shorter."""

_SHORTEST_S: Final = 2.0
"""Shorter spans of other weights come from gateways that need a moment to obey."""

_AS_RECORDED: Final = "differences: as recorded"

_NOWHERE: Final = Endpoint("127.0.0.1", 1)


@dataclass(frozen=True)
class Moment:
    """A time at which something happened: a second was over, or something is on record."""

    at: float
    tick: Tick | None = None
    events: tuple[Event, ...] = ()
    decides: bool = True


@dataclass(frozen=True)
class Misfit:
    """A span (Unix seconds) whose traffic was recorded at another weight than it is decided for."""

    since: float
    until: float
    recorded: int
    replayed: int


@dataclass(frozen=True)
class Course:
    """What happened this time.

    ``last`` is the rollout at the end of the record, ``because`` what it waits for then. ``refused``: people's
    commands that do not apply, in words. ``given``: what was taken from the record, in words.
    """

    events: tuple[Event, ...]
    last: Rollout
    because: str
    misfits: tuple[Misfit, ...] = ()
    refused: tuple[str, ...] = ()
    given: tuple[str, ...] = ()


def decided_anew(
    recording: Recording, policy: Policy | None = None, tell: Callable[[Moment], None] = lambda _moment: None
) -> Course:
    """The course under the recorded policy, or another; ``tell`` hears of each moment that is past."""
    run = _Run(replace(recording.start, policy=policy or recording.start.policy), Record(recording.start))
    for moment in moments(recording):
        run.live(moment)
        tell(moment)
    return run.course()


def moments(recording: Recording) -> Iterator[Moment]:
    """In order of time; at the same time a tick comes first."""
    ticks = {tick.at: tick for tick in recording.ticks}
    events: dict[float, list[Event]] = defaultdict(list)
    for event in recording.events:
        if event.kind is not EventKind.STARTED:
            events[event.at].append(event)
    for at, following in pairwise([*sorted(ticks.keys() | events.keys()), None]):
        if at is None:
            return
        soon = following is not None and following not in ticks and following - at < _SOON_S
        yield Moment(at, ticks.get(at), tuple(events.get(at, ())), decides=not soon or at in events)


@dataclass
class _Run:
    """One rollout under way."""

    rollout: Rollout
    record: Record
    watch: Watch = field(default_factory=Watch)
    events: list[Event] = field(default_factory=list)
    because: str = ""
    misfits: list[Misfit] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)
    tallied_since: float = 0.0

    def __post_init__(self) -> None:
        self.started_at = self.rollout.started_at

    def live(self, moment: Moment) -> None:
        if moment.tick is not None:
            self._weigh(moment.tick)
        for event in moment.events:
            self.record.heard(event)
        if moment.decides:
            self._take(moment)
            self._decide(moment.at, self._orders(moment))

    def _weigh(self, tick: Tick) -> None:
        """As the control plane does: seconds before a change of step belong to the step before."""
        rollout = self.rollout
        if tick.at > max(rollout.attempt_since, rollout.step_since, rollout.weight_since):
            self.watch.follow(rollout)
        if not is_live(rollout):
            return
        self.watch.add(tick)
        self._tally(tick)
        self._compare_weights(tick.at)

    def _tally(self, tick: Tick) -> None:
        rollout = self.rollout
        if tick.at > self._new_step():
            for name, side in ((rollout.candidate or "", tick.candidate), (rollout.stable, tick.stable)):
                self.tallies[name] = _with(self.tallies.get(name, Tally()), side, tick.at)

    def _new_step(self) -> float:
        """Since when the present step's requests are counted; what was counted before is let go of."""
        since = max(self.rollout.step_since, self.rollout.weight_since)
        if since != self.tallied_since:
            self.tallies, self.tallied_since = {}, since
        return since

    def _compare_weights(self, at: float) -> None:
        recorded, replayed = self.record.weight, self.rollout.weight
        if recorded == replayed:
            return
        last = self.misfits[-1] if self.misfits else None
        if (
            last is not None
            and (last.recorded, last.replayed) == (recorded, replayed)
            and at - last.until <= _SHORTEST_S
        ):
            self.misfits[-1] = replace(last, until=at)
        else:
            self.misfits.append(Misfit(at - 1, at, recorded, replayed))

    def _take(self, moment: Moment) -> None:
        """What others decided on record, they decide again."""
        rollout = self.rollout
        verdict = given_verdict(moment.events, rollout.policy)
        if verdict is None:
            return
        freezes = rollout.policy.on_failure == "freeze" and rollout.phase is not Phase.PENDING
        trigger = Trigger.FREEZE if freezes else Trigger.WORSE
        if (rollout.phase, trigger) not in TRANSITIONS:
            return
        turn = Turn(rollout, Observed(moment.at)).noted(EventKind.VERDICT, ACTOR, verdict.reason, **verdict.data)
        self._accept(turn.moved(trigger, ACTOR, verdict.reason))
        self.given.append(f"the verdict of the record: {verdict.reason}")

    def _accept(self, outcome: Turn | Decision) -> None:
        self.rollout = outcome.rollout
        self.events.extend(outcome.events)

    def _orders(self, moment: Moment) -> tuple[Command, ...]:
        """Who undid a promotion wanted all users back on stable: also if nobody was promoted this time."""
        found = tuple(orders(moment.events))
        if self.rollout.promoted:
            return found
        return tuple(replace(each, verb="abort") if each.verb == "undo" else each for each in found)

    def _decide(self, now: float, commands: tuple[Command, ...]) -> None:
        """Until nothing changes any more: the gateways obey at once, so a second look comes in the same moment."""
        for _ in range(_SETTLED):
            before = self.rollout
            self.watch.follow(before)
            observed = self._observed(now, commands)
            decision = decide(before, observed)
            made_up = f"differences: {judge_differences(before.policy.differences, observed.differences).sentence}"
            events = tuple(replace(each, reason=each.reason.replace(made_up, _AS_RECORDED)) for each in decision.events)
            self._accept(replace(decision, events=events))
            self.because = decision.because
            for command in commands:
                reply = decision.replies[command.id]
                if not reply.accepted:
                    self.refused.append(f"{command.actor}'s {command.verb} does not apply: {reply.message}")
            commands = ()
            if decision.rollout == before:
                return

    def _observed(self, now: float, commands: tuple[Command, ...]) -> Observed:
        """The gateways obey; nothing is in flight for long; who is ready and what checks say is on record."""
        rollout = self.rollout
        ready = self.record.ready(rollout)
        split = split_of(rollout)
        return Observed(
            now=now,
            instances=tuple(Instance(name, name, _NOWHERE, InstanceState.READY, self.started_at) for name in ready),
            nodes=(NodeState("record", split, connected=True),),
            step=self._step(now),
            counting_since=self.started_at,
            assessment=self.watch.assessment,
            differences=self.record.differences(rollout),
            checks=self.record.answers(rollout, now),
            commands=commands,
        )

    def _step(self, now: float) -> Mapping[str, Tally]:
        """Both versions are in use to the end, so that none is retired by a record that stops."""
        self._new_step()
        names = (self.rollout.stable, self.rollout.candidate or "")
        return {name: replace(self.tallies.get(name, Tally()), last_request_at=now) for name in names}

    def course(self) -> Course:
        misfits = tuple(each for each in self.misfits if each.until - each.since >= _SHORTEST_S)
        events, refused, given = tuple(self.events), tuple(self.refused), tuple(self.given)
        return Course(events, self.rollout, self.because, misfits, refused, given)


def _with(tally: Tally, side: Side, at: float) -> Tally:
    seen = at if side.requests else tally.last_request_at
    return Tally(tally.requests + side.requests, tally.errors + side.errors, side.waiting[0], seen)
