"""What every request passes before the application, and every answer after it: limits and headers."""

import asyncio
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from abreast.api.access import SOCKET
from abreast.api.problems import SlowError, TooLargeError, answer

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

PATIENCE_S: Final = 10.0
"""A body of this API is one packet or two; who sends it for longer only holds a connection."""

HSTS: Final = "max-age=31536000"
"""Under TLS a browser never comes back without it for a year (RFC 6797)."""


class Shield:
    """Reads each request's body within the limits, and adds the headers to each answer."""

    def __init__(self, app: ASGIApp, patience_s: float = PATIENCE_S) -> None:
        self._app = app
        self._patience_s = patience_s

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

        try:
            async with asyncio.timeout(self._patience_s):
                body = await _read(scope, receive)
        except TooLargeError as error:
            await answer(error)(scope, receive, guarded)
        except TimeoutError:
            slow = SlowError(f"the body did not come within {self._patience_s:g} s", "send it at once")
            await answer(slow)(scope, receive, guarded)
        else:
            await self._app(scope, _again(body, receive), guarded)


async def _read(scope: Scope, receive: Receive) -> bytes:
    """The whole body. Raises TooLargeError, also when its sender says that it will be."""
    error = TooLargeError(f"the request has more than {MOST_BYTES:,} bytes", "send less")
    said = dict(scope["headers"]).get(b"content-length", b"0")
    if said.isdigit() and int(said) > MOST_BYTES:
        raise error
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise error
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
