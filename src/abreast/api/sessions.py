"""Signing in and out: a token or a link becomes a browser's session."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from abreast.api.access import COOKIE, Access, Viewer, access_of, require_not_elsewhere
from abreast.api.problems import UnauthorizedError, statuses
from abreast.model.token import Role, Session, Token
from abreast.operations import tokens

LANDING: Final = "/"
"""Where a link leads once it has signed in: the dashboard."""

_LONGEST: Final = 200


class SignIn(BaseModel):
    """The body of a sign-in."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"token": "abreast_…"}]})

    token: SecretStr = Field(max_length=_LONGEST, description="a token of `abreast token create`")


class SignedIn(BaseModel):
    """Who is signed in; ``by`` is how, ``expires_at`` Unix seconds (null: no end)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "ada", "role": "operator", "by": "session", "expires_at": 1767225600.0}]
        }
    )

    name: str
    role: Role
    by: str
    expires_at: float | None


def routes() -> APIRouter:
    """The endpoints of signing in."""
    router = APIRouter(tags=["access"])

    @router.post("/session", responses=statuses(429))
    async def post_session(request: Request, response: Response, body: SignIn) -> SignedIn:
        """Sign a browser in: sets the cookie of a session of at most twelve hours."""
        require_not_elsewhere(request)
        access = access_of(request)
        address = _address(request)
        access.attempts.require_patience(address)
        token = await tokens.holder(access.desk, body.token.get_secret_value())
        session = await _begin(access, address, request, response, token)
        return SignedIn(name=session.name, role=session.role, by="session", expires_at=session.expires_at)

    @router.get("/session", responses=statuses())
    async def get_session(caller: Viewer) -> SignedIn:
        """Who asks, and with which role."""
        return SignedIn(name=caller.name, role=caller.role, by=caller.by, expires_at=caller.expires_at)

    @router.delete("/session", status_code=204, responses=statuses())
    async def delete_session(request: Request, response: Response, caller: Viewer) -> None:
        """Sign out: the session is over, its cookie goes."""
        if caller.by == "session":
            await tokens.sign_out(access_of(request).desk, request.cookies[COOKIE])
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=_secure(request))

    @router.get("/sign-in", status_code=303, response_class=RedirectResponse, responses=statuses(429))
    async def get_sign_in(
        request: Request, token: Annotated[str, Query(max_length=_LONGEST, description="of the link; good once")]
    ) -> Response:
        """The link that `abreast up` prints: signs in as an operator, once."""
        access = access_of(request)
        address = _address(request)
        access.attempts.require_patience(address)
        response = RedirectResponse(LANDING, 303)
        await _begin(access, address, request, response, access.links.redeem(token))
        return response

    return router


async def _begin(
    access: Access, address: str, request: Request, response: Response, holder: Token | Session | None
) -> Session:
    """Set the cookie of a new session. Raises UnauthorizedError when there is nobody to sign in."""
    if holder is None:
        access.attempts.failed(address)
        message = "this signs nobody in: it is unknown, revoked, used or past its time"
        raise UnauthorizedError(message, "make a token with: abreast token create NAME --role operator")
    secret, session = await tokens.sign_in(access.desk, holder)
    response.set_cookie(
        COOKIE, secret, max_age=int(tokens.SESSION_S), httponly=True, samesite="strict", secure=_secure(request)
    )
    return session


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _address(request: Request) -> str:
    return request.client.host if request.client else "the socket"
