"""The HTTP API over a unix socket: the seed of the public one. Errors are RFC 9457 problem documents."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import uvicorn
from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from abreast.api import captures, findings
from abreast.model.errors import AbreastError, UsageError
from abreast.operations import commands, doctor, machine, record, status
from abreast.operations.control import Control
from abreast.rollout.observed import Verb

PREFIX: Final = "/api/v1"


class OrderBody(BaseModel):
    """The body of a command; which fields a verb reads is said in its description."""

    model_config = ConfigDict(extra="forbid")

    actor: str = Field(min_length=1, max_length=200, description="who asks, for the audit log")
    reason: str = Field(default="", max_length=2000, description="why, for the audit log")
    version: str | None = Field(default=None, description="start: the version to roll out")
    weight: int | None = Field(default=None, ge=0, le=10_000, description="weight: hundredths of a percent")
    full: bool = Field(default=False, description="promote: skip all remaining steps")


class Problem(BaseModel):
    """An error, as RFC 9457 has it; ``remedy`` is the next move, ``exit_code`` that of the command line."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str
    exit_code: int


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {  # Any: FastAPI's own type
    "default": {
        "description": "Any error, as a problem document.",
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
}


def create_app(control: Control) -> FastAPI:
    """The application over one running control plane."""
    app = FastAPI(
        title="abreast",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        responses=PROBLEMS,
    )
    app.add_exception_handler(AbreastError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _no_such_thing)
    app.add_exception_handler(Exception, _unforeseen)

    @app.get(f"{PREFIX}/status")
    async def get_status(response: Response) -> status.Status:
        """The present state of the service; its ETag is the revision that ``If-Match`` of a command takes."""
        found = status.status(control)
        response.headers["etag"] = f'"{found.revision}"'
        return found

    @app.get(f"{PREFIX}/events")
    async def get_events(
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100, after: Annotated[int, Query(ge=0)] = 0
    ) -> list[record.EventRecord]:
        """The audit log, oldest first."""
        return await record.events(control, limit=limit, after=after)

    @app.get(f"{PREFIX}/history")
    async def get_history() -> list[record.RolloutRecord]:
        """Every rollout so far, oldest first."""
        return await record.history(control)

    @app.get(f"{PREFIX}/doctor")
    async def get_doctor() -> list[machine.Finding]:
        """What is wrong with this set-up."""
        return doctor.examine(control)

    @app.get(f"{PREFIX}/tester")
    async def get_tester() -> dict[str, str]:
        """The headers that force a side, for authorised testers."""
        return commands.tester_headers(control)

    @app.post(f"{PREFIX}/restart-gateway")
    async def post_restart_gateway(body: OrderBody) -> dict[str, str]:
        """Hot-restart Envoy without a failed request."""
        return {"message": await commands.restart_gateway(control, body.actor)}

    @app.post(f"{PREFIX}/commands/{{verb}}")
    async def post_command(
        verb: Verb, body: OrderBody, if_match: Annotated[str | None, Header()] = None
    ) -> commands.Done:
        """A person's command; ``If-Match`` with the revision that was read guards against lost updates."""
        order = commands.Order(verb, body.actor, body.reason, body.version, body.weight, body.full, _revision(if_match))
        return await commands.give(control, order)

    app.include_router(findings.routes(control), prefix=PREFIX)
    app.include_router(captures.routes(control), prefix=PREFIX)
    return app


def _revision(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    text = if_match.strip('"')
    if not text.isdecimal():
        message = f"If-Match: {if_match!r} is no revision"
        raise UsageError(message, "send the number that the status calls `revision`")
    return int(text)


async def _problem(_request: Request, error: Exception) -> JSONResponse:
    """An error of ours as problem+json; the exit code lets the command line end the same way."""
    if not isinstance(error, AbreastError):
        raise error
    return _told(error, error.http_status)


def _told(error: AbreastError, status_code: int) -> JSONResponse:
    name = type(error).__name__
    problem = Problem(
        type=f"urn:abreast:error:{name}",
        title=name,
        status=status_code,
        detail=error.message,
        remedy=error.remedy,
        exit_code=error.exit_code,
    )
    return JSONResponse(problem.model_dump(), status_code, media_type="application/problem+json")


async def _no_such_thing(request: Request, error: Exception) -> JSONResponse:
    """A path or method that does not exist."""
    if not isinstance(error, HTTPException):
        raise error
    message = f"{request.method} {request.url.path}: {error.detail}"
    answer = _told(UsageError(message, f"see {PREFIX}/openapi.json"), error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    """A defect of ours: the answer names it, the web server logs its trace."""
    message = f"{request.method} {request.url.path} failed: {error!r}"
    return _told(AbreastError(message, "see .abreast/logs/abreast.log, and report it"), AbreastError.http_status)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """A request that does not fit its description: every fault at once."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    words = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
    return await _problem(request, UsageError(words, f"see {PREFIX}/openapi.json"))


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to abreast, which has more to end than a web server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ApiServer:
    """Serves the API on a unix socket that only this user may open."""

    def __init__(self, control: Control, path: Path) -> None:
        self._path = path
        config = uvicorn.Config(create_app(control), log_level="warning", lifespan="off", access_log=False)
        self._server = _Server(config)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def listen(self) -> None:
        """Take the socket; who connects from now on waits until `serve` runs."""
        self._path.unlink(missing_ok=True)
        self._listener.bind(str(self._path))
        self._path.chmod(0o600)
        self._listener.listen(64)

    async def serve(self) -> None:
        """Serve until `stop`."""
        with self._listener:
            await self._server.serve(sockets=[self._listener])
        self._path.unlink(missing_ok=True)

    def stop(self) -> None:
        """End soon."""
        self._server.should_exit = True
