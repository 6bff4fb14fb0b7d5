"""One visit of the shadow bench: a case is brought about, users are served meanwhile, and the copies are counted."""

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from abreast.bench.cpu import CpuMeter
from abreast.bench.process import OriginProcess
from abreast.bench.shadow_case import Case, Copies, Measured, Sizes
from abreast.bench.shadow_target import ShadowingAbreast
from abreast.bench.target import TargetError
from abreast.load import LoadProcess, Plan, Report, Request
from abreast.up_process import Json

_WARM_S: Final = 0.7
_WARM_AT_MOST_S: Final = 30.0
_MICRO: Final = 1e6


class Visit:
    """One case, brought about and measured."""

    def __init__(self, target: ShadowingAbreast, candidate: OriginProcess, case: Case, sizes: Sizes) -> None:
        """Prepare; everything is running, and hangs nowhere."""
        self._target = target
        self._candidate = candidate
        self._case = case
        self._sizes = sizes

    async def made(self, number: int, request: Request, rate_per_s: float) -> Measured:
        """Measure it once. Raises TargetError, LoadError, AbreastError."""
        await self._target.bring(self._case.share)
        plan = partial(self._plan, request, rate_per_s)
        before = await self._warm(plan(_WARM_S))
        with hung(self._hanging()):
            report, meter, requests = await self._loaded(plan(self._sizes.visit_s))
        copies = Copies.between(before, await self._settled(before, report.sent))
        per_request = _MICRO / max(1, requests)
        return Measured(
            case=self._case,
            method=request.method,
            round=number,
            p50_ms=report.latency.percentile_s(50) * 1e3,
            p99_ms=report.latency.percentile_s(99) * 1e3,
            sent=report.sent,
            failed=report.failed,
            envoy_cpu_us=meter.used_s("envoy") * per_request,
            relay_cpu_us=meter.used_s("relay") * per_request,
            control_cpu_us=meter.used_s("control") * per_request,
            copies=copies,
            starved=report.starved,
        )

    async def _loaded(self, plan: Plan) -> tuple[Report, CpuMeter, int]:
        """The run, what it cost from its first second on, and how many requests that was for."""
        meter, first = CpuMeter(), 0
        doomed = self._target.relays if self._case is Case.RELAY_KILLED else []

        def look() -> None:
            meter.look("envoy", self._target.pids)
            meter.look("control", self._target.beside)
            # One that was started meanwhile has all its time from this run.
            meter.look("relay", self._target.relays, fresh=bool(first))

        def progress(line: Mapping[str, Any]) -> None:  # Any: JSON
            nonlocal first
            if line["sent"]:
                look()
                first = first or line["done"]
                kill(doomed)
                doomed.clear()

        async with LoadProcess(plan, progress) as load:
            report = await load.report()
        look()
        return report, meter, report.sent - first

    async def _warm(self, plan: Plan) -> Json:
        """Send requests until copies of them are compared, if any are made; the ledger then. Raises TargetError."""
        deadline_s = time.monotonic() + _WARM_AT_MOST_S
        ledger = await self._target.ledger()
        while time.monotonic() < deadline_s:
            async with LoadProcess(plan) as load:
                report = await load.report()
            before, ledger = ledger, await self._settled(ledger, report.sent)
            if not self._case.share or ledger["compared"] > before["compared"]:
                return ledger
        raise TargetError(f"{self._case}: no copy was compared within {_WARM_AT_MOST_S:g} s")

    async def _settled(self, before: Json, sent: int) -> Json:
        """The ledger once these requests are in it, and all of their copies are decided that will be."""
        if not self._case.share:
            return await self._target.ledger()
        return await self._target.settled(before["seen"] + sent, self._sizes.settle_s)

    def _hanging(self) -> Sequence[int]:
        """Who hangs in this case."""
        if self._case is Case.CANDIDATE_HUNG:
            return [self._candidate.pid]
        return self._target.relays if self._case is Case.RELAY_HUNG else []

    def _plan(self, request: Request, rate_per_s: float, duration_s: float) -> Plan:
        return Plan(
            url=self._target.url,
            rate_per_s=rate_per_s,
            duration_s=duration_s,
            connections=self._sizes.connections,
            users=self._sizes.users,
            requests=(request,),
            arrivals="poisson",
        )


@contextmanager
def hung(pids: Sequence[int]) -> Iterator[None]:
    """Within it these processes stand still, though their sockets take connections."""
    _send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(pids, signal.SIGCONT)


def kill(pids: Sequence[int]) -> None:
    """End these processes as a crash would."""
    _send(pids, signal.SIGKILL)


def _send(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
