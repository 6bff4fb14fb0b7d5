"""What users notice when their requests are copied: nothing, hung candidates and dead relays included.

Interleaved as the other benches: each round visits every case, from another one on, and p99 is divided by that of the
same round without copying before the median is taken. Reads and writes with large bodies are measured apart.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from abreast.bench.process import OriginProcess
from abreast.bench.shadow_case import ANSWER_BYTES, Case, Copies, Measured, Sizes
from abreast.bench.shadow_target import ShadowingAbreast
from abreast.bench.shadow_visit import Visit
from abreast.bench.target import Upstream

P99_BAR: Final = 1.25
"""How many times p99 without copying p99 at 20 % may be, whatever hangs."""

NUMBERS: Final = ("p50_ms", "p99_ms", "envoy_cpu_us", "relay_cpu_us", "control_cpu_us")


@dataclass(frozen=True, slots=True)
class Summary:
    """One case over all rounds: medians, the median of p99 against no copying in the same round, sums of counts."""

    case: Case
    method: str
    medians: Mapping[str, float]
    p99_ratio: float
    sent: int
    failed: int
    copies: Copies
    starved_rounds: int

    @property
    def met(self) -> bool:
        """Whether nobody failed, and p99 is within its bar; at 100 % there is no bar for p99."""
        return not self.failed and (self.case is Case.ALL or self.p99_ratio <= P99_BAR)


@dataclass(frozen=True, slots=True)
class Shadowing:
    """The whole bench."""

    sizes: Sizes
    measured: tuple[Measured, ...]
    summaries: tuple[Summary, ...]

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Return plain data for JSON."""
        return {**asdict(self), "met": all(each.met for each in self.summaries)}


async def measure(sizes: Sizes, tell: Callable[[str], None] = lambda _: None) -> Shadowing:
    """Start everything, visit every case in every round, and end it. Raises TargetError, LoadError, AbreastError."""
    found: list[Measured] = []
    tell("starting abreast over two origins")
    async with shadowing(sizes.workers, sizes.service_s) as (target, candidate):
        for number in range(sizes.rounds):
            turn = number % len(sizes.cases)
            for case in [*sizes.cases[turn:], *sizes.cases[:turn]]:
                for request, rate_per_s in sizes.kinds():
                    tell(f"round {number + 1} of {sizes.rounds}: {case}, {request.method}s at {rate_per_s:g}/s")
                    visit = Visit(target, candidate, case, sizes)
                    found.append(await visit.made(number, request, rate_per_s))
    kinds = [(case, request.method) for request, _ in sizes.kinds() for case in sizes.cases]
    return Shadowing(sizes, tuple(found), tuple(summary(case, method, found) for case, method in kinds))


@asynccontextmanager
async def shadowing(workers: int, service_s: float = 0.0) -> AsyncIterator[tuple[ShadowingAbreast, OriginProcess]]:
    """A running abreast that copies, and its candidate; all of it ends with the context. Raises TargetError.

    Both versions answer after ``service_s``.
    """
    async with (
        OriginProcess("v1", json_bytes=ANSWER_BYTES, delay_s=service_s) as stable,
        OriginProcess("v2", json_bytes=ANSWER_BYTES, delay_s=service_s) as candidate,
    ):
        target = ShadowingAbreast([Upstream(stable.port), Upstream(candidate.port)], workers)
        await target.start()
        try:
            yield target, candidate
        finally:
            await target.stop()


def summary(case: Case, method: str, found: Sequence[Measured]) -> Summary:
    """Medians of one case's numbers, and of its p99 against that without copying in the same round."""
    own = [each for each in found if (each.case, each.method) == (case, method)]
    off = {each.round: each.p99_ms for each in found if (each.case, each.method) == (Case.OFF, method)}
    ratios = [each.p99_ms / off[each.round] for each in own if off.get(each.round)]
    skipped: Counter[str] = Counter()
    for each in own:
        skipped.update(each.copies.skipped)
    seen, compared, lost = (sum(getattr(each.copies, name) for each in own) for name in ("seen", "compared", "lost"))
    return Summary(
        case=case,
        method=method,
        medians={number: median(getattr(each, number) for each in own) for number in NUMBERS},
        p99_ratio=median(ratios) if ratios else 0.0,
        sent=sum(each.sent for each in own),
        failed=sum(each.failed for each in own),
        copies=Copies(seen, compared, dict(skipped), lost),
        starved_rounds=sum(each.starved for each in own),
    )
