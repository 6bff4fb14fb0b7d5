"""A web server on loopback that takes alerts: it writes down what came, answers what it is told to, or hangs."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self, cast

DEADLINE_S: Final = 10.0


@dataclass(frozen=True)
class Posted:
    """One message that came; ``body`` is the JSON of ``raw``."""

    path: str
    authorization: str | None
    body: Any  # JSON
    raw: bytes = b""
    signature: str | None = None


class Receiver:
    """Serves while it is entered."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.status = 200
        self.going_on = threading.Event()
        self.going_on.set()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def wait(self, count: int) -> list[Posted]:
        """Until so many messages have come."""
        eventually(lambda: len(self.posted) >= count)
        return self.posted

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, also for who still waits for an answer."""
        self.going_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def eventually(holds: Callable[[], object]) -> None:
    """Wait until it holds; it must within `DEADLINE_S`."""
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.005)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked went away before the answer; that is the point of some tests."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # named by http.server
        receiver = cast("_Server", self.server).receiver
        raw = self.rfile.read(int(self.headers["content-length"]))
        signature = self.headers["x-abreast-signature"]
        receiver.posted.append(Posted(self.path, self.headers["authorization"], json.loads(raw), raw, signature))
        receiver.going_on.wait()
        self.send_response(receiver.status)
        self.end_headers()
        self.wfile.write(b"so it is")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # named by http.server
        """Say nothing."""
