"""What a gateway costs beside others: the same measurements on each, in turn, several rounds.

Interleaved, because a machine is not the same from one minute to the next: each round visits every
target, in an order that moves by one, and ratios are taken within a round before the median is.
"""

from __future__ import annotations

import asyncio
import os
import resource
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from abreast.bench.abreast_target import Abreast
from abreast.bench.cpu import tree_cpu_s, tree_memory_bytes
from abreast.bench.process import OriginProcess
from abreast.bench.proxies import installed_competitors
from abreast.bench.target import Direct, Target, Upstream
from abreast.load import LoadProcess, Plan, Request, saturate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from abreast.load import Report

REFERENCE = "raw envoy"
"""The target that the others are compared with."""

_MICRO = 1e6
_MIB = 1 << 20
_REST_S = 0.3
"""Between two measurements, for connections to close."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    rounds: int = 3
    rate_per_s: float = 1000.0
    rate_s: float = 4.0
    connections: int = 64
    saturation_s: float = 2.5
    crowd: int = 10_000
    """Kept connections of the last measurement; 0 leaves it out."""
    crowd_rate_per_s: float = 3000.0
    crowd_s: float = 5.0
    crowd_rounds: int = 1
    """In how many of the rounds, the first ones, there is a crowd: opening it takes as long as measuring it."""
    users: int = 10_000
    workers: int = os.cpu_count() or 1
    """How many cores each proxy may use."""

    @classmethod
    def quick(cls) -> Sizes:
        """Some five seconds for each target, and no crowd: a look, not evidence."""
        return cls(rounds=1, rate_per_s=500.0, rate_s=2.5, saturation_s=1.0, crowd=0, crowd_s=0.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """One visit to one target. Latencies are from the intended time. CPU is the target's own, 0 of none."""

    target: str
    round: int
    cpu_us: float
    """Per request, at the fixed rate."""
    beside_cpu_us: float
    """The same for its processes that no request passes through: abreast's control plane."""
    p50_ms: float
    p99_ms: float
    throughput_per_s: float
    saturated_cpu_us: float
    """Per request, at saturation."""
    crowd_p50_ms: float
    crowd_p99_ms: float
    memory_mib: float
    """Resident, under the crowd."""
    failed: int
    starved: bool
    """The load generator itself was late: this visit's latencies are not the target's."""


NUMBERS = (
    "cpu_us",
    "beside_cpu_us",
    "p50_ms",
    "p99_ms",
    "throughput_per_s",
    "saturated_cpu_us",
    "crowd_p50_ms",
    "crowd_p99_ms",
    "memory_mib",
)


@dataclass(frozen=True, slots=True)
class Summary:
    """One target over all rounds: medians, and the medians of its per-round ratios to the reference.

    What a round did not measure (0) counts in neither.
    """

    target: str
    medians: dict[str, float]
    ratios: dict[str, float]
    failed: int
    starved_rounds: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole bench."""

    sizes: Sizes
    measured: tuple[Measured, ...]
    summaries: tuple[Summary, ...]

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Return plain data for JSON."""
        return asdict(self)


async def compare(targets: Sequence[Target], sizes: Sizes, tell: Callable[[str], None] = lambda _: None) -> Comparison:
    """Measure every target in every round; ``tell`` gets a line before each measurement.

    Raises TargetError when a target does not start; whatever was started is stopped.
    """
    found: list[Measured] = []
    for number in range(sizes.rounds):
        turn = number % len(targets)
        for target in [*targets[turn:], *targets[:turn]]:
            where = f"round {number + 1} of {sizes.rounds}: {target.name}"
            try:
                await target.start()
                found.append(await _visit(target, number, sizes, partial(_told, tell, where)))
            finally:
                await target.stop()
    names = [target.name for target in targets]
    return Comparison(sizes, tuple(found), tuple(summary(name, found) for name in names))


@asynccontextmanager
async def competitors(sizes: Sizes) -> AsyncIterator[tuple[list[Target], list[Upstream]]]:
    """Two origins (9 to 1), and everything installed here that can stand before them, direct first.

    Raises this process's limit of open files, which its children inherit, as far as it goes.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    async with AsyncExitStack() as stack:
        stable = await stack.enter_async_context(OriginProcess("v1"))
        candidate = await stack.enter_async_context(OriginProcess("v2"))
        upstreams = [Upstream(stable.port, 9), Upstream(candidate.port, 1)]
        targets: list[Target] = [Direct(upstreams)]
        targets += [kind(upstreams, sizes.workers) for kind in installed_competitors()]
        targets.insert(2, Abreast(upstreams, sizes.workers))
        yield targets, upstreams


def summary(name: str, found: Sequence[Measured]) -> Summary:
    """Medians of one target's numbers, and of their ratios to the reference in the same round."""
    own = [each for each in found if each.target == name]
    reference = {each.round: each for each in found if each.target == REFERENCE}
    ratios: dict[str, float] = {}
    for number in NUMBERS:
        pairs = [(getattr(each, number), getattr(reference[each.round], number)) for each in own if reference]
        known = [value / base for value, base in pairs if value and base]
        if known:
            ratios[number] = median(known)
    return Summary(
        target=name,
        medians={number: _median([getattr(each, number) for each in own]) for number in NUMBERS},
        ratios=ratios,
        failed=sum(each.failed for each in own),
        starved_rounds=sum(each.starved for each in own),
    )


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if value]
    return median(known) if known else 0.0


