"""Tokens and sign-ins: who may use the API over the network, with which role."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from abreast.model.errors import StoreError
from abreast.model.token import ID_BYTES, SECRET_BYTES, Role, Session, Token, digest, token_id, written
from abreast.ports import Clock, Tokens

SESSION_S: Final = 12 * 3600.0
"""A working day: then a browser signs in again."""

USE_GRAIN_S: Final = 3600.0
"""When a token was used last is kept to the hour: one write an hour, and no diary of whoever uses it."""


@dataclass(frozen=True)
class TokenDesk:
    """What these operations work on; ``service`` has the audit log that changes go to."""

    tokens: Tokens
    clock: Clock
    service: str


@dataclass(frozen=True)
class Created:
    """A new token. ``secret`` is what its holder sends; it is shown this once and kept nowhere."""

    token: Token
    secret: str = field(repr=False)


async def create(desk: TokenDesk, name: str, role: Role, actor: str, valid_s: float | None = None) -> Created:
    """Make a token, valid for so many seconds (None: for good). Raises RefusedError for a taken name, StoreError."""
    now = desk.clock.now()
    id_, expires_at = secrets.token_hex(ID_BYTES), None if valid_s is None else now + valid_s
    token = Token(id_, name, role, created_at=now, created_by=actor, expires_at=expires_at)
    secret = written(id_, secrets.token_urlsafe(SECRET_BYTES))
    await desk.tokens.create_token(desk.service, token, digest(secret))
    return Created(token, secret)


async def revoke(desk: TokenDesk, name: str, actor: str) -> str:
    """End a token and its sessions; returns a sentence. Raises UsageError for an unknown name, StoreError."""
    await desk.tokens.revoke_token(desk.service, name, desk.clock.now(), actor)
    return f"{name} is revoked: it opens nothing any more, and who was signed in with it is signed out"


async def holder(desk: TokenDesk, secret: str) -> Token | None:
    """Whose token that is; None for what is none, or is past its time. Raises StoreError."""
    id_, now = token_id(secret), desk.clock.now()
    found = None if id_ is None else await desk.tokens.token(id_)
    if found is None:
        return None
    token, hashed = found
    if not hmac.compare_digest(digest(secret), hashed) or token.expired(now):
        return None
    hour = now - now % USE_GRAIN_S
    if token.used_at is None or token.used_at < hour:
        await _note_use(desk.tokens, token.id, hour)
    return token


async def _note_use(tokens: Tokens, id_: str, at: float) -> None:
    """A full disk must not keep those out who could do something about it."""
    try:
        await tokens.note_use(id_, at)
    except StoreError:
        return


async def sign_in(desk: TokenDesk, holder_: Token | Session) -> tuple[str, Session]:
    """Begin a session; returns its secret, for a cookie, and what it allows. Raises StoreError."""
    now = desk.clock.now()
    if isinstance(holder_, Token):
        until = min(now + SESSION_S, holder_.expires_at or now + SESSION_S)
        session = Session(holder_.name, holder_.role, until, holder_.id)
    else:
        session = holder_
    secret = secrets.token_urlsafe(SECRET_BYTES)
    await desk.tokens.create_session(digest(secret), session, now)
    return secret, session


async def session(desk: TokenDesk, secret: str) -> Session | None:
    """The session of that secret, unless it is over. Raises StoreError."""
    found = await desk.tokens.session(digest(secret))
    return found if found is not None and found.expires_at > desk.clock.now() else None


async def sign_out(desk: TokenDesk, secret: str) -> None:
    """End the session of that secret. Raises StoreError."""
    await desk.tokens.end_session(digest(secret))


async def listed(desk: TokenDesk) -> Sequence[Token]:
    """Every token by name. Raises StoreError."""
    return await desk.tokens.tokens()
