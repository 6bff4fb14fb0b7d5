"""The operating characteristics that the evidence is to hold, each as a figure with its bar. Seeded: they repeat.

All bars are upper ones: a figure is met when what was found does not exceed it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from math import isfinite
from typing import Any, Final

from abreast.model.rollout import Policy
from abreast.rollout.watch import limits_of
from abreast.simulate.batch import Batch, run_all
from abreast.simulate.course import End, Outcome, Way
from abreast.simulate.summary import late_s, quantile, share_of, until_promoted_s, until_rolled_back
from abreast.simulate.truth import TRUTHS, Truth

LADDER: Final = (0.01, 0.05, 0.1, 0.25, 0.5)
"""Then everyone."""

_FIXED: Final = 0.05
_FEWEST: Final = 20
_QUICK: Final = 20
"""A quick look takes one of so many seeds."""


class Unit(StrEnum):
    """What a figure counts."""

    REQUESTS = "candidate requests"
    SECONDS = "s"
    SHARE = "share of runs"


@dataclass(frozen=True, slots=True)
class Claim:
    """One figure to hold: what ``measure`` makes of the batch's outcomes is at most ``bar``."""

    name: str
    batch: Batch
    measure: Callable[[Sequence[Outcome]], float]
    bar: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class Figure:
    """What was found of a claim in so many runs."""

    name: str
    bar: float
    found: float
    unit: Unit
    runs: int

    @property
    def met(self) -> bool:
        """Whether the bar holds."""
        return self.found <= self.bar

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """For a JSON file, in which "never" is null."""
        found = self.found if isfinite(self.found) else None
        return {
            "name": self.name,
            "bar": self.bar,
            "found": found,
            "met": self.met,
            "unit": self.unit.value,
            "runs": self.runs,
        }


def judge(claims: Sequence[Claim], workers: int, tell: Callable[[int], None]) -> tuple[Figure, ...]:
    """Run what the claims need, each batch once, and measure. As `run_all` for the rest."""
    batches = list(dict.fromkeys(claim.batch for claim in claims))
    found = dict(zip(batches, run_all(batches, workers, tell), strict=True))
    return tuple(
        Figure(
            claim.name,
            claim.bar,
            claim.measure([outcomes[0] for outcomes in found[claim.batch]]),
            claim.unit,
            claim.batch.seeds,
        )
        for claim in claims
    )


def claims(*, quick: bool = False) -> tuple[Claim, ...]:
    """All of them; ``quick``: on a twentieth of the seeds, to see that they run rather than that they hold."""
    every = (*_found_claims(), *_false_claims(), *_stressed_claims(), *_ladder_claims(), *_boundary_claims())
    return tuple(replace(claim, batch=_fewer(claim.batch)) for claim in every) if quick else every


def runs_of(claims: Sequence[Claim]) -> int:
    """How many runs they need, for a progress bar."""
    return sum(batch.seeds for batch in {claim.batch for claim in claims})


def _up(longest_s: int = 3600) -> Way:
    """Up the ladder as the default policy has it."""
    return Way(LADDER, limits_of(Policy()), Policy().at_least_s, longest_s)


def _batch(truth: str, way: Way, seeds: int) -> Batch:
    return Batch(TRUTHS[truth], way, ("abreast",), seeds)


def _requests(outcomes: Sequence[Outcome], share: float) -> float:
    return quantile(until_rolled_back(outcomes), share)


def _promoted_s(outcomes: Sequence[Outcome]) -> float:
    return quantile(until_promoted_s(outcomes), 0.9)


def _late_s(outcomes: Sequence[Outcome]) -> float:
    return quantile(late_s(outcomes), 0.9)


