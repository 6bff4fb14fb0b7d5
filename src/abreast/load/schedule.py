"""When each request should leave and whose it is: all of it from the seed, none of it from a clock."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abreast.load.plan import Plan


class Shot(NamedTuple):
    """One request to come: its offset from the start, its kind in the mix, its user."""

    number: int
    at_s: float
    kind: int
    user: int


def schedule(plan: Plan) -> Iterator[Shot]:
    """Yield the plan's requests in the order of their intended times.

    Constant arrivals are ``1/rate`` apart. Poisson arrivals have exponential gaps with that mean,
    so that bursts and lulls come as independent users make them.
    """
    offsets = _constant(plan.rate_per_s) if plan.arrivals == "constant" else _poisson(plan.rate_per_s, plan.seed)
    kinds = _kinds(plan)
    users = random.Random(f"users {plan.seed}")
    for number, at_s in enumerate(itertools.islice(offsets, plan.length)):
        yield Shot(number, at_s, next(kinds), int(users.random() * plan.users))


def _constant(rate_per_s: float) -> Iterator[float]:
    return (number / rate_per_s for number in itertools.count())


def _poisson(rate_per_s: float, seed: int) -> Iterator[float]:
    gaps = random.Random(f"arrivals {seed}")
    return itertools.accumulate(gaps.expovariate(rate_per_s) for _ in itertools.count())


def _kinds(plan: Plan) -> Iterator[int]:
    if len(plan.requests) == 1:
        return itertools.repeat(0)
    mix = random.Random(f"mix {plan.seed}")
    totals = list(itertools.accumulate(request.weight for request in plan.requests))
    numbers = range(len(plan.requests))
    return (mix.choices(numbers, cum_weights=totals)[0] for _ in itertools.count())
