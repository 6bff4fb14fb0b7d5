"""Who asks, and whether they may: by the socket's owner, a token, or a browser's session."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from abreast.api.attempts import Attempts
from abreast.api.links import Links
from abreast.api.problems import ForbiddenError, UnauthorizedError
from abreast.model.errors import UsageError
from abreast.model.token import Role
from abreast.operations import tokens
from abreast.operations.control import Control

COOKIE: Final = "abreast-session"
CSRF_HEADER: Final = "x-abreast-csrf"
SOCKET: Final = "abreast.socket"
"""Marks, in the ASGI scope, a request that came in by the unix socket; nothing that a client sends can set it."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

BEARER: Final = HTTPBearer(auto_error=False, scheme_name="token", description="a token of `abreast token create`")
SESSION: Final = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    scheme_name="session",
    description=f"the cookie of a sign-in; changes also need `{CSRF_HEADER}: 1` and an Origin of this site",
)

_TOKEN: Final = "make a token with: abreast token create NAME --role viewer; send it as `Authorization: Bearer …`"  # noqa: S105  # words, no token


@dataclass(frozen=True)
class Caller:
    """Who asks. ``name`` is empty by the socket, where the body says who it is."""

    name: str
    role: Role
    by: Literal["socket", "token", "session"]
    expires_at: float | None = None


@dataclass(frozen=True)
class Access:
    """What tells who asks."""

    control: Control
    links: Links
    attempts: Attempts

    @property
    def desk(self) -> tokens.TokenDesk:
        """For operations on tokens."""
        return tokens.TokenDesk(self.control.tokens, self.control.clock, self.control.service.name)

    async def caller(self, request: Request) -> Caller:
        """Who asks. Raises UnauthorizedError, ForbiddenError for a change from another site, StoreError."""
        if request.scope.get(SOCKET):
            return Caller("", Role.ADMIN, "socket")
        header = request.headers.get("authorization")
        if header is not None:
            return await self._by_token(header)
        cookie = request.cookies.get(COOKIE)
        session = None if cookie is None else await tokens.session(self.desk, cookie)
        if session is None:
            message = "this needs a token" if cookie is None else "the session is over"
            raise UnauthorizedError(message, _TOKEN if cookie is None else "sign in again")
        if request.method not in _SAFE:
            require_same_site(request)
        return Caller(session.name, session.role, "session", session.expires_at)

    async def require(self, request: Request, role: Role) -> Caller:
        """Who asks, if they have that role. Raises UnauthorizedError, ForbiddenError, StoreError."""
        caller = await self.caller(request)
        if not caller.role.covers(role):
            message = f"{caller.name} has the role {caller.role}; this needs: {role}"
            raise ForbiddenError(message, f"use a token of the role {role}: abreast token create NAME --role {role}")
        return caller

    async def _by_token(self, header: str) -> Caller:
        scheme, _, secret = header.partition(" ")
        token = await tokens.holder(self.desk, secret.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            raise UnauthorizedError("the token is unknown, revoked or past its time", _TOKEN)
        return Caller(token.name, token.role, "token", token.expires_at)


def require_same_site(request: Request) -> None:
    """A change by cookie must come from a page of ours. Raises ForbiddenError.

    Another site's page can have a browser send the cookie, but neither the header, for which the browser would ask
    us first (CORS), nor an `Origin` or `Sec-Fetch-Site` of its choice: both are written by the browser.
    """
    if request.headers.get(CSRF_HEADER) != "1":
        raise ForbiddenError(f"a change by cookie needs the header `{CSRF_HEADER}: 1`", "send it")
    if not {"origin", "sec-fetch-site"} & set(request.headers):
        raise ForbiddenError("a change by cookie needs the header `Origin` or `Sec-Fetch-Site`", "send it, or a token")
    require_not_elsewhere(request)


def require_not_elsewhere(request: Request) -> None:
    """Raise ForbiddenError if the browser says that another site's page sent this."""
    headers = request.headers
    here = f"{request.url.scheme}://{headers.get('host', '')}"
    if headers.get("origin", here) != here or headers.get("sec-fetch-site", "same-origin") not in {
        "same-origin",
        "none",
    }:
        raise ForbiddenError("this comes from a page of another site", f"use a page of {here}, or a token")


def access_of(request: Request) -> Access:
    """What the application was made with."""
    access: Access = request.app.state.access
    return access


def acting(caller: Caller, said: str) -> str:
    """The actor for the audit log: by the socket who they say they are, else who the token says.

    Raises UsageError when that is nobody.
    """
    if caller.by != "socket":
        return caller.name
    if not said:
        raise UsageError("body.actor: by the socket the body says who asks", "add `actor`")
    return said


_Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]
_Session = Annotated[str | None, Security(SESSION)]
# FastAPI writes these into the OpenAPI document; what they found is read again where it is judged.


async def _viewer(request: Request, _bearer: _Bearer, _session: _Session) -> Caller:
    return await access_of(request).require(request, Role.VIEWER)


async def _operator(request: Request, _bearer: _Bearer, _session: _Session) -> Caller:
    return await access_of(request).require(request, Role.OPERATOR)


async def _admin(request: Request, _bearer: _Bearer, _session: _Session) -> Caller:
    return await access_of(request).require(request, Role.ADMIN)


VIEWER: Final = Depends(_viewer)
Operator = Annotated[Caller, Depends(_operator)]
Admin = Annotated[Caller, Depends(_admin)]
Viewer = Annotated[Caller, VIEWER]