def _fewer(batch: Batch) -> Batch:
    return replace(batch, seeds=max(_FEWEST, batch.seeds // _QUICK))


def _found_claims() -> tuple[Claim, ...]:
    """How soon a worse candidate is found that always has 5 % of 100 requests/s."""
    way = Way((_FIXED,), limits_of(Policy()), longest_s=3600, stay=True)
    bars = (("broken", 50, 60), ("worse-5", 220, 300), ("worse-1", 1200, 2100))
    return tuple(
        Claim(
            f"5 % share, {TRUTHS[truth].told}: {title} until rollback",
            _batch(truth, way, 1000),
            partial(_requests, share=share),
            bar,
            Unit.REQUESTS,
        )
        for truth, p50, p90 in bars
        for title, share, bar in (("median", 0.5, p50), ("p90", 0.9, p90))
    )


def _false(truth: str, way: Way, seeds: int, bar: float) -> Claim:
    return Claim(
        f"false rollbacks: {TRUTHS[truth].told}",
        _batch(truth, way, seeds),
        partial(share_of, end=End.ROLLED_BACK),
        bar,
        Unit.SHARE,
    )


def _false_claims() -> tuple[Claim, ...]:
    names = ("same-0", "same-0.01", "same-0.1", "same-1", "same-5")
    return tuple(_false(name, _up(), 2000, 0.01) for name in names)


def _stressed_claims() -> tuple[Claim, ...]:
    """What hits both versions alike, or either by bad luck."""
    shared = tuple(_false(name, _up(), 1000, 0.01) for name in ("outage", "drift", "spikes"))
    stalls = tuple(_false(name, _up(longest_s=1200), 500, 0.01) for name in ("stalls-1s", "stalls-5s"))
    return (*shared, *stalls, _false("storms", _up(), 1000, 0.02))


def _ladder_claims() -> tuple[Claim, ...]:
    """Up the whole ladder at 100 requests/s, and what must not happen without traffic."""
    healthy = (
        replace(
            TRUTHS["same-latency"],
            name=f"{name}+latency",
            errors_s=TRUTHS[name].errors_s,
            errors_c=TRUTHS[name].errors_c,
        )
        for name in ("same-0", "same-0.1")
    )
    promoted = tuple(
        Claim(
            f"healthy, {_percent(truth.errors_s)} errors: promoted within, p90",
            Batch(truth, _up(), ("abreast",), 300),
            _promoted_s,
            420,
            Unit.SECONDS,
        )
        for truth in healthy
    )
    late = tuple(
        Claim(
            f"{TRUTHS[name].told}: rolled back within, p90",
            _batch(name, _up(), 500),
            _late_s,
            20,
            Unit.SECONDS,
        )
        for name in ("late-25", "late-50")
    )
    return (
        *promoted,
        Claim(
            f"{TRUTHS['worse-1'].told}: promoted all the same",
            _batch("worse-1", _up(), 1000),
            partial(share_of, end=End.PROMOTED),
            0.01,
            Unit.SHARE,
        ),
        *late,
        _false("few", _up(), 100, 0.0),
        _false("silence", _up(), _FEWEST, 0.0),
        Claim(
            "no traffic: promoted",
            _batch("silence", _up(), _FEWEST),
            partial(share_of, end=End.PROMOTED),
            0.0,
            Unit.SHARE,
        ),
    )


def _boundary_claims() -> tuple[Claim, ...]:
    """A candidate that is worse by exactly the margin which has to be ruled out."""
    return tuple(
        Claim(
            f"false advances at the margin: {_percent(weight)} to {_percent(goal)}, {_percent(errors)} errors",
            Batch(
                _at_the_margin(errors, goal),
                Way((weight,), limits_of(Policy()), at_least_s=0, longest_s=900, goal=goal),
                ("abreast",),
                2000 if goal < 1 else 1000,
            ),
            partial(share_of, end=End.PROMOTED),
            0.05,
            Unit.SHARE,
        )
        for weight, goal, errors in ((0.05, 0.1, 0.001), (0.05, 0.1, 0.01), (0.5, 1.0, 0.001), (0.5, 1.0, 0.01))
    )


def _at_the_margin(errors: float, goal: float) -> Truth:
    test = limits_of(Policy()).ok_errors(goal)
    return Truth(
        f"margin-{errors}-{goal}",
        "worse by the margin",
        healthy=False,
        errors_s=errors,
        errors_c=test.rho * errors + test.delta,
    )


def _percent(share: float) -> str:
    return f"{share * 100:.4g} %"