def _told(tell: Callable[[str], None], where: str, what: str) -> None:
    tell(f"{where}: {what}")


async def _visit(target: Target, number: int, sizes: Sizes, tell: Callable[[str], None]) -> Measured:
    tell(f"{sizes.rate_per_s:,.0f} requests/s for {sizes.rate_s:g} s")
    await _open_loop(target, _plan(target, sizes, sizes.rate_per_s, 0.5, sizes.connections))  # warm
    steady, cost = await _open_loop(target, _plan(target, sizes, sizes.rate_per_s, sizes.rate_s, sizes.connections))
    tell(f"as many as come through {sizes.connections} connections for {sizes.saturation_s:g} s")
    before_s = tree_cpu_s(target.pids)
    saturated = await saturate(_plan(target, sizes, 1.0, sizes.saturation_s, sizes.connections))
    saturated_cpu_s = tree_cpu_s(target.pids) - before_s
    reports, memory, crowd = [steady], 0, None
    if sizes.crowd and number < sizes.crowd_rounds:
        await asyncio.sleep(_REST_S)
        tell(f"{sizes.crowd:,} connections at {sizes.crowd_rate_per_s:,.0f} requests/s for {sizes.crowd_s:g} s")
        crowd, crowd_cost = await _open_loop(
            target, _plan(target, sizes, sizes.crowd_rate_per_s, sizes.crowd_s, sizes.crowd)
        )
        memory = crowd_cost.memory
        reports.append(crowd)
    return Measured(
        target=target.name,
        round=number,
        cpu_us=cost.cpu_us,
        beside_cpu_us=cost.beside_cpu_us,
        p50_ms=steady.latency.percentile_s(50) * 1e3,
        p99_ms=steady.latency.percentile_s(99) * 1e3,
        throughput_per_s=saturated.throughput_per_s,
        saturated_cpu_us=saturated_cpu_s / max(1, saturated.ok) * _MICRO,
        crowd_p50_ms=crowd.latency.percentile_s(50) * 1e3 if crowd else 0.0,
        crowd_p99_ms=crowd.latency.percentile_s(99) * 1e3 if crowd else 0.0,
        memory_mib=memory / _MIB,
        failed=saturated.failed + sum(report.failed for report in reports),
        starved=any(report.starved for report in reports),
    )


@dataclass(frozen=True, slots=True)
class _Cost:
    """CPU per request in microseconds, of the target and beside it; the target's greatest memory in bytes."""

    cpu_us: float
    beside_cpu_us: float
    memory: int


async def _open_loop(target: Target, plan: Plan) -> tuple[Report, _Cost]:
    """One run: its report, and what it cost.

    The target's CPU is read when load begins to flow and when it has ended, so that opening ten
    thousand connections is not charged to the requests.
    """
    begun: list[tuple[float, float, int]] = []
    memory = 0

    def note(progress: dict[str, Any]) -> None:  # Any: JSON
        nonlocal memory
        memory = max(memory, tree_memory_bytes(target.pids))
        if progress["sent"]:
            begun.append((tree_cpu_s(target.pids), tree_cpu_s(target.beside), progress["done"]))

    async with LoadProcess(plan, note) as load:
        report = await load.report()
    ended_s, beside_ended_s = tree_cpu_s(target.pids), tree_cpu_s(target.beside)
    memory = max(memory, tree_memory_bytes(target.pids))
    if not begun:
        return report, _Cost(0.0, 0.0, memory)
    first_s, beside_first_s, already = begun[0]
    per_request = _MICRO / max(1, report.sent - already)
    return report, _Cost((ended_s - first_s) * per_request, (beside_ended_s - beside_first_s) * per_request, memory)


def _plan(target: Target, sizes: Sizes, rate_per_s: float, duration_s: float, connections: int) -> Plan:
    return Plan(
        url=target.url,
        rate_per_s=rate_per_s,
        duration_s=duration_s,
        connections=connections,
        users=sizes.users,
        requests=(Request("/item"),),
        watch_header="x-version",
        arrivals="poisson",
    )
