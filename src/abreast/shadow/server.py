"""The relay's ear: a raw ASGI application on a unix socket that only this user may open, or on a port with TLS.

``POST /exchange`` takes a frame (`capture`) and answers 204 always, as the gateway does not wait for it;
``PUT /order`` takes an order, 204, or 422 with every fault; ``GET /report?acknowledge=N`` gives the next batch, or 204;
``GET /recorded`` gives users' requests since it was asked last, as NDJSON; ``GET /health`` says that it lives.
On a port, whoever has a certificate of the fleet may hand over exchanges, and nothing else.
"""

import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
import uvicorn

from abreast.model.service import Endpoint
from abreast.model.traffic import NodeTls
from abreast.shadow.capture import FRAME_LIMIT
from abreast.shadow.order import OrderError
from abreast.shadow.plan import Skip
from abreast.shadow.relay_client import RelayAnswer
from abreast.shadow.worker import Relay

_ORDER_LIMIT: Final = 4 * 2**20
_BACKLOG: Final = 256
_KEEP_ALIVE_S: Final = 7200
"""Longer than the hour for which the gateway keeps an idle connection: none is closed under its hands."""

_Message = MutableMapping[str, Any]  # Any: ASGI's own type
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class RelayApp:
    """The application over one relay; ``exchanges_only``: for gateways elsewhere."""

    def __init__(self, relay: Relay, *, exchanges_only: bool = False) -> None:
        self._relay = relay
        self._exchanges_only = exchanges_only

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """One request."""
        method, path = scope["method"], scope["path"]
        if (method, path) == ("POST", "/exchange"):
            await self._exchange(receive)
            await _answer(send, RelayAnswer(204, b""))
        elif self._exchanges_only:
            await _answer(send, _problem(403, f"{method} {path}: exchanges alone are taken here"))
        else:
            body = await _body(receive, _ORDER_LIMIT)
            query = scope["query_string"].decode("latin-1")
            await _answer(send, respond(self._relay, method, f"{path}?{query}", body))

    async def _exchange(self, receive: _Receive) -> None:
        frame = await _body(receive, FRAME_LIMIT)
        if isinstance(frame, Skip):
            self._relay.refuse(frame)
        else:
            self._relay.take(frame)


def respond(relay: Relay, method: str, target: str, body: bytes | Skip = b"") -> RelayAnswer:
    """What a control plane is answered; ``target`` is a path with a query."""
    path, _, query = target.partition("?")
    match (method, path):
        case ("PUT", "/order"):
            return _obey(relay, body)
        case ("GET", "/report"):
            return _report(relay, query)
        case ("GET", "/recorded"):
            return RelayAnswer(200, relay.recorded().encode(), "application/x-ndjson")
        case ("GET", "/health"):
            return RelayAnswer(200, orjson.dumps(relay.health()), "application/json")
    return _problem(404, f"{method} {path}: there is no such thing here")


def _obey(relay: Relay, text: bytes | Skip) -> RelayAnswer:
    if isinstance(text, Skip):
        return _problem(413, f"an order has at most {_ORDER_LIMIT} bytes")
    try:
        relay.obey(text)
    except OrderError as error:
        return _problem(422, str(error))
    return RelayAnswer(204, b"")


def _report(relay: Relay, query: str) -> RelayAnswer:
    text = parse_qs(query).get("acknowledge", ["0"])[-1]
    if not (text.isascii() and text.isdecimal()):
        return _problem(422, f"acknowledge={text[:40]!r}: must be the number of a batch, or 0")
    batch = relay.report(int(text))
    return RelayAnswer(200, batch, "application/json") if batch else RelayAnswer(204, b"")


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


async def _answer(send: _Send, answer: RelayAnswer) -> None:
    headers = [(b"content-type", answer.media_type.encode()), (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers if answer.body else []})
    await send({"type": "http.response.body", "body": answer.body})


def _problem(status: int, detail: str) -> RelayAnswer:
    """An error, as RFC 9457 has it."""
    problem = {"type": "about:blank", "status": status, "detail": detail}
    return RelayAnswer(status, orjson.dumps(problem), "application/problem+json")


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to the relay, which has more to end than a web server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class RelayServer:
    """Serves an application at ``listener``; with ``tls`` callers must show a certificate."""

    def __init__(self, app: RelayApp, listener: socket.socket, tls: NodeTls | None = None) -> None:
        self._config = uvicorn.Config(
            app,
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
            ssl_certfile=str(tls.certificate) if tls else None,
            ssl_keyfile=str(tls.key) if tls else None,
            ssl_ca_certs=str(tls.authority) if tls else None,
            ssl_cert_reqs=ssl.CERT_REQUIRED if tls else ssl.CERT_NONE,
        )
        self._server = _Server(self._config)
        self._listener = listener

    async def serve(self) -> None:
        """Serve until `stop`."""
        with self._listener:
            await self._server.serve(sockets=[self._listener])

    def renew(self, tls: NodeTls) -> None:
        """Show that certificate to whoever connects from now on. Raises OSError."""
        if self._config.ssl is not None:
            self._config.ssl.load_cert_chain(tls.certificate, tls.key)

    def stop(self) -> None:
        """End soon."""
        self._server.should_exit = True


def at_path(path: Path) -> socket.socket:
    """A unix socket for this user alone; who connects from now on waits until it is served. Raises OSError."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(_BACKLOG)
    return listener


def at_address(address: Endpoint) -> socket.socket:
    """A port. Raises OSError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG)
