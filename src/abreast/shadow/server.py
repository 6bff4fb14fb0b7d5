"""The relay's ear: a raw ASGI application on a unix socket that only this user may open.

``POST /exchange`` takes a frame (`capture`) and answers 204 always, as the gateway does not wait for it;
``PUT /order`` takes an order, 204, or 422 with every fault; ``GET /report?acknowledge=N`` gives the next batch, or 204;
``GET /recorded`` gives users' requests since it was asked last, as NDJSON; ``GET /health`` says that it lives.
"""

import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
import uvicorn

from abreast.shadow.capture import FRAME_LIMIT
from abreast.shadow.order import OrderError
from abreast.shadow.plan import Skip
from abreast.shadow.worker import Relay

_ORDER_LIMIT: Final = 4 * 2**20
_BACKLOG: Final = 256
_KEEP_ALIVE_S: Final = 7200
"""Longer than the hour for which the gateway keeps an idle connection: none is closed under its hands."""

_Message = MutableMapping[str, Any]  # Any: ASGI's own type
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class RelayApp:
    """The application over one relay."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """One request."""
        match (scope["method"], scope["path"]):
            case ("POST", "/exchange"):
                await self._exchange(receive)
                await _answer(send, 204)
            case ("PUT", "/order"):
                await self._order(receive, send)
            case ("GET", "/report"):
                await self._report(scope, send)
            case ("GET", "/recorded"):
                await _answer(send, 200, self._relay.recorded().encode(), b"application/x-ndjson")
            case ("GET", "/health"):
                await _answer(send, 200, orjson.dumps(self._relay.health()))
            case (method, path):
                await _problem(send, 404, f"{method} {path}: there is no such thing here")

    async def _exchange(self, receive: _Receive) -> None:
        frame = await _body(receive, FRAME_LIMIT)
        if isinstance(frame, Skip):
            self._relay.refuse(frame)
        else:
            self._relay.take(frame)

    async def _order(self, receive: _Receive, send: _Send) -> None:
        text = await _body(receive, _ORDER_LIMIT)
        if isinstance(text, Skip):
            await _problem(send, 413, f"an order has at most {_ORDER_LIMIT} bytes")
            return
        try:
            self._relay.obey(text)
        except OrderError as error:
            await _problem(send, 422, str(error))
        else:
            await _answer(send, 204)

    async def _report(self, scope: _Message, send: _Send) -> None:
        text = parse_qs(scope["query_string"].decode("latin-1")).get("acknowledge", ["0"])[-1]
        if not (text.isascii() and text.isdecimal()):
            await _problem(send, 422, f"acknowledge={text[:40]!r}: must be the number of a batch, or 0")
            return
        batch = self._relay.report(int(text))
        await _answer(send, 200 if batch else 204, batch)


async def _body(receive: _Receive, limit: int) -> bytes | Skip:
    """The whole body; OVERSIZE beyond the limit, MALFORMED if the sender went away in the middle."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return Skip.MALFORMED
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks) if size <= limit else Skip.OVERSIZE


async def _answer(send: _Send, status: int, body: bytes = b"", media_type: bytes = b"application/json") -> None:
    headers = [(b"content-type", media_type), (b"content-length", b"%d" % len(body))] if body else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _problem(send: _Send, status: int, detail: str) -> None:
    """An error, as RFC 9457 has it."""
    problem = {"type": "about:blank", "status": status, "detail": detail}
    await _answer(send, status, orjson.dumps(problem), b"application/problem+json")


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to the relay, which has more to end than a web server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class RelayServer:
    """Serves a relay at ``path``."""

    def __init__(self, relay: Relay, path: Path) -> None:
        self._path = path
        config = uvicorn.Config(
            RelayApp(relay),
            interface="asgi3",
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="warning",
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=1,
            server_header=False,
            date_header=False,
            proxy_headers=False,
        )
        self._server = _Server(config)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def listen(self) -> None:
        """Take the socket; who connects from now on waits until `serve` runs. Raises OSError."""
        self._path.unlink(missing_ok=True)
        self._listener.bind(str(self._path))
        self._path.chmod(0o600)
        self._listener.listen(_BACKLOG)

    async def serve(self) -> None:
        """Serve until `stop`."""
        with self._listener:
            await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        """End soon."""
        self._server.should_exit = True
