"""The lane of latency: three tests against stable's own past, one for each quantile, and their average."""

from collections.abc import Mapping
from math import exp, log
from typing import Any, Final

from abreast.analysis.assessment import LatencyEvidence, Progress, QuantileEvidence
from abreast.analysis.counting import Counting
from abreast.analysis.lanes import Limits
from abreast.analysis.latency import QUANTILES, Edge, Past, Waiting
from abreast.analysis.process import Process, Test
from abreast.analysis.tick import Tick

_DIGITS: Final = 6
"""Decimals of an edge in µs that are kept: 1.1 times 1.2 shall be 1.32."""


class LatencyLane:
    """What `abreast.analysis.engine.Engine` asks about latency."""

    def __init__(self, limits: Limits, next_weight: float) -> None:
        """Nothing seen; the step under way leads to ``next_weight``."""
        self._limits = limits
        self._slower = 1 + (limits.tolerance or 0.0)
        self._past = Past()
        self._edges: tuple[int, ...] | None = None
        self._window: int | None = None
        self._warming = False
        tests = limits.ok_latency(next_weight)
        self._parts = [_Part(limits.worse_latency(), fine) for fine in tests]
        self._peak = self._average()

    def changed(self) -> None:
        """The candidate's share changes."""
        for part in self._parts:
            part.worse.changed()

    def begin(self, next_weight: float) -> None:
        """Another step: it has to be proven anew."""
        for part, test in zip(self._parts, self._limits.ok_latency(next_weight), strict=True):
            part.begin(test)

    def add(self, tick: Tick) -> None:
        """One more second."""
        self._turn(tick.at)
        self._warming = tick.warming
        if self._edges is not None:
            for part in self._parts:
                part.add(tick)
            if max([part.worse.ceiling for part in self._parts]) > self._peak:
                self._peak = max(self._peak, self._average())
        self._past.add(tick.stable.latencies)

    @property
    def proven_worse(self) -> bool:
        """Whether the average was ever a proof."""
        return self._peak >= self._parts[0].worse.test.needed

    @property
    def proven_fine(self) -> bool:
        """Whether each quantile's margin was proven to be kept."""
        return all(part.fine.proven for part in self._parts)

    def evidence(self) -> LatencyEvidence:
        """What is known now."""
        quantiles = tuple(
            QuantileEvidence(quantile, edge_us, part.counts.attempt, part.counts.step, Progress.of(part.fine))
            for quantile, edge_us, part in zip(QUANTILES, self._edges or (0, 0, 0), self._parts, strict=True)
        )
        needed = self._parts[0].worse.test.needed
        return LatencyEvidence(quantiles, Progress(self._average(), self._peak, needed), self._warming)

    def state(self) -> dict[str, Any]:  # Any: JSON
        """All of it as JSON; `restore` takes it."""
        return {
            "past": self._past.state(),
            "edges": self._edges,
            "window": self._window,
            "warming": self._warming,
            "peak": self._peak,
            "parts": [part.state() for part in self._parts],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state` made under the same limits."""
        self._past = Past.restored(state["past"])
        self._window, self._warming, self._peak = state["window"], state["warming"], state["peak"]
        for part, each in zip(self._parts, state["parts"], strict=True):
            part.restore(each)
        if state["edges"] is not None:
            self._set_edges(tuple(state["edges"]))

    def _turn(self, at: float) -> None:
        """Quantiles are read from what came before, and stay for a window: no tick has a say in its own edges."""
        window, before = int(at // self._limits.latency_window_s), self._window
        if before is not None and before - 1 <= window <= before:
            return
        if before is not None:
            self._past.age(max(0, window - before) * self._limits.latency_window_s)
        self._window = window
        if edges := self._past.edges():
            self._set_edges(edges)  # where too little is left of stable's traffic, the last ones stay

    def _set_edges(self, edges: tuple[int, ...]) -> None:
        self._edges = edges
        for part, edge_us in zip(self._parts, edges, strict=True):
            part.edge_c = Edge.at(round(edge_us * self._slower, _DIGITS))
            part.edge_s = Edge.at(edge_us)

    def _average(self) -> float:
        logs = [part.worse.log_e for part in self._parts]
        highest = max(logs)
        return highest + log(sum([exp(each - highest) for each in logs]) / len(logs))


class _Part:
    """One quantile: how many were slower than their edges, and what that proves.

    The candidate's edge is rounded up to find it worse, down to find it fine: requests in the bucket that it cuts
    are ``maybe`` slow. Stable's edge always lies between two buckets.
    """

    def __init__(self, worse: Test, fine: Test) -> None:
        self.worse = Process(worse)
        self.edge_c = self.edge_s = Edge.at(0)
        self.counts = Counting()
        self._waiting_c, self._waiting_s = Waiting(), Waiting()
        self.begin(fine)

    def begin(self, fine: Test) -> None:
        self.fine = Process(fine)
        self.counts.begin()
        self._maybe = 0

    def add(self, tick: Tick) -> None:
        ours = self._waiting_c.slow(tick.candidate, self.edge_c)
        theirs = self._waiting_s.slow(tick.stable, self.edge_s)
        if tick.warming:
            return
        self._maybe += ours.maybe
        if stratum := self.counts.add(ours.surely, ours.seen, theirs.surely, theirs.seen):
            self.worse.add(tick.at, stratum)
            self.fine.add(tick.at, stratum._replace(bad_c=self._maybe))
            self._maybe = 0

    def state(self) -> dict[str, Any]:
        return {
            "worse": self.worse.state(),
            "fine": self.fine.state(),
            "counted": self.counts.state(),
            "maybe": self._maybe,
            "waiting": [self._waiting_c.counted, self._waiting_s.counted],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.worse = Process.restored(self.worse.test, state["worse"])
        self.fine = Process.restored(self.fine.test, state["fine"])
        self.counts = Counting.restored(state["counted"])
        self._maybe = state["maybe"]
        self._waiting_c, self._waiting_s = (Waiting(each) for each in state["waiting"])
