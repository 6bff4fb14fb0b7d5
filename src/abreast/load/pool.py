"""Connections shared by requests: the least recently used free one takes the next request.

A request that finds none free waits, its clock running. Slots without a connection are filled on
demand, so a server that closed its connections gets new ones, and one that is down refuses each
request anew. Nothing that may have reached a server is ever sent twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from abreast.load.tally import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from abreast.load.plan import Plan
    from abreast.load.tally import Exchange

_OPENING_AT_ONCE = 64
"""A listening socket's queue is short; more than this at once would be refused or retransmitted."""


class Connection(Protocol):
    """What a pool needs of a connection; also an :class:`asyncio.Protocol`."""

    gone: bool
    """Closed, or told not to take more requests."""
    listed: bool
    """Standing in the pool's line of those with room."""

    @property
    def has_room(self) -> bool:
        """Whether another request may be sent on it now."""
        ...

    def send(self, exchange: Exchange) -> bool:
        """Write the request; false when the server had closed it and no byte was taken."""
        ...

    def close(self) -> None:
        """Close it; requests still on it are lost."""
        ...


class Sink(Protocol):
    """Where requests end."""

    def answered(self, exchange: Exchange, status: int, version: str) -> None:
        """Take a whole answer."""
        ...

    def lost(self, exchange: Exchange, failure: Failure) -> None:
        """Take a request without one."""
        ...

    def resent(self, exchange: Exchange) -> None:
        """Know of a request that the server said it had not taken, and that goes out again."""
        ...


class Pool:
    """At most ``plan.connections`` connections to one address."""

    def __init__(self, plan: Plan, sink: Sink, connect: Callable[[Pool], asyncio.Protocol]) -> None:
        """Open nothing yet; ``connect`` makes the protocol of one connection."""
        self._plan = plan
        self._connect = connect
        self.sink = sink
        self._free: deque[Connection] = deque()
        self._waiting: deque[Exchange] = deque()
        self._vacant = plan.connections
        self._alive: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def open_count(self) -> int:
        """How many connections are open."""
        return len(self._alive)

    async def open(self) -> None:
        """Fill the slots gradually (``plan.opens_per_s``); waits for the last connection.

        A refused connection leaves its slot empty, to be tried again by the request that needs it.
        """
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        gate = asyncio.Semaphore(_OPENING_AT_ONCE)

        async def fill() -> None:
            async with gate:
                await self._open_for(None)

        async with asyncio.TaskGroup() as group:
            for number in range(self._plan.connections):
                ahead_s = begun_s + number / self._plan.opens_per_s - loop.time()
                if ahead_s > 0.001:  # noqa: PLR2004 - the loop's own resolution
                    await asyncio.sleep(ahead_s)
                self._vacant -= 1
                group.create_task(fill())

    def submit(self, exchange: Exchange) -> None:
        """Send the request on a free connection, or a new one, or as soon as one is free."""
        while self._free:
            connection = self._free.popleft()
            connection.listed = False
            if connection.gone:
                continue
            if connection.send(exchange):
                if connection.has_room:
                    self._list(connection)
                return
        if self._vacant:
            self._vacant -= 1
            task = asyncio.get_running_loop().create_task(self._open_for(exchange))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._waiting.append(exchange)

    def freed(self, connection: Connection) -> None:
        """Take back a connection that has room again."""
        while self._waiting and connection.has_room and not connection.gone:
            exchange = self._waiting.popleft()
            if exchange.settled:
                continue
            if not connection.send(exchange):
                self.submit(exchange)
                return
        if connection.has_room and not connection.gone and not connection.listed:
            self._list(connection)

    def retired(self, connection: Connection) -> None:
        """Forget a connection that is gone, and fill its slot if somebody waits."""
        if connection not in self._alive:
            return
        self._alive.discard(connection)
        self._vacant += 1
        while self._waiting and not self._closed:
            exchange = self._waiting.popleft()
            if not exchange.settled:
                self.submit(exchange)
                return

    async def close(self) -> None:
        """Close every connection; waits for those that were being opened."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self._alive):
            connection.close()
        await asyncio.sleep(0)

    def _list(self, connection: Connection) -> None:
        connection.listed = True
        self._free.append(connection)

    async def _open_for(self, exchange: Exchange | None) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, made = await asyncio.wait_for(
                loop.create_connection(lambda: self._connect(self), self._plan.host, self._plan.port),
                self._plan.timeout_s,
            )
        except (OSError, TimeoutError) as error:
            self._vacant += 1
            if exchange is not None and not exchange.settled:
                reset = isinstance(error, ConnectionResetError)
                self.sink.lost(exchange, Failure.RESET if reset else Failure.REFUSED)
            self._serve_one()
            return
        connection: Connection = made  # type: ignore[assignment]  # `connect` makes only Connections
        self._alive.add(connection)
        if connection.gone:
            self.retired(connection)
            if exchange is not None and not exchange.settled:
                self.sink.lost(exchange, Failure.CLOSED)
            return
        if exchange is not None and not exchange.settled:
            connection.send(exchange)
        self.freed(connection)

    def _serve_one(self) -> None:
        while self._waiting and self._vacant and not self._closed:
            exchange = self._waiting.popleft()
            if not exchange.settled:
                self.submit(exchange)
                return
