"""An API on another machine, as far as the command line can tell: on loopback, with or without TLS."""

import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast


@dataclass(frozen=True)
class Received:
    """One request that came."""

    method: str
    path: str
    authorization: str
    body: dict[str, Any] | None


class RemoteApi:
    """Answers everything with one status and one body; remembers what it was asked."""

    def __init__(self, body: object, status: int = 200, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.body = body if isinstance(body, str) else json.dumps(body)
        self.status = status
        self._server = _Server(self)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def __init__(self, api: RemoteApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked did not trust the certificate; that is the point of a test."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # named by http.server
        self._answer(None)

    def do_POST(self) -> None:  # named by http.server
        self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def _answer(self, body: dict[str, Any] | None) -> None:
        api = cast("_Server", self.server).api
        authorization = self.headers.get("authorization", "")
        api.received.append(Received(self.command, self.path, authorization, body))
        self.send_response(api.status)
        self.end_headers()
        self.wfile.write(api.body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # named by http.server
        """Say nothing."""


@dataclass
class Script:
    """Reads of an API, answered in turn: with JSON, or by raising. The last answer stays."""

    answers: dict[str, list[object]]
    asked: list[str] = field(default_factory=list)

    def get(self, path: str, **query: int | str) -> Any:  # noqa: ANN401  # JSON
        """The next answer."""
        self.asked.append(path)
        waiting = self.answers[path]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer
