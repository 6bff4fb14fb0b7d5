"""The open-loop run: requests leave on schedule, whatever happened to the ones before."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import deque
from typing import TYPE_CHECKING, cast

from abreast.load.alarm import Alarm
from abreast.load.plan import PlanError
from abreast.load.pool import Pool
from abreast.load.report import Report
from abreast.load.schedule import schedule
from abreast.load.tally import Exchange, Failure, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from abreast.load.h2c import H2cConnection
    from abreast.load.http1 import Http1Connection
    from abreast.load.plan import Plan
    from abreast.load.pool import Sink
    from abreast.load.schedule import Shot
    from abreast.load.tally import Result

_SWEEP_S = 0.02
"""How often overdue requests are looked for: their time-out is exact to this."""

_BURST = 64
"""Overdue requests sent in one turn before answers are read again."""

_NEAREST_S = 0.0002
"""Requests due within this leave together: fewer wake-ups, and no latency that anybody would see."""

_SPARE_FILES = 64


class Load:
    """One run of a plan. ``tally`` may be read at any time; ``on_result`` sees every end."""

    def __init__(self, plan: Plan, on_result: Callable[[Result], None] | None = None) -> None:
        """Prepare; nothing is opened before :meth:`run`."""
        self.plan = plan
        self.tally = Tally()
        self.started_s = 0.0
        self._on_result = on_result
        self._shots = schedule(plan)
        self._next: Shot | None = next(self._shots, None)
        self._pending: deque[Exchange] = deque()
        self._stopped = False
        self._ended: asyncio.Future[None] | None = None

    async def run(self) -> Report:
        """Open the connections, send everything, wait for the last answer or time-out.

        Raises PlanError when this process may not open that many connections.
        """
        _allow_files(self.plan.connections)
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        self._pool = make_pool(self.plan, self)
        sweeper = loop.create_task(self._sweep())
        try:
            if self.plan.keep_alive:
                await self._pool.open()
            with Alarm(loop, self._fire) as self._alarm:
                cpu_s = time.process_time()
                self.started_s = time.monotonic()
                self._fire()
                await self._ended
                ended_s = time.monotonic()
                cpu_s = time.process_time() - cpu_s
        finally:
            sweeper.cancel()
            await self._pool.close()
        return Report.of(self.tally, self.started_s, ended_s, cpu_s)

    def stop(self) -> None:
        """Send no more; :meth:`run` returns when those under way have ended."""
        self._stopped = True
        self._finish_if_idle()

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return self._pool.open_count

    def answered(self, exchange: Exchange, status: int, version: str) -> None:
        """Take a whole answer from a connection."""
        exchange.settled = True
        self._note(self.tally.answered(exchange, status, version))

    def lost(self, exchange: Exchange, failure: Failure) -> None:
        """Take a request that got none."""
        exchange.settled = True
        self._note(self.tally.lost(exchange, failure))

    def resent(self, _exchange: Exchange) -> None:
        """Count a request that goes out again because the server said it had not taken it."""
        self.tally.resent += 1

    def _note(self, result: Result) -> None:
        if self._on_result is not None:
            self._on_result(result)
        self._finish_if_idle()

    def _finish_if_idle(self) -> None:
        over = self._stopped or self._next is None
        if over and not self.tally.in_flight and self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _fire(self) -> None:
        """Send what is due, and set the alarm for what comes next."""
        tally, begun_s = self.tally, self.started_s
        for _ in range(_BURST):
            shot = self._next
            if shot is None or self._stopped:
                return
            intended_s = begun_s + shot.at_s
            now_s = time.monotonic()
            if intended_s > now_s + _NEAREST_S:
                break
            self._next = next(self._shots, None)
            tally.sent += 1
            tally.lag.add(max(0.0, now_s - intended_s))
            # One that leaves a little early is measured from when it left.
            exchange = Exchange(shot.number, shot.kind, shot.user, min(intended_s, now_s))
            self._pending.append(exchange)
            self._pool.submit(exchange)
        if self._next is not None:
            self._alarm.set(begun_s + self._next.at_s)

    async def _sweep(self) -> None:
        """End requests whose time has run out: they stand in the order of their intended times."""
        pending, timeout_s = self._pending, self.plan.timeout_s
        while True:
            await asyncio.sleep(_SWEEP_S)
            overdue_s = time.monotonic() - timeout_s
            while pending and (pending[0].settled or pending[0].intended_s < overdue_s):
                exchange = pending.popleft()
                if not exchange.settled:
                    self.lost(exchange, Failure.TIMEOUT)
                    if exchange.holder is not None:
                        cast("Http1Connection | H2cConnection", exchange.holder).abandon(exchange)


def make_pool(plan: Plan, sink: Sink) -> Pool:
    """A pool of the plan's protocol; h2 is imported only where it is spoken."""
    watch = plan.watch_header.lower().encode()
    if plan.protocol == "h2c":
        from abreast.load.h2c import H2cConnection, Phrasing  # noqa: PLC0415 - 60 ms that HTTP/1.1 does not need

        phrasing = Phrasing(plan)
        return Pool(plan, sink, lambda pool: H2cConnection(pool, phrasing, watch, plan.streams))
    from abreast.load.http1 import Http1Connection, Wording  # noqa: PLC0415 - the other branch

    wording = Wording(plan)
    return Pool(plan, sink, lambda pool: Http1Connection(pool, wording, watch, keep_alive=plan.keep_alive))


def _allow_files(connections: int) -> None:
    """Raise this process's limit of open files to what the plan needs, if the system lets it."""
    needed = connections + _SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if needed <= soft or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        fault = f"connections: {connections} need {needed} open files, and this process may have {hard}"
        raise PlanError([f"{fault}: ask for fewer, or raise `ulimit -Hn`"])
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
