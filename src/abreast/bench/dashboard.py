"""What open dashboards cost: the control plane's processor time, how old the figures are, how soon an abort is obeyed.

A dashboard reads ``/api/v1/stream``. How old its figures are is told by comparing each status's ``users_requests``
with what the two origins had received by then, looked up many times a second: the same requests, counted where they
end. Cases are visited in turn within a round, so that the machine is the same for all.
"""

import asyncio
import bisect
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Final, Self

import httpx
import orjson

from abreast.bench.abreast_target import ACTOR, CANDIDATE, Abreast, shifted
from abreast.bench.cpu import CpuMeter
from abreast.bench.process import OriginProcess
from abreast.bench.rollback import WEIGHT, Abort, RollBacks, Spread, aborted
from abreast.bench.rollback import Sizes as AbortSizes
from abreast.bench.target import TargetError, Upstream
from abreast.load import LoadProcess, Plan

CASES: Final = (0, 1, 50)
"""Dashboards that are open."""

LAG_BAR_S: Final = 2.0
CORE_BAR: Final = 0.05
"""Of a core, for the first dashboard."""

_LOOK_S: Final = 0.05
_FIRST_S: Final = 10.0
_REST_S: Final = 1.5
"""After the last request, until every count of it is in the status."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: visits of ``visit_s`` at ``rate_per_s``, then ``aborts`` in each case, ``rounds`` times."""

    rounds: int = 3
    visit_s: float = 8.0
    rate_per_s: float = 3000.0
    connections: int = 64
    workers: int = 2
    aborts: int = 10
    cases: tuple[int, ...] = CASES

    @classmethod
    def quick(cls) -> Self:
        """One short round."""
        return cls(rounds=1, visit_s=4.0, aborts=3)


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: the control plane's share of a core, ``lags_s`` of each status, and the aborts after it."""

    readers: int
    core: float
    lags_s: tuple[float, ...]
    statuses: int
    aborts: tuple[Abort, ...]
    failed: int
    starved: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """One case over all rounds: ``core`` and ``more`` (than with none open, in the same round) are medians."""

    readers: int
    core: float
    more: float
    lag: Spread | None
    last_request: Spread
    failed: int


@dataclass(frozen=True, slots=True)
class Dashboards:
    """The whole bench."""

    sizes: Sizes
    rounds: tuple[tuple[Visit, ...], ...]

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """A row for each case."""
        return tuple(self._summary(place) for place in range(len(self.sizes.cases)))

    @property
    def met(self) -> bool:
        """Whether figures are young enough, and the first dashboard cheap enough."""
        young = all(each.lag is None or each.lag.max_ms <= LAG_BAR_S * 1e3 for each in self.summaries)
        return young and all(each.more <= CORE_BAR for each in self.summaries if each.readers == 1)

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Return plain data for JSON."""
        return {**asdict(self), "summaries": [asdict(each) for each in self.summaries], "met": self.met}

    def _summary(self, place: int) -> Summary:
        visits = [visits[place] for visits in self.rounds]
        lags_ms = [lag_s * 1e3 for each in visits for lag_s in each.lags_s]
        return Summary(
            readers=self.sizes.cases[place],
            core=median(each.core for each in visits),
            more=median(each.core - first.core for each, (first, *_) in zip(visits, self.rounds, strict=True)),
            lag=Spread.of(lags_ms) if lags_ms else None,
            last_request=Spread.of([abort.last_request_ms for each in visits for abort in each.aborts]),
            failed=sum(each.failed for each in visits),
        )


async def measure(sizes: Sizes, tell: Callable[[str], None] = lambda _: None) -> Dashboards:
    """Start everything, visit each case in each round, and end it. Raises TargetError, LoadError."""
    async with OriginProcess("v1") as stable, OriginProcess(CANDIDATE) as candidate:
        target = Abreast([Upstream(stable.port), Upstream(candidate.port)], sizes.workers)
        tell("starting abreast over two origins")
        await target.start()
        try:
            rounds = []
            for number in range(sizes.rounds):
                visits = []
                for readers in sizes.cases:
                    tell(f"round {number + 1} of {sizes.rounds}: {readers} open")
                    visits.append(await _visit(sizes, target, (stable, candidate), readers))
                rounds.append(tuple(visits))
            return Dashboards(sizes, tuple(rounds))
        finally:
            await target.stop()


async def _visit(sizes: Sizes, target: Abreast, origins: Sequence[OriginProcess], readers: int) -> Visit:
    async with _open(target, readers) as pages:
        truth = await Truth.begun(target, origins)
        core, starved, failed = await _under_load(sizes, target, truth)
        lags_s = [lag_s for page in pages[:1] for lag_s in truth.lags_s(page.seen)]
        found = await _aborts(sizes, target, origins[1])
        if any(page.ended for page in pages):
            raise TargetError("a stream of the API ended while it was read")
        statuses = sum(len(page.seen) for page in pages)
    return Visit(readers, core, tuple(lags_s), statuses, found.aborts, failed + found.failed, starved or found.starved)


async def _under_load(sizes: Sizes, target: Abreast, truth: "Truth") -> tuple[float, bool, int]:
    """Send requests; the control plane's share of a core meanwhile, whether the generator was late, and failures."""
    plan = Plan(
        url=target.url,
        rate_per_s=sizes.rate_per_s,
        duration_s=sizes.visit_s,
        connections=sizes.connections,
        users=2000,
    )
    meter = CpuMeter()
    async with LoadProcess(plan) as load:
        looking = asyncio.create_task(truth.look())
        meter.look("control", target.beside)
        begun_s = time.monotonic()
        report = await load.report()
        meter.look("control", target.beside)
        took_s = time.monotonic() - begun_s
        await asyncio.sleep(_REST_S)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    return meter.used_s("control") / took_s, report.starved, report.failed


