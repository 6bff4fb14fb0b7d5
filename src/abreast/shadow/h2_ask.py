"""Asking over HTTP/2 without TLS, gRPC included: one connection for each instance."""

import asyncio
from typing import Final, Self

from abreast.compare.model import Answer, Request
from abreast.model.service import Endpoint
from abreast.shadow.answers import KEEP_ALIVE_S, failed, failure_words, timed_out
from abreast.shadow.h2_connection import H2Connection, StaleError

_CONNECTIONS: Final = 64
"""Idle connections beyond this many are closed before their time."""


class H2Asker:
    """The connections, by instance. Use as an async context manager."""

    def __init__(self) -> None:
        self._connections: dict[Endpoint, H2Connection] = {}
        self._opening: dict[Endpoint, asyncio.Lock] = {}

    async def __aenter__(self) -> Self:
        """Connections are made as they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        await asyncio.sleep(0)  # the transports' own last words

    async def ask(self, endpoint: Endpoint, request: Request, timeout_s: float) -> Answer:
        """The answer, with its trailers. A safe request whose kept connection was closed is sent once more."""
        instance = str(endpoint)
        connection: H2Connection | None = None
        try:
            async with asyncio.timeout(timeout_s):
                connection, kept = await self._connection(endpoint)
                try:
                    return await connection.ask(request)
                except StaleError as error:
                    if not (kept and request.safe):
                        return failed(str(error), instance)
                connection, _ = await self._connection(endpoint)
                return await connection.ask(request)
        except StaleError as error:
            return failed(str(error), instance)
        except TimeoutError:
            if connection is not None:
                connection.retire()  # it may be dead: the next request shall not wait for it too
            return timed_out(timeout_s, instance)
        except OSError as error:
            return failed(failure_words(error), instance)

    async def _connection(self, endpoint: Endpoint) -> tuple[H2Connection, bool]:
        """A connection with room, and whether it is a kept one. Raises OSError."""
        async with self._opening.setdefault(endpoint, asyncio.Lock()):
            loop = asyncio.get_running_loop()
            kept = self._connections.get(endpoint)
            if kept is not None and kept.usable and (kept.busy or loop.time() - kept.used_s < KEEP_ALIVE_S):
                return kept, True
            if kept is not None:
                kept.retire()
                del self._connections[endpoint]
            self._thin_out()
            _, made = await loop.create_connection(lambda: H2Connection(str(endpoint)), endpoint.host, endpoint.port)
            self._connections[endpoint] = made
            return made, False

    def _thin_out(self) -> None:
        """Forget instances that are gone."""
        if len(self._connections) < _CONNECTIONS:
            return
        for endpoint, connection in list(self._connections.items()):
            if not connection.busy:
                connection.close()
                del self._connections[endpoint]
        self._opening = {endpoint: lock for endpoint, lock in self._opening.items() if lock.locked()}
