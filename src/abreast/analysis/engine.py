"""The engine: ticks in, evidence out. No clock; the same ticks give the same evidence, wherever they were cut."""

from collections.abc import Mapping
from typing import Any, Final, Self

from abreast.analysis.assessment import (
    Assessment,
    Counted,
    ErrorEvidence,
    Progress,
)
from abreast.analysis.counting import Counting
from abreast.analysis.interval import Interval
from abreast.analysis.lanes import Limits
from abreast.analysis.latency_lane import LatencyLane
from abreast.analysis.process import Process, Stratum
from abreast.analysis.tick import Side, Tick

_HISTORY: Final = 1e6
"""Stable's own past weighs so many times the present seconds: its share counts as known."""


class Engine:
    """All lanes of one attempt. `change` at each change of weight or step, `add` for each tick, in order."""

    def __init__(self, limits: Limits, next_weight: float = 1.0) -> None:
        """Nothing seen; the step under way leads to ``next_weight`` (a share, 0 to 1)."""
        self.limits = limits
        self._at = 0.0
        self._errors = Process(limits.worse_errors())
        self._hard = Process(limits.worse_hard())
        self._interval = Interval()
        self._counts = Counting()
        self._alone = [0, 0]
        self._latency = None if limits.tolerance is None else LatencyLane(limits, next_weight)
        self._begin(next_weight)

    def change(self, next_weight: float, *, weighted: bool = True) -> None:
        """Another step begins, which leads to ``next_weight``: it has to be proven anew; what speaks against stays.

        ``weighted``: the candidate's share changed too, so fresh stakes come in.
        """
        if weighted:
            self._errors.changed()
            self._hard.changed()
        self._begin(next_weight)
        if self._latency is not None:
            if weighted:
                self._latency.changed()
            self._latency.begin(next_weight)

    def _begin(self, next_weight: float) -> None:
        self._next_weight = next_weight
        self._fine = Process(self.limits.ok_errors(next_weight))
        self._counts.begin()

    def add(self, tick: Tick) -> None:
        """One more second."""
        self._at = tick.at
        candidate, stable = tick.candidate, tick.stable
        if tick.alone:
            self._guard(tick.at, candidate)
            return
        if stratum := self._counts.add(candidate.errors, candidate.requests, stable.errors, stable.requests):
            for process in (self._errors, self._hard, self._fine):
                process.add(tick.at, stratum)
            self._interval.add(stratum)
        if self._latency is not None:
            self._latency.add(tick)

    @property
    def worse(self) -> bool:
        """Whether any lane has ever refused "no worse than tolerated": as in the assessment, and quicker."""
        latency = self._latency
        return self._errors.proven or self._hard.proven or (latency is not None and latency.proven_worse)

    @property
    def fine(self) -> bool:
        """Whether all lanes have refused "worse by the margin or more" in this step."""
        return self._fine.proven and (self._latency is None or self._latency.proven_fine)

    def assessment(self) -> Assessment:
        """What is known now."""
        low, high = self._interval.bounds
        worse, hard, fine = (Progress.of(process) for process in (self._errors, self._hard, self._fine))
        attempt = self._counts.attempt
        alone = Counted(self._alone[0], self._alone[1], attempt.bad_s, attempt.seen_s)
        errors = ErrorEvidence(attempt, self._counts.step, worse, hard, fine, low, high, alone)
        return Assessment(self._at, errors, None if self._latency is None else self._latency.evidence())

    def state(self) -> dict[str, Any]:  # Any: JSON
        """All of it as JSON; `restored` takes it."""
        return {
            "at": self._at,
            "next_weight": self._next_weight,
            "errors": self._errors.state(),
            "hard": self._hard.state(),
            "fine": self._fine.state(),
            "interval": self._interval.state(),
            "counted": self._counts.state(),
            "alone": list(self._alone),
            "latency": None if self._latency is None else self._latency.state(),
        }

    @classmethod
    def restored(cls, limits: Limits, state: Mapping[str, Any]) -> Self:
        """Go on from a `state` made under the same limits."""
        engine = cls(limits, state["next_weight"])
        engine._at = state["at"]
        engine._errors = Process.restored(engine._errors.test, state["errors"])
        engine._hard = Process.restored(engine._hard.test, state["hard"])
        engine._fine = Process.restored(engine._fine.test, state["fine"])
        engine._interval = Interval.restored(state["interval"])
        engine._counts = Counting.restored(state["counted"])
        engine._alone = list(state["alone"])
        if engine._latency is not None and state["latency"] is not None:
            engine._latency.restore(state["latency"])
        return engine

    def _guard(self, at: float, candidate: Side) -> None:
        """Without users on stable, hard failure alone is watched, against stable's own past."""
        self._alone[0] += candidate.errors
        self._alone[1] += candidate.requests
        many = candidate.requests * _HISTORY
        self._hard.add(at, Stratum(candidate.errors, candidate.requests, self._counts.share_s * many, many))
