"""The closed-loop run: every connection always has one request on its way."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from abreast.load.plan import PlanError
from abreast.load.run import make_pool
from abreast.load.tally import Exchange, Tally

if TYPE_CHECKING:
    from abreast.load.plan import Plan
    from abreast.load.tally import Failure

_PAUSE_S = 0.05
"""After a failure a connection rests this long, so that a dead server does not fill the loop."""


@dataclass(frozen=True, slots=True)
class Saturation:
    """How much came through. Latencies of a closed loop are the server's own pace, so none is told."""

    ok: int
    failed: int
    failures: dict[str, int]
    elapsed_s: float
    cpu_s: float

    @property
    def throughput_per_s(self) -> float:
        """Good answers per second."""
        return self.ok / self.elapsed_s

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Return plain data for JSON."""
        return {**asdict(self), "throughput_per_s": self.throughput_per_s}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:  # Any: JSON
        """Read what :meth:`as_dict` wrote."""
        return cls(**{each.name: data[each.name] for each in fields(cls)})


class SaturationRun:
    """As many requests as the plan's connections carry for ``duration_s``; its rate is not used."""

    def __init__(self, plan: Plan) -> None:
        """Prepare; raises PlanError unless the plan has a duration and kept connections."""
        if plan.duration_s is None or not plan.keep_alive:
            raise PlanError(["saturation: give a duration_s and keep the connections alive"])
        self.plan = plan
        self.tally = Tally()
        self._duration_s = plan.duration_s
        self._over = False
        self._idle: asyncio.Future[None] | None = None

    async def run(self) -> Saturation:
        """Keep every connection busy until time is up; waits for the answers under way."""
        loop = asyncio.get_running_loop()
        self._pool = make_pool(self.plan, self)
        self._idle = loop.create_future()
        try:
            await self._pool.open()
            cpu_s, begun_s = time.process_time(), time.monotonic()
            lanes = self.plan.connections * (self.plan.streams if self.plan.protocol == "h2c" else 1)
            for _ in range(lanes):
                self._send()
            await asyncio.sleep(self._duration_s)
            ok, elapsed_s = self.tally.ok, time.monotonic() - begun_s
            cpu_s = time.process_time() - cpu_s
            self._over = True
            if self.tally.in_flight:
                await asyncio.wait([self._idle], timeout=self.plan.timeout_s)
        finally:
            self._over = True
            await self._pool.close()
        return Saturation(ok, self.tally.failed, dict(self.tally.failures), elapsed_s, cpu_s)

    def answered(self, exchange: Exchange, status: int, version: str) -> None:
        """Count it, and send the next."""
        exchange.settled = True
        self.tally.answered(exchange, status, version)
        self._next()

    def lost(self, exchange: Exchange, failure: Failure) -> None:
        """Count it, rest, and send the next."""
        exchange.settled = True
        self.tally.lost(exchange, failure)
        if self._over:
            self._next()
        else:
            asyncio.get_running_loop().call_later(_PAUSE_S, self._next)

    def resent(self, _exchange: Exchange) -> None:
        """Count a request that goes out again because the server said it had not taken it."""
        self.tally.resent += 1

    def _next(self) -> None:
        if not self._over:
            # Not at once: the connection that has just answered must first be free.
            asyncio.get_running_loop().call_soon(self._send)
        elif not self.tally.in_flight and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _send(self) -> None:
        if self._over:
            return
        self.tally.sent += 1
        number = self.tally.sent
        exchange = Exchange(number, number % len(self.plan.requests), number % self.plan.users, time.monotonic())
        self._pool.submit(exchange)
