"""One run: a truth's traffic, a rule, and the ladder that it walks, until the rule has decided or time is up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from abreast.analysis.lanes import Limits
from abreast.model.rollout import Policy, WeightStep
from abreast.model.units import FULL_WEIGHT
from abreast.rollout.watch import limits_of
from abreast.simulate.rules import Abreast, Decision, Rule, ZTest
from abreast.simulate.stream import Stream
from abreast.simulate.thresholds import MINUTE_S, Argo, Flagger
from abreast.simulate.truth import Truth

RULES: Final[Mapping[str, str]] = {
    "abreast": "evidence that may be looked at every second",
    "flagger": "Flagger's tutorial: ≥ 99 % success and P99 ≤ 500 ms each minute, 5 failed checks",
    "argo": "Argo Rollouts' first example: ≥ 95 % success every 5 minutes, more than 3 failures",
    "z-test": "a two-proportion z-test at 95 %, looked at every minute",
    "z-test-1s": "a two-proportion z-test at 99 %, looked at every second",
}


class End(StrEnum):
    """How a run ended."""

    ROLLED_BACK = "rolled back"
    PROMOTED = "promoted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Way:
    """Where candidates go: up the ``ladder`` of weights (shares), then to ``goal``. ``stay``: never raised.

    ``limits`` and ``at_least_s`` (the shortest step) are for abreast's rule. After ``longest_s`` a run ends undecided.
    """

    ladder: tuple[float, ...]
    limits: Limits
    at_least_s: float = 60.0
    longest_s: int = 3600
    stay: bool = False
    goal: float = 1.0

    @classmethod
    def of(cls, policy: Policy, longest_s: int = 3600) -> "Way":
        """The steps of a policy in which users are on both versions."""
        ladder = [step.weight / FULL_WEIGHT for step in policy.ladder if isinstance(step, WeightStep) and step.weight]
        return cls(tuple(ladder), limits_of(policy), policy.at_least_s, longest_s)

    def at(self, truth: Truth) -> "Way":
        """The same way, where a truth has no latencies without the lane that would wait for them for ever."""
        return self if truth.latency else replace(self, limits=replace(self.limits, tolerance=None))

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each step, and the one that the last step leads to."""
        return (*self.ladder, self.goal)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended, and ``at_s`` which second of it.

    ``requests_c`` and ``failed_c`` are the candidate's until then. ``late_s``: seconds since it became worse; None if
    it never did.
    """

    rule: str
    end: End
    at_s: int
    requests_c: int
    failed_c: int
    late_s: float | None


_JUDGES: Final[Mapping[str, Callable[[Way], Rule]]] = {
    "abreast": lambda way: Abreast(way.limits, way.weights[1], way.at_least_s),
    "flagger": lambda _way: Flagger(),
    "argo": lambda _way: Argo(),
    "z-test": lambda _way: ZTest(0.05, MINUTE_S),
    "z-test-1s": lambda _way: ZTest(0.01, 1),
}


def rule_named(name: str, way: Way) -> Rule:
    """A new judge for one run along ``way``. Raises KeyError unless ``name`` is one of `RULES`."""
    return _JUDGES[name](way)


class _Run:
    """One rule's rollout under way."""

    def __init__(self, name: str, way: Way) -> None:
        self.name = name
        self.rule = rule_named(name, way)
        self.outcome: Outcome | None = None


def run(truth: Truth, seed: int, names: Sequence[str], way: Way) -> tuple[Outcome, ...]:
    """One run of each rule, in that order.

    Where the weight stays all rules see the very same requests; on a ladder each makes its own traffic by what it
    decides, from the same seed.
    """
    way = way.at(truth)
    if way.stay:
        return _side_by_side(truth, seed, names, way)
    return tuple(_walk(truth, seed, name, way) for name in names)


def _side_by_side(truth: Truth, seed: int, names: Sequence[str], way: Way) -> tuple[Outcome, ...]:
    stream, weight = Stream(truth, seed), way.ladder[0]
    runs = [_Run(name, way) for name in names]
    undecided = list(runs)
    requests_c = failed_c = at_s = 0
    while undecided and at_s < way.longest_s:
        tick = stream.tick(weight)
        at_s += 1
        requests_c += tick.candidate.requests
        failed_c += tick.candidate.errors
        for each in tuple(undecided):
            if each.rule.decide(tick) is Decision.ROLL_BACK:
                late_s = _late_s(stream, at_s)
                each.outcome = Outcome(each.name, End.ROLLED_BACK, at_s, requests_c, failed_c, late_s)
                undecided.remove(each)
    late_s = _late_s(stream, at_s)
    return tuple(each.outcome or Outcome(each.name, End.UNDECIDED, at_s, requests_c, failed_c, late_s) for each in runs)


def _walk(truth: Truth, seed: int, name: str, way: Way) -> Outcome:
    stream, rule, weights = Stream(truth, seed), rule_named(name, way), way.weights
    step = requests_c = failed_c = 0
    for at_s in range(1, way.longest_s + 1):
        tick = stream.tick(weights[step])
        requests_c += tick.candidate.requests
        failed_c += tick.candidate.errors
        decision = rule.decide(tick)
        if decision is Decision.ROLL_BACK:
            return Outcome(name, End.ROLLED_BACK, at_s, requests_c, failed_c, _late_s(stream, at_s))
        if decision is Decision.ADVANCE:
            step += 1
            if step == len(way.ladder):
                return Outcome(name, End.PROMOTED, at_s, requests_c, failed_c, _late_s(stream, at_s))
            rule.moved(weights[step + 1])
    return Outcome(name, End.UNDECIDED, way.longest_s, requests_c, failed_c, _late_s(stream, way.longest_s))


def _late_s(stream: Stream, at_s: int) -> float | None:
    """How long the candidate has been worse."""
    onset_s = stream.onset_s
    return None if stream.truth.healthy or onset_s is None or onset_s > at_s else at_s - onset_s
