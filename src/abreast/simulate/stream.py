"""The traffic of one run, second by second, at whatever weight the rule has chosen by then.

Requests arrive at random (Poisson), so those that fail and those that do not are two independent streams: each count
is one draw. Only where a version stalls is each request followed by itself.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import cos, pi
from random import Random
from typing import Final

from abreast.analysis.tick import WAITING_S, Side, Tick
from abreast.simulate.sampling import binomial, bucket, latency_slices, poisson
from abreast.simulate.truth import Stalls, Truth

_BEGIN: Final = 1_800_000_000
"""When runs begin, give or take a minute (Unix seconds): windows shall not begin with them."""

WARM_UP_S: Final = 60
"""The candidate's only instance has just started."""

_DRIFT_PARTS: Final = 100
"""A drifting share has so many values: each is a table."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """A request that a stall has caught: when it arrived, and how long it takes by itself (seconds)."""

    arrived_s: float
    takes_s: float


class _Version:
    """One version: what it answered, and what it still holds."""

    def __init__(self, random: Random, stalls: Stalls | None, slices: Sequence[int]) -> None:
        self._random = random
        self._stalls = stalls
        self._slices = slices
        self._held: list[_Ask] = []
        self._stall = (-1.0, -1.0)
        if stalls is not None:
            start = random.uniform(0, stalls.every_s)
            self._stall = (start, start + stalls.for_s)

    def second(self, at_s: int, rate_per_s: float, errors: float, storm: int) -> Side:
        """What it did between ``at_s`` and one second later; ``storm`` more requests come and fail."""
        if self._stalls is not None:
            return self._stalling(at_s, self._stalls, rate_per_s, errors)
        bad = poisson(self._random, rate_per_s * errors) + storm
        requests = bad + poisson(self._random, rate_per_s * (1 - errors))
        return Side(requests, bad, self._latencies(requests))

    def _latencies(self, requests: int) -> dict[int, int]:
        if not self._slices:
            return {}
        return _bucketed(self._random.choices(self._slices, k=requests))

    def _stalling(self, at_s: int, stalls: Stalls, rate_per_s: float, errors: float) -> Side:
        """Whoever arrives during a stall is answered after its end."""
        random, end_s = self._random, at_s + 1
        if at_s >= self._stall[1]:
            gap_s = random.uniform(0.75, 1.25) * stalls.every_s - stalls.for_s
            start = self._stall[1] + gap_s if self._stall[1] + gap_s > at_s else float(at_s)
            self._stall = (start, start + stalls.for_s)
        begins_s, ends_s = self._stall
        took: list[int] = []
        for takes_us in random.choices(self._slices, k=poisson(random, rate_per_s)):
            arrived_s = at_s + random.random()
            if begins_s <= arrived_s < ends_s:
                self._held.append(_Ask(arrived_s, takes_us / 1e6))
            else:
                took.append(takes_us)
        if ends_s <= end_s:
            took += [int((ends_s - ask.arrived_s + ask.takes_s) * 1e6) for ask in self._held]
            self._held.clear()
        waiting = tuple(sum(end_s - ask.arrived_s >= age_s for ask in self._held) for age_s in WAITING_S)
        return Side(len(took), binomial(random, len(took), errors), _bucketed(took), waiting)


class Stream:
    """One run of a truth: the same seed and the same weights give the same ticks."""

    def __init__(self, truth: Truth, seed: int) -> None:
        """``seed`` of any size; each of a truth's is another run."""
        self.truth = truth
        random = Random(f"{truth.name} {seed}")
        self._random = random
        self._begin = _BEGIN + random.randrange(60)
        self._at_s = 0
        self._onset_s: float | None = None if truth.onset else 0.0
        self._episode_s = random.uniform(0, truth.episode.every_s or 240.0) if truth.episode else 0.0
        self._storm: list[int] = []
        self._storm_hits_candidate = False
        self._next_storm_s = random.uniform(0, truth.storms.every_s) if truth.storms else 0.0
        slices = partial(latency_slices, truth.latency.median_ms, truth.latency.sigma) if truth.latency else None
        slices_s = slices(1.0, 1.0) if slices else ()
        slices_c = slices(truth.latency.tail, truth.latency.factor) if slices and truth.latency else ()
        self._stable = _Version(random, truth.stalls, slices_s)
        self._candidate = _Version(random, truth.stalls, slices_c)

    @property
    def onset_s(self) -> float | None:
        """Since when the candidate is worse, in seconds of the run; None: not yet."""
        return self._onset_s

    def tick(self, weight: float) -> Tick:
        """The next second, with the share ``weight`` of all requests at the candidate."""
        truth, at_s = self.truth, self._at_s
        self._at_s += 1
        if self._onset_s is None and truth.onset is not None and weight >= truth.onset.weight:
            self._onset_s = at_s + truth.onset.after_s
        shared = self._shared(at_s)
        worse = self._onset_s is not None and at_s >= self._onset_s
        errors_c = min(1.0, shared + truth.errors_c - truth.errors_s) if worse else shared
        storm_c, storm_s = self._stormy(at_s, weight)
        candidate = self._candidate.second(at_s, truth.rate_per_s * weight, errors_c, storm_c)
        stable = self._stable.second(at_s, truth.rate_per_s * (1 - weight), shared, storm_s)
        warming = truth.latency is not None and at_s < WARM_UP_S
        return Tick(float(self._begin + at_s + 1), candidate, stable, warming=warming)

    def _shared(self, at_s: int) -> float:
        """The share that fails at both."""
        truth, share = self.truth, self.truth.errors_s
        if truth.drift is not None:
            risen = round((1 - cos(2 * pi * at_s / truth.drift.over_s)) / 2 * _DRIFT_PARTS) / _DRIFT_PARTS
            share += risen * (truth.drift.share - share)
        if truth.episode is not None:
            since_s = at_s - self._episode_s
            if truth.episode.every_s:
                since_s %= truth.episode.every_s
            if 0 <= since_s < truth.episode.for_s:
                share = truth.episode.share
        return share

    def _stormy(self, at_s: int, weight: float) -> tuple[int, int]:
        """How many failures of a storm fall on the candidate, and on stable, in this second."""
        storms, random = self.truth.storms, self._random
        if storms is None:
            return 0, 0
        if at_s >= self._next_storm_s:
            self._next_storm_s += random.uniform(0.5, 1.5) * storms.every_s
            self._storm_hits_candidate = random.random() < weight
            self._storm = [0] * max(1, round(storms.for_s))
            for _ in range(storms.requests):
                self._storm[random.randrange(len(self._storm))] += 1
        failing = self._storm.pop() if self._storm else 0
        return (failing, 0) if self._storm_hits_candidate else (0, failing)


def _bucketed(latencies_us: Sequence[int]) -> dict[int, int]:
    return dict(Counter(map(bucket, latencies_us)))
