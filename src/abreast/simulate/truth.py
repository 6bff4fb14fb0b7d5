"""What is really so: made-up services whose answer is known, so that a rule can be judged by its verdicts.

All shares are 0 to 1. What is shared hits both versions in the same seconds, as a database does that both use.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Onset:
    """The candidate is no worse than stable until it has had ``weight`` for ``after_s`` seconds."""

    weight: float
    after_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Episode:
    """For ``for_s`` seconds ``share`` of either version's requests fail; again every ``every_s`` unless that is 0."""

    share: float
    for_s: float
    every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Drift:
    """The error share of both goes from its base to ``share`` and back, once in ``over_s`` seconds."""

    share: float
    over_s: float


@dataclass(frozen=True, slots=True)
class Stalls:
    """Each version answers nothing for ``for_s`` seconds every ``every_s``, at times of its own; then all at once."""

    for_s: float
    every_s: float


@dataclass(frozen=True, slots=True)
class Storms:
    """Every ``every_s`` one user, who sticks to one version, meets ``requests`` failures within ``for_s`` seconds."""

    requests: int = 10
    for_s: float = 5.0
    every_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Log-normal around ``median_ms``; the candidate's slowest share ``tail`` takes ``factor`` times as long."""

    median_ms: float = 20.0
    sigma: float = 0.5
    tail: float = 1.0
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Truth:
    """One made-up service: ``errors_*`` are the shares of requests that fail. ``healthy``: rolling back is wrong."""

    name: str
    told: str
    healthy: bool
    rate_per_s: float = 100.0
    errors_s: float = 0.0
    errors_c: float = 0.0
    onset: Onset | None = None
    episode: Episode | None = None
    drift: Drift | None = None
    stalls: Stalls | None = None
    storms: Storms | None = None
    latency: Latency | None = None


def alike(name: str, told: str, errors: float) -> Truth:
    """Two versions that are the same."""
    return Truth(name, told, healthy=True, errors_s=errors, errors_c=errors)


def shifted(name: str, told: str, before: float, after: float) -> Truth:
    """A candidate that fails more often from its first request on."""
    return Truth(name, told, healthy=False, errors_s=before, errors_c=after)


_ONE_IN_100: Final = 0.01
_ONE_IN_1000: Final = 0.001

_SHIFTS: Final = (
    alike("same-0", "identical versions, no errors", 0.0),
    alike("same-0.01", "identical versions, 0.01 % errors", 0.0001),
    alike("same-0.1", "identical versions, 0.1 % errors", _ONE_IN_1000),
    alike("same-1", "identical versions, 1 % errors", _ONE_IN_100),
    alike("same-5", "identical versions, 5 % errors", 0.05),
    shifted("broken", "errors from 0 to 100 %", 0.0, 1.0),
    shifted("worse-5", "errors from 0 to 5 %", 0.0, 0.05),
    shifted("worse-0.8", "errors from 0 to 0.8 %", 0.0, 0.008),
    shifted("worse-1", "errors from 0.1 to 1 %", _ONE_IN_1000, _ONE_IN_100),
    Truth("late-25", "half of the requests fail from 25 % on", healthy=False, errors_c=0.5, onset=Onset(weight=0.25)),
    Truth("late-50", "half of the requests fail from 50 % on", healthy=False, errors_c=0.5, onset=Onset(weight=0.5)),
)
"""Versions that are the same, and candidates that fail more often."""

_EPISODES: Final = (
    Truth(
        "outage",
        "both fail 60 % for 30 s",
        healthy=True,
        errors_s=_ONE_IN_1000,
        errors_c=_ONE_IN_1000,
        episode=Episode(share=0.6, for_s=30.0),
    ),
    Truth(
        "spikes",
        "both fail 30 % for 3 s, every 45 s",
        healthy=True,
        errors_s=_ONE_IN_1000,
        errors_c=_ONE_IN_1000,
        episode=Episode(share=0.3, for_s=3.0, every_s=45.0),
    ),
    Truth(
        "drift",
        "errors of both from 0.1 to 5 % and back, every 5 m",
        healthy=True,
        errors_s=_ONE_IN_1000,
        errors_c=_ONE_IN_1000,
        drift=Drift(share=0.05, over_s=300.0),
    ),
    Truth(
        "storms",
        "1 % errors; every minute one sticky user fails 10 times in 5 s",
        healthy=True,
        errors_s=_ONE_IN_100,
        errors_c=_ONE_IN_100,
        storms=Storms(),
    ),
)
"""What hits both versions, or by chance one of them."""

_LATENCIES_AND_RATES: Final = (
    Truth(
        "stalls-1s",
        "each version stalls for 1 s a minute",
        healthy=True,
        stalls=Stalls(for_s=1.0, every_s=60.0),
        latency=Latency(),
    ),
    Truth(
        "stalls-5s",
        "each version stalls for 5 s every 2 m",
        healthy=True,
        stalls=Stalls(for_s=5.0, every_s=120.0),
        latency=Latency(),
    ),
    Truth("same-latency", "identical versions, latency watched", healthy=True, latency=Latency()),
    Truth("slower-50", "everything takes half as long again", healthy=False, latency=Latency(factor=1.5)),
    Truth("slow-tail", "p99 doubled, p90 unchanged", healthy=False, latency=Latency(tail=0.05, factor=2.0)),
    Truth(
        "few",
        "1 request/s, identical versions, 0.1 % errors",
        healthy=True,
        rate_per_s=1.0,
        errors_s=_ONE_IN_1000,
        errors_c=_ONE_IN_1000,
    ),
    Truth("few-broken", "1 request/s, the candidate always fails", healthy=False, rate_per_s=1.0, errors_c=1.0),
    Truth("silence", "no traffic", healthy=True, rate_per_s=0.0),
)

TRUTHS: Final = {truth.name: truth for truth in (*_SHIFTS, *_EPISODES, *_LATENCIES_AND_RATES)}
"""All of them, by name."""
