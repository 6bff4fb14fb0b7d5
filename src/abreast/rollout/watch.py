"""The evidence of one attempt, as it follows the rollout's steps: ticks in, an assessment out. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from abreast.analysis.assessment import Assessment
from abreast.analysis.engine import Engine
from abreast.analysis.lanes import Limits
from abreast.analysis.tick import Tick
from abreast.model.rollout import LatencyGate, Phase, Policy, Rollout, WeightStep
from abreast.model.units import FULL_WEIGHT
from abreast.rollout.observed import Observed
from abreast.rollout.turn import split_of

LIVE: Final = frozenset({Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING, Phase.BAKING})
"""Phases in which users may be on the candidate and a verdict acts."""


def limits_of(policy: Policy) -> Limits:
    """What the policy's gates tolerate, for the engine."""
    latency = policy.latency
    changes = sum(isinstance(step, WeightStep) for step in policy.steps)
    step_s = max(policy.at_least_s, policy.at_most_s)
    return Limits(
        budget=policy.errors.budget / FULL_WEIGHT,
        window_s=policy.errors.window_s,
        tolerance=None if latency is None else latency.tolerance / FULL_WEIGHT,
        latency_window_s=(latency or LatencyGate()).window_s,
        changes=max(1, changes),
        longest_s=max(step_s, step_s * len(policy.ladder) + policy.bake_s),
    )


def next_weight(rollout: Rollout) -> int:
    """The weight that the present step leads to, in hundredths of a percent: what it has to be safe for."""
    later = rollout.policy.ladder[rollout.step + 1 :]
    weights = [step.weight for step in later if isinstance(step, WeightStep)]
    return max(weights[0], 1) if weights else FULL_WEIGHT


def is_live(rollout: Rollout) -> bool:
    """Whether ticks are evidence: users may be on the candidate."""
    return rollout.phase in LIVE and rollout.candidate is not None


def is_alone(rollout: Rollout) -> bool:
    """Whether the gateways send all users to the candidate, so that nothing is there to compare it with."""
    return split_of(rollout).weight == FULL_WEIGHT


def is_warming(rollout: Rollout, observed: Observed) -> bool:
    """Whether an instance of the candidate's has only just become ready."""
    latency = rollout.policy.latency
    return latency is not None and any(
        instance.ready and observed.now - instance.since < latency.warm_up_s
        for instance in observed.instances
        if instance.version == rollout.candidate
    )


@dataclass(frozen=True)
class _Place:
    """Where the evidence belongs: another attempt or other limits begin anew, another step is proven anew."""

    rollout: int
    attempt_since: float
    step: int
    weight_since: float
    next_weight: int

    @property
    def attempt(self) -> tuple[int, float]:
        return self.rollout, self.attempt_since


class Watch:
    """Follows one service's rollouts, one after the other."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._engine: Engine | None = None
        self._place: _Place | None = None

    def follow(self, rollout: Rollout) -> None:
        """Before the next ticks: where the rollout is now. Same place, nothing happens."""
        place = _Place(rollout.number, rollout.attempt_since, rollout.step, rollout.weight_since, next_weight(rollout))
        limits, before = limits_of(rollout.policy), self._place
        share = place.next_weight / FULL_WEIGHT
        if self._engine is None or before is None or before.attempt != place.attempt or self._engine.limits != limits:
            self._engine = Engine(limits, share)
        elif before != place:
            self._engine.change(share, weighted=before.weight_since != place.weight_since)
        self._place = place

    def add(self, tick: Tick) -> None:
        """One more second of the attempt that is followed; before there is one it says nothing."""
        if self._engine is not None:
            self._engine.add(tick)

    @property
    def assessment(self) -> Assessment:
        """What is known now."""
        return Assessment() if self._engine is None else self._engine.assessment()

    def state(self) -> dict[str, Any]:  # Any: JSON
        """All of it as JSON; `restored` takes it."""
        if self._engine is None or self._place is None:
            return {}
        return {
            "place": asdict(self._place),
            "limits": asdict(self._engine.limits),
            "engine": self._engine.state(),
        }

    @classmethod
    def restored(cls, rollout: Rollout, state: Mapping[str, Any]) -> Self:
        """Go on from a `state` if it is of this rollout's present attempt; else begin anew."""
        watch = cls()
        if state:
            place, limits = _Place(**state["place"]), Limits(**state["limits"])
            if place.attempt == (rollout.number, rollout.attempt_since):
                watch._place, watch._engine = place, Engine.restored(limits, state["engine"])
        return watch
