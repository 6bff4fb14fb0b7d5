"""What a server's link answers to probes, such as kubelet's: plain GETs over its TLS, which need no certificate."""

from collections.abc import Callable
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response


def answer_probe(current: Callable[[], bool], connection: ServerConnection, request: Request) -> Response | None:
    """``/livez``: 200, it answers. ``/readyz``: 200 while it sees the store (``current``), else 503. None: no probe."""
    if request.path == "/livez":
        return connection.respond(HTTPStatus.OK, "it answers\n")
    if request.path == "/readyz":
        if current():
            return connection.respond(HTTPStatus.OK, "it sees the store\n")
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "it does not see the store\n")
    return None
