"""How long an abort takes under load: from the order to the last request that the candidate receives.

The candidate itself notes when a request last arrived. The clock starts just before the order is sent to the API,
so the way there and the decision are in it; times are of one machine's monotonic clock.
"""

import asyncio
import random
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any, Final

from abreast.bench.abreast_target import ACTOR, CANDIDATE, Abreast, shifted
from abreast.bench.process import OriginProcess
from abreast.bench.target import TargetError, Upstream
from abreast.load import LoadProcess, Plan
from abreast.up_process import Json

WEIGHT: Final = 5000
"""Half of the users: the more requests the candidate gets, the finer the last one is known."""

_QUIET_S: Final = 0.25
"""So long after an abort nothing must come any more; what comes later than that is a fault, and is told."""

_UNDER_WAY_S: Final = (0.1, 0.4)
_CYCLE_AT_MOST_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    times: int = 50
    rate_per_s: float = 500.0
    connections: int = 32
    users: int = 2000
    workers: int = 2


@dataclass(frozen=True, slots=True)
class Abort:
    """One abort, in milliseconds after the order was sent: decided, last request received, obeyed by all."""

    decided_ms: float
    last_request_ms: float
    obeyed_ms: float


@dataclass(frozen=True, slots=True)
class Spread:
    """The percentiles of one of an abort's times, in milliseconds."""

    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value; the p99 of fewer than a hundred is the greatest."""
        ordered = sorted(values)
        p50, p99 = (ordered[ceil(len(ordered) * share) - 1] for share in (0.5, 0.99))
        return cls(p50, p99, ordered[-1])


@dataclass(frozen=True, slots=True)
class RollBacks:
    """The whole bench. ``failed`` is how many of the users' ``sent`` requests failed."""

    sizes: Sizes
    aborts: tuple[Abort, ...]
    sent: int
    failed: int
    starved: bool

    @property
    def spreads(self) -> dict[str, Spread]:
        """For each of an abort's times, its percentiles."""
        names = ("decided_ms", "last_request_ms", "obeyed_ms")
        return {name: Spread.of([getattr(each, name) for each in self.aborts]) for name in names}

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Return plain data for JSON."""
        return {**asdict(self), "spreads": {name: asdict(spread) for name, spread in self.spreads.items()}}


async def measure(sizes: Sizes, tell: Callable[[str], None] = lambda _: None) -> RollBacks:
    """Start everything, abort ``sizes.times`` times under load, and end it. Raises TargetError, LoadError."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    async with OriginProcess("v1") as stable, OriginProcess(CANDIDATE) as candidate:
        target = Abreast([Upstream(stable.port), Upstream(candidate.port)], sizes.workers)
        tell("starting abreast over two origins")
        await target.start()
        try:
            return await aborted(sizes, target, candidate, tell)
        finally:
            await target.stop()


async def aborted(
    sizes: Sizes, target: Abreast, candidate: OriginProcess, tell: Callable[[str], None] = lambda _: None
) -> RollBacks:
    """Abort ``sizes.times`` times under load, from a rollout at half of the users. Raises TargetError, LoadError."""
    plan = Plan(
        url=target.url,
        rate_per_s=sizes.rate_per_s,
        duration_s=sizes.times * _CYCLE_AT_MOST_S,
        connections=sizes.connections,
        users=sizes.users,
        watch_header="x-version",
        arrivals="poisson",
    )
    dice = random.Random(sizes.times)
    aborts: list[Abort] = []
    async with LoadProcess(plan) as load:
        for number in range(sizes.times):
            if number:
                await target.up.order("retry", ACTOR)
                await shifted(target.up, WEIGHT)
            await _under_way(candidate, dice.uniform(*_UNDER_WAY_S))
            aborts.append(await _abort(target, candidate))
            tell(f"abort {number + 1} of {sizes.times}: {aborts[-1].last_request_ms:.1f} ms")
        load.stop()
        report = await load.report()
    return RollBacks(sizes, tuple(aborts), report.sent, report.failed, report.starved)


async def _under_way(candidate: OriginProcess, pause_s: float) -> None:
    """Wait until the candidate has requests again, and then for an uneven while. Raises TargetError."""
    before = (await candidate.seen())["requests"]
    deadline_s = time.monotonic() + _CYCLE_AT_MOST_S
    while (await candidate.seen())["requests"] == before:
        if time.monotonic() > deadline_s:
            raise TargetError(f"the candidate got no request within {_CYCLE_AT_MOST_S:g} s, at half of the users")
        await asyncio.sleep(0.01)
    await asyncio.sleep(pause_s)


async def _abort(target: Abreast, candidate: OriginProcess) -> Abort:
    """Order it, and ask the candidate afterwards when its last request came."""
    ordered_at_s, begun_s = time.time(), time.monotonic()
    done = await target.up.order("abort", ACTOR)
    answered_s = time.monotonic()
    if done["obeyed_s"] is None:
        raise TargetError("an abort was not obeyed within five seconds; see `abreast doctor`")
    await asyncio.sleep(max(0.0, begun_s + _QUIET_S - time.monotonic()))
    seen = await candidate.seen()
    await asyncio.sleep(_QUIET_S / 5)
    again = await candidate.seen()
    if again["requests"] != seen["requests"]:
        raise TargetError(f"{again['requests'] - seen['requests']} requests came {_QUIET_S:g} s after an abort")
    return Abort(
        decided_ms=max(0.0, _decided_s(await target.up.events(0)) - ordered_at_s) * 1e3,
        last_request_ms=max(0.0, seen["last_request_s"] - begun_s) * 1e3,
        obeyed_ms=(answered_s - begun_s) * 1e3,
    )


def _decided_s(events: Sequence[Json]) -> float:
    """When the newest roll-back was decided, in Unix seconds: the time of the turn that took the order."""
    own = [event["at"] for event in events if event["data"].get("after") == "rolling-back"]
    return float(own[-1])
