"""OpenFeature's Remote Evaluation Protocol (OFREP), version 0.1.0 of its OpenAPI document: what flags are for a user.

Its errors have a shape and codes of their own, also where the rest of the API tells problem documents.
"""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from abreast.api.access import Viewer
from abreast.api.problems import answer, statuses
from abreast.api.rate import Rate
from abreast.model.errors import AbreastError
from abreast.operations.control import Control
from abreast.rollout.flags import Evaluation, FlagError, Unanswered

PREFIX: Final = "/ofrep/v1/evaluate"

PER_S: Final = 500
BURST: Final = 5_000
"""Requests of one token from one address: what answers them also decides and steers, and must keep time for that."""

_SERVER_ERROR: Final = 500


class EvaluationBody(BaseModel):
    """Who asks: ``targetingKey`` is the user as the gateway knows them; the rest are attributes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"context": {"targetingKey": "ada", "country": "CH"}}]})

    context: dict[str, Any] = Field(default_factory=dict, description="who asks")  # Any: JSON


_NOBODY: Final = EvaluationBody()
"""What no body at all means."""


class Evaluated(BaseModel):
    """A flag's answer."""

    key: str
    reason: str
    variant: str
    value: Any = Field(description="a boolean, string, number, object or array")  # Any: JSON
    metadata: dict[str, str | int] = Field(description="the rollout's number, its candidate and that one's weight")


class Failed(BaseModel):
    """No answer, and why."""

    key: str | None = Field(default=None, description="the flag; absent when it concerns all")
    errorCode: FlagError  # noqa: N815  # the protocol's name
    errorDetails: str  # noqa: N815  # the protocol's name


class BulkEvaluated(BaseModel):
    """Every flag's answer."""

    flags: list[Evaluated | Failed]


_FAILURES: Final[dict[int | str, dict[str, Any]]] = {  # Any: FastAPI's own type
    400: {"model": Failed, "description": "PARSE_ERROR, INVALID_CONTEXT or TARGETING_KEY_MISSING."},
    401: {"model": Failed, "description": "No token, or one that is unknown, revoked or past its time."},
    403: {"model": Failed, "description": "The role does not allow this, or the request comes from another site."},
    429: {"model": Failed, "description": "Too many requests; see `Retry-After`."},
    500: {"model": Failed, "description": "A defect of abreast, or its store cannot be read."},
    # Before the protocol is reached: the shape is the rest of the API's.
    **{code: told for code, told in statuses().items() if code in {408, 413}},
}
_NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Failed, "description": "FLAG_NOT_FOUND."}}
_UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "As `If-None-Match` has it."}}


class _Route(APIRoute):
    """Tells what goes wrong in the protocol's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            key = request.path_params.get("key", "")
            try:
                return await handle(request)
            except AbreastError as error:
                return _refused(key, error)
            except RequestValidationError as error:
                return _invalid(key, error)

        return told


def routes(control: Control) -> APIRouter:
    """The endpoints over one running control plane."""
    rate = Rate(control.clock, "evaluations", per_s=PER_S, burst=BURST)

    async def patient(request: Request, caller: Viewer) -> None:
        """By the socket nobody is slowed: whoever may use it may end abreast, too."""
        if caller.by != "socket":
            rate.take((caller.name, request.client.host if request.client else ""))

    router = APIRouter(prefix=PREFIX, tags=["ofrep"], route_class=_Route, dependencies=[Depends(patient)])

    @router.post("/flags/{key}", response_model=Evaluated, responses={**_FAILURES, **_NOT_FOUND})
    async def post_flag(key: str, body: EvaluationBody = _NOBODY) -> Response:
        """What one flag is for this context."""
        return _answered(control.flags.evaluate(key, control.controller.rollout, body.context))

    @router.post("/flags", response_model=BulkEvaluated, responses={**_FAILURES, **_UNCHANGED})
    async def post_flags(body: EvaluationBody = _NOBODY, if_none_match: Annotated[str, Header()] = "") -> Response:
        """What every flag is for this context; 304 if that is what `If-None-Match` has."""
        found = control.flags.every(control.controller.rollout, body.context)
        content = orjson.dumps({"flags": [_shape(each) for each in found]})
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        if _matches(if_none_match, etag):
            return Response(status_code=304, headers={"etag": etag})
        return Response(content, media_type="application/json", headers={"etag": etag})

    return router


def _answered(found: Evaluation | Unanswered) -> Response:
    status = 200
    if isinstance(found, Unanswered):
        status = 404 if found.error is FlagError.FLAG_NOT_FOUND else 400
    return _json(_shape(found), status)


def _shape(found: Evaluation | Unanswered) -> dict[str, object]:
    if isinstance(found, Unanswered):
        shape = {"errorCode": found.error.value, "errorDetails": found.details}
        return {"key": found.flag, **shape} if found.flag else dict(shape)
    return {
        "key": found.flag,
        "reason": found.reason.value,
        "variant": found.variant,
        "value": found.value,
        "metadata": found.metadata,
    }


def _json(shape: dict[str, object], status: int) -> Response:
    return Response(orjson.dumps(shape), status, media_type="application/json")


def _refused(key: str, error: AbreastError) -> Response:
    """An error of ours with the status that the protocol knows, and the headers that go with it."""
    problem = answer(error)
    told = _json(
        _shape(Unanswered(key, FlagError.GENERAL, f"{error.message}; {error.remedy}")),
        min(problem.status_code, _SERVER_ERROR),
    )
    for name in ("www-authenticate", "retry-after"):
        if name in problem.headers:
            told.headers[name] = problem.headers[name]
    return told


def _invalid(key: str, error: RequestValidationError) -> Response:
    """A body that is no JSON, or is not what it should be; without its values, which may be secret."""
    faults = error.errors()
    code = (
        FlagError.PARSE_ERROR if any(fault["type"] == "json_invalid" for fault in faults) else FlagError.INVALID_CONTEXT
    )
    words = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
    return _json(_shape(Unanswered(key, code, words)), 400)


def _matches(if_none_match: str, etag: str) -> bool:
    """Whether `If-None-Match` names this ETag, weak or strong (RFC 9110, 13.1.2)."""
    named = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return "*" in named or etag in named
