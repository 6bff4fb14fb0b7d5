"""Errors as RFC 9457 problem documents, and what each operation can answer."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from abreast.model.errors import AbreastError, UsageError

PREFIX: Final = "/api/v1"
SEE: Final = f"see {PREFIX}/openapi.json"


class UnauthorizedError(AbreastError):
    """Nobody knows who asks."""

    http_status = 401


class ForbiddenError(AbreastError):
    """Who asks may not do this, or not from there."""

    http_status = 403


class SlowError(AbreastError):
    """The request's body did not come in time."""

    http_status = 408


class TooLargeError(AbreastError):
    """The request has more bytes than any request of this API needs."""

    http_status = 413


class TooManyError(AbreastError):
    """Too many failed sign-ins, or too many streams; ``retry_after_s`` is when to come again."""

    http_status = 429

    def __init__(self, message: str, remedy: str, retry_after_s: int) -> None:
        super().__init__(message, remedy)
        self.retry_after_s = retry_after_s


class Problem(BaseModel):
    """An error, as RFC 9457 has it; ``remedy`` is the next move, ``exit_code`` that of the command line."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str
    exit_code: int


_MEANINGS: Final = {
    400: "The request makes no sense: every fault of it at once.",
    401: "No token, or one that is unknown, revoked or past its time.",
    403: "The role does not allow this, or the request comes from another site.",
    408: "The body did not come in time.",
    409: "Not allowed in the present state; `remedy` names what is.",
    412: "Somebody else changed the rollout since the revision of `If-Match`.",
    413: "The body is too large.",
    429: "Too many failed sign-ins from this address, or too many streams; see `Retry-After`.",
    500: "A defect of abreast, or its store is damaged.",
    502: "Envoy or a version could not be started.",
    503: "abreast is ending.",
    504: "It did not happen in time.",
    507: "The store cannot be read or written.",
}

_EXAMPLES: Final = {
    401: (
        "UnauthorizedError",
        "this needs a token",
        "send `Authorization: Bearer …`; make one with: abreast token create",
    ),
    403: ("ForbiddenError", "grafana is a viewer; this needs an operator", "use a token of that role"),
    409: ("RefusedError", "undo is not possible while progressing", "possible now: promote, pause, weight, abort"),
    412: ("ConflictError", "the rollout is at revision 9, you had read 7", "read it again"),
}


def statuses(*codes: int) -> dict[int | str, dict[str, Any]]:  # Any: FastAPI's own type
    """What an operation can answer besides success: these, and what every operation can."""
    return {code: _described(code) for code in sorted({400, 401, 403, 408, 413, 500, 507, *codes})}


def _described(code: int) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if code in _EXAMPLES:
        title, detail, remedy = _EXAMPLES[code]
        content["example"] = _problem(title, code, detail, remedy, 6 if code in {409, 412} else 1).model_dump()
    return {"description": _MEANINGS[code], "content": {"application/problem+json": content}}


def _problem(title: str, status: int, detail: str, remedy: str, exit_code: int) -> Problem:
    return Problem(
        type=f"urn:abreast:error:{title}", title=title, status=status, detail=detail, remedy=remedy, exit_code=exit_code
    )


def answer(error: AbreastError, status: int | None = None) -> JSONResponse:
    """The error as a problem document; the exit code lets the command line end the same way."""
    code = error.http_status if status is None else status
    problem = _problem(type(error).__name__, code, error.message, error.remedy, error.exit_code)
    told = JSONResponse(problem.model_dump(), code, media_type="application/problem+json")
    if isinstance(error, UnauthorizedError):
        told.headers["www-authenticate"] = 'Bearer realm="abreast"'
    if isinstance(error, TooManyError):
        told.headers["retry-after"] = str(error.retry_after_s)
    return told


def answer_problems(app: FastAPI, headers: Mapping[str, str]) -> None:
    """Have every error of this application told as a problem document.

    ``headers`` are those of every answer: that to an unforeseen error passes no middleware that could add them.
    """

    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        """A defect of ours: the answer names it, the web server logs its trace."""
        message = f"{request.method} {request.url.path} failed: {error!r}"
        told = answer(AbreastError(message, "see .abreast/logs/abreast.log, and report it"))
        told.headers.update(headers)
        return told

    app.add_exception_handler(AbreastError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _no_such_thing)
    app.add_exception_handler(Exception, unforeseen)


async def _ours(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, AbreastError):
        raise error
    return answer(error)


async def _no_such_thing(request: Request, error: Exception) -> JSONResponse:
    """A path or method that does not exist."""
    if not isinstance(error, HTTPException):
        raise error
    message = f"{request.method} {request.url.path}: {error.detail}"
    told = answer(UsageError(message, SEE), error.status_code)
    told.headers.update(error.headers or {})
    return told


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """A request that does not fit its description: every fault at once, none with the value, which may be a secret."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    words = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
    return answer(UsageError(words, SEE))