async def _aborts(sizes: Sizes, target: Abreast, candidate: OriginProcess) -> RollBacks:
    """Abort so many times, and bring the candidate back to its users."""
    found = await aborted(AbortSizes(times=sizes.aborts, workers=sizes.workers), target, candidate)
    await target.up.order("retry", ACTOR)
    await shifted(target.up, WEIGHT)
    return found


@dataclass
class Page:
    """One that reads the stream; ``seen`` are pairs of when (monotonic seconds) and a status's ``users_requests``."""

    seen: list[tuple[float, int]] = field(default_factory=list)
    first: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False

    async def read(self, http: httpx.AsyncClient) -> None:
        """Until cancelled; ``ended`` if the stream ends before."""
        kind = ""
        async with http.stream("GET", "/stream", timeout=None) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: ") and kind == "status":
                    status = orjson.loads(line.removeprefix("data: "))
                    self.seen.append((time.monotonic(), status["users_requests"]))
                    self.first.set()
        self.ended = True


@asynccontextmanager
async def _open(target: Abreast, count: int) -> AsyncIterator[Sequence[Page]]:
    """So many dashboards, each of which has got its first status. Raises TargetError."""
    async with AsyncExitStack() as stack:
        pages = [Page() for _ in range(count)]
        for page in pages:
            transport = httpx.AsyncHTTPTransport(uds=str(target.up.state.api))
            http = await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://abreast/api/v1")
            )
            reading = asyncio.create_task(page.read(http))
            stack.push_async_callback(_ended, reading)
        try:
            async with asyncio.timeout(_FIRST_S):
                for page in pages:
                    await page.first.wait()
        except TimeoutError:
            raise TargetError(f"not all of {count} streams told a status within {_FIRST_S:g} s") from None
        yield pages


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Truth:
    """How many requests had been received when, by asking the origins; ``told`` is what the status had before."""

    def __init__(self, origins: Sequence[OriginProcess], told: int, received: int) -> None:
        self._origins = origins
        self._told, self._received = told, received
        self._at_s: list[float] = []
        self._counts: list[int] = []

    @classmethod
    async def begun(cls, target: Abreast, origins: Sequence[OriginProcess]) -> Self:
        """Before any request is sent."""
        await asyncio.sleep(_REST_S)
        status = await target.up.status()
        return cls(origins, status["users_requests"], await _received(origins))

    async def look(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            count = await _received(self._origins)
            self.note(time.monotonic(), count)
            await asyncio.sleep(_LOOK_S)

    def note(self, at_s: float, count: int) -> None:
        """So many had been received then (monotonic seconds)."""
        self._at_s.append(at_s)
        self._counts.append(count - self._received)

    def lags_s(self, seen: Sequence[tuple[float, int]]) -> list[float]:
        """For each status that came while requests did: how long ago what it tells was the case."""
        found = []
        for at_s, told in seen:
            here = bisect.bisect_left(self._counts, told - self._told)
            running = self._at_s and self._at_s[0] < at_s <= self._at_s[-1]
            if running and 0 < told - self._told < self._counts[-1] and here < len(self._at_s):
                found.append(max(0.0, at_s - self._at_s[here]))
        return found


async def _received(origins: Sequence[OriginProcess]) -> int:
    counts = await asyncio.gather(*(origin.seen() for origin in origins))
    return sum(int(each["requests"]) for each in counts)
