"""What every request passes before the application, and every answer after it: a limit and headers."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from abreast.api.access import SOCKET
from abreast.api.problems import TooLargeError, answer

MOST_BYTES: Final = 64 * 1024
"""No request of this API needs more: a reason has at most 2,000 letters."""

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""Of every answer that does not bring its own: nothing may be loaded, framed, guessed at or kept."""

HSTS: Final = "max-age=31536000"
"""Under TLS a browser never comes back without it for a year (RFC 6797)."""


class Shield:
    """Reads each request's body within the limit, and adds the headers to each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("strict-transport-security", HSTS)
            await send(message)

        body = await _read(scope, receive)
        if body is None:
            error = TooLargeError(f"the request has more than {MOST_BYTES:,} bytes", "send less")
            await answer(error)(scope, receive, guarded)
            return
        await self._app(scope, _again(body, receive), guarded)


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body; None when it is too large, or its sender says that it will be."""
    said = dict(scope["headers"]).get(b"content-length", b"0")
    if said.isdigit() and int(said) > MOST_BYTES:
        return None
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, then what comes after it."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def by_socket(app: ASGIApp) -> ASGIApp:
    """The application for requests that come in by the unix socket, whose mode keeps everybody else out."""

    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, SOCKET: True}, receive, send)

    return marked
