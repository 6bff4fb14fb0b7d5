"""Rules: a second of traffic in, a decision out. Abreast's own, and the statistics that most people would try first.

The rules of other programs are in `abreast.simulate.thresholds`.
"""

from enum import StrEnum
from math import sqrt
from statistics import NormalDist
from typing import Protocol

from abreast.analysis.engine import Engine
from abreast.analysis.lanes import Limits
from abreast.analysis.tick import Tick


class Decision(StrEnum):
    """What a rule wants after a second."""

    ADVANCE = "advance"
    ROLL_BACK = "roll back"
    HOLD = "hold"


class Rule(Protocol):
    """One rollout's judge."""

    def decide(self, tick: Tick) -> Decision:
        """After one more second."""
        ...

    def moved(self, next_weight: float) -> None:
        """The weight was raised as it wished; the step now under way leads to ``next_weight`` (a share)."""
        ...


class Abreast:
    """The engine's evidence: worse in any lane rolls back, fine in all of them ends a step of ``at_least_s``."""

    def __init__(self, limits: Limits, next_weight: float, at_least_s: float) -> None:
        """Nothing seen."""
        self.engine = Engine(limits, next_weight)
        self._at_least_s = at_least_s
        self._step_s = 0

    def decide(self, tick: Tick) -> Decision:
        """After one more second."""
        self.engine.add(tick)
        self._step_s += 1
        if self.engine.worse:
            return Decision.ROLL_BACK
        return Decision.ADVANCE if self._step_s >= self._at_least_s and self.engine.fine else Decision.HOLD

    def moved(self, next_weight: float) -> None:
        """Another step: it must be proven anew."""
        self.engine.change(next_weight)
        self._step_s = 0


class ZTest:
    """The pooled two-proportion z-test on all requests so far, one-sided, looked at again and again.

    Textbook (Fleiss, Levin, Paik, "Statistical Methods for Rates and Proportions"): made for one look at a number of
    requests fixed before. ``alpha`` is its chance of error at one look, ``every_s`` how often it is looked at. It rolls
    back when it is significant, and else advances at the first look after ``step_s``.
    """

    def __init__(self, alpha: float, every_s: int, step_s: int = 60) -> None:
        """Nothing seen."""
        self._needed = NormalDist().inv_cdf(1 - alpha)
        self._every_s = every_s
        self._longest_s = step_s
        self._at_s = self._step_s = 0
        self._bad_c = self._seen_c = self._bad_s = self._seen_s = 0

    def decide(self, tick: Tick) -> Decision:
        """After one more second."""
        self._at_s += 1
        self._step_s += 1
        self._bad_c += tick.candidate.errors
        self._seen_c += tick.candidate.requests
        self._bad_s += tick.stable.errors
        self._seen_s += tick.stable.requests
        if self._at_s % self._every_s:
            return Decision.HOLD
        if self._z() >= self._needed:
            return Decision.ROLL_BACK
        return Decision.ADVANCE if self._step_s >= self._longest_s else Decision.HOLD

    def moved(self, next_weight: float) -> None:
        """Another step: the counts go on. ``next_weight`` is nothing to it."""
        del next_weight
        self._step_s = 0

    def _z(self) -> float:
        if not self._seen_c or not self._seen_s:
            return 0.0
        pooled = (self._bad_c + self._bad_s) / (self._seen_c + self._seen_s)
        spread = sqrt(pooled * (1 - pooled) * (1 / self._seen_c + 1 / self._seen_s))
        return (self._bad_c / self._seen_c - self._bad_s / self._seen_s) / spread if spread else 0.0
