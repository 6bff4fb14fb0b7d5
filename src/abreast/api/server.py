"""The HTTP API: over a unix socket for whoever runs abreast, over TCP for who has a token."""

import asyncio
import contextlib
import getpass
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from abreast.api import (
    alerts,
    captures,
    ending,
    findings,
    flags,
    joins,
    listening,
    ofrep,
    rollouts,
    sessions,
    stream,
    tokens,
)
from abreast.api.access import VIEWER, Access
from abreast.api.attempts import Attempts
from abreast.api.document import described
from abreast.api.links import Links
from abreast.api.problems import PREFIX, answer_problems
from abreast.api.shield import HEADERS, Shield, by_socket
from abreast.dashboard import routes as dashboard
from abreast.metrics import routes as metrics
from abreast.model.api_settings import ApiSettings
from abreast.model.service import Tls
from abreast.operations.control import Control

__all__ = ["PREFIX", "ApiServer", "create_app"]

_END_S: Final = 3
"""How long answers under way may take when the server ends."""


def create_app(control: Control) -> FastAPI:
    """The application over one running control plane.

    A request must bring a token or a session, unless it came in by the unix socket (`abreast.api.shield.by_socket`).
    """
    app = FastAPI(title="abreast", version="1", docs_url=None, redoc_url=None, openapi_url=f"{PREFIX}/openapi.json")
    app.openapi = described(app)  # type: ignore[method-assign]  # FastAPI's own way of changing the document
    app.state.access = Access(control, Links(control.clock), Attempts(control.clock))
    app.state.stream = stream.Stream(control)
    answer_problems(app, HEADERS)
    app.add_middleware(Shield)
    for router in (
        rollouts.routes(control),
        findings.routes(control),
        captures.routes(control),
        alerts.routes(control),
        ending.routes(control),
        flags.routes(control),
        stream.routes(app.state.stream),
        sessions.routes(),
        tokens.routes(),
        joins.routes(control),
    ):
        app.include_router(router, prefix=PREFIX)
    app.include_router(ofrep.routes(control))
    app.include_router(metrics.routes(control), dependencies=[VIEWER])
    app.include_router(dashboard.routes())
    return app


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to abreast, which has more to end than a web server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ApiServer:
    """Serves the API on a unix socket that only this user may open, and over TCP."""

    def __init__(self, control: Control, path: Path, settings: ApiSettings | None = None) -> None:
        self._path = path
        self._settings = settings or ApiSettings()
        self._app = create_app(control)
        self._access: Access = self._app.state.access
        self._stream: stream.Stream = self._app.state.stream
        self._socket: socket.socket | None = None
        self._tcp: listening.Listener | None = None
        self._local = _Server(_config(by_socket(self._app)))
        self._remote = _Server(_config(self._app, self._settings.tls))

    @property
    def url(self) -> str:
        """Where the API is over TCP, as ``http://127.0.0.1:8081``; empty before `listen`."""
        return self._tcp.url if self._tcp else ""

    def make_link(self) -> str:
        """A URL that signs a browser in as an operator, once; empty where other machines can reach the API."""
        if self._tcp is None or not self._settings.loopback:
            return ""
        return f"{self.url}{PREFIX}/sign-in?token={self._access.links.make(f'{_user()} by link')}"

    async def listen(self) -> None:
        """Take socket and address; who connects from now on waits until `serve` runs.

        Raises UsageError where it would not be safe, PortInUseError, StoreError.
        """
        listening.require_safe(self._settings, len(await self._access.control.tokens.tokens()))
        self._tcp = listening.listen(self._settings)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._path.unlink(missing_ok=True)
        self._socket.bind(str(self._path))
        self._path.chmod(0o600)
        self._socket.listen(64)

    async def serve(self) -> None:
        """Serve until `stop`."""
        if self._tcp is None or self._socket is None:
            raise RuntimeError("listen first")
        with self._socket, self._tcp.socket:
            await asyncio.gather(
                self._local.serve(sockets=[self._socket]), self._remote.serve(sockets=[self._tcp.socket])
            )
        self._path.unlink(missing_ok=True)

    def stop(self) -> None:
        """End soon."""
        self._stream.close()
        self._local.should_exit = self._remote.should_exit = True


def _config(app: ASGIApp, tls: Tls | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="warning",
        lifespan="off",
        access_log=False,  # a link's secret is in its query
        ws="none",
        proxy_headers=False,  # or anybody could write the address that failed sign-ins are counted by
        server_header=False,
        timeout_graceful_shutdown=_END_S,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown user"
