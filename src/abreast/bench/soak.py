"""Whether copying keeps its memory: everything is copied to a candidate that hangs, for minutes.

A hung candidate holds every copy for as long as it may, so that whatever is not bounded grows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any, Final

from abreast.bench.cpu import tree_memory_bytes
from abreast.bench.shadow import shadowing
from abreast.bench.shadow_case import GET, POST, Case, Copies
from abreast.bench.shadow_target import ShadowingAbreast
from abreast.bench.shadow_visit import hung
from abreast.load import LoadProcess, Plan

_MIB: Final = 1 << 20
_MINUTE_S: Final = 60.0
_SETTLE_S: Final = 4.0
"""How long the last requests may take to be counted."""
_LOOKS: Final = 10
"""In a soak of less than 100 s there are so many looks."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How long, and how much: ``rate_per_s`` requests, one in six of them a POST of 65,000 bytes."""

    soak_s: float = 600.0
    rate_per_s: float = 300.0
    connections: int = 32
    users: int = 2000
    workers: int = 2

    @property
    def look_s(self) -> float:
        """How often memory is looked at."""
        return min(10.0, self.soak_s / _LOOKS)


@dataclass(frozen=True, slots=True)
class Memory:
    """One look: seconds after the first request, resident MiB (0 of what is not there), and the relay's process."""

    at_s: float
    envoy_mib: float
    relay_mib: float
    relay: int


@dataclass(frozen=True, slots=True)
class Soak:
    """The whole run. ``relay_starts`` are the relays that came after the first one."""

    sizes: Sizes
    looks: tuple[Memory, ...]
    sent: int
    failed: int
    p50_ms: float
    p99_ms: float
    copies: Copies
    starved: bool

    @property
    def relay_starts(self) -> int:
        """How often another relay was there than at the look before."""
        return sum(one.relay != other.relay for one, other in pairwise(self.looks))

    def growth(self, name: str) -> float:
        """The last minute's median memory over the first one's; of a shorter run the last third's; 0 of nothing.

        ``name`` is ``envoy_mib`` or ``relay_mib``.
        """
        if not self.looks:
            return 0.0
        part_s = min(_MINUTE_S, self.looks[-1].at_s / 3)
        first = median(getattr(each, name) for each in self.looks if each.at_s <= self.looks[0].at_s + part_s)
        last = median(getattr(each, name) for each in self.looks if each.at_s >= self.looks[-1].at_s - part_s)
        return last / first if first else 0.0

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Return plain data for JSON."""
        growth = {name: self.growth(name) for name in ("envoy_mib", "relay_mib")}
        return {**asdict(self), "growth": growth, "relay_starts": self.relay_starts}


async def measure(sizes: Sizes, tell: Callable[[str], None] = lambda _: None) -> Soak:
    """Start everything, let the candidate hang under load, and end it. Raises TargetError, LoadError, AbreastError."""
    looks: list[Memory] = []
    tell("starting abreast over two origins")
    async with shadowing(sizes.workers) as (target, candidate):
        await target.bring(Case.ALL.share)
        before = await target.ledger()

        def progress(line: Mapping[str, Any]) -> None:  # Any: JSON
            due_s = len(looks) * sizes.look_s
            if line["sent"] and line["elapsed_s"] >= due_s:
                looks.append(_look(line["elapsed_s"], target))
                tell(told(looks[-1]))

        with hung([candidate.pid]):
            async with LoadProcess(_plan(target, sizes), progress) as load:
                report = await load.report()
            copies = Copies.between(before, await target.settled(before["seen"] + report.sent, _SETTLE_S))
    return Soak(
        sizes=sizes,
        looks=tuple(looks),
        sent=report.sent,
        failed=report.failed,
        p50_ms=report.latency.percentile_s(50) * 1e3,
        p99_ms=report.latency.percentile_s(99) * 1e3,
        copies=copies,
        starved=report.starved,
    )


def told(look: Memory) -> str:
    """One look in a line."""
    return f"{look.at_s:5.0f} s: Envoy {look.envoy_mib:.1f} MiB, relay {look.relay_mib:.1f} MiB"


def _look(at_s: float, target: ShadowingAbreast) -> Memory:
    relays: Sequence[int] = target.relays
    envoy_mib, relay_mib = (tree_memory_bytes(pids) / _MIB for pids in (target.pids, relays))
    return Memory(at_s, envoy_mib, relay_mib, relays[0] if relays else 0)


def _plan(target: ShadowingAbreast, sizes: Sizes) -> Plan:
    return Plan(
        url=target.url,
        rate_per_s=sizes.rate_per_s,
        duration_s=sizes.soak_s,
        connections=sizes.connections,
        users=sizes.users,
        requests=(replace(GET, weight=5.0), POST),
        arrivals="poisson",
    )
