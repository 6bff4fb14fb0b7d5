"""A web server on loopback whose answers a test writes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Every request goes to the handler; yields the server's URL."""
    connections: set[asyncio.Transport] = set()

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            connections.add(request.transport)
        return await handler(request)

    application = web.Application(client_max_size=16 * 2**20)
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = site._server
    assert server is not None
    port = server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # aiohttp says only AbstractServer
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
        for connection in connections:
            connection.abort()  # what was not sent waits for nobody
        await asyncio.sleep(0.01)
