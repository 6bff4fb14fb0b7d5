"""Tokens and sessions in the store: hashes only, and every change beside its event."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from abreast.model.errors import RefusedError, UsageError
from abreast.model.event import EventKind
from abreast.model.token import Role, Session, Token
from abreast.store.sql import SqlStore
from abreast.store.tables import EVENTS, ROLLOUTS, SESSIONS, TOKEN_CHANGES, TOKENS

MOST_SESSIONS: Final = 1000
"""The ones that end soonest go first: no signed-in browser can fill the disk."""


class SqlTokens:
    """`abreast.ports.Tokens` in the same file as everything else."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def create_token(self, service: str, token: Token, hashed: str) -> None:
        """Add it. Raises RefusedError when its name is taken, StoreError."""
        await self._store.transact(lambda connection: _create(connection, service, token, hashed), write=True)

    async def revoke_token(self, service: str, name: str, at: float, actor: str) -> None:
        """Forget it, and the sessions that it opened. Raises UsageError for an unknown name, StoreError."""
        await self._store.transact(lambda connection: _revoke(connection, service, name, at, actor), write=True)

    async def tokens(self) -> Sequence[Token]:
        """All of them by name, those that are past their time included. Raises StoreError."""
        query = select(TOKENS).order_by(TOKENS.c.name)
        return await self._store.transact(lambda connection: [_token(row) for row in connection.execute(query)])

    async def token(self, id_: str) -> tuple[Token, str] | None:
        """The token of that id, and its hash. Raises StoreError."""
        query = select(TOKENS).where(TOKENS.c.id == id_)
        row = await self._store.transact(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else (_token(row), row.sha256)

    async def note_use(self, id_: str, at: float) -> None:
        """Remember when it was used last. Raises StoreError."""
        change = update(TOKENS).where(TOKENS.c.id == id_).values(used_at=at)
        await self._store.transact(lambda connection: connection.execute(change).rowcount, write=True)

    async def create_session(self, hashed: str, session: Session, now: float) -> None:
        """Add it, and forget those that are past their time ``now``. Raises StoreError."""
        await self._store.transact(lambda connection: _open(connection, hashed, session, now), write=True)

    async def session(self, hashed: str) -> Session | None:
        """The session of that hash, even if it is past its time. Raises StoreError."""
        query = select(SESSIONS).where(SESSIONS.c.sha256 == hashed)
        row = await self._store.transact(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else Session(row.name, Role(row.role), row.expires_at, row.token)

    async def end_session(self, hashed: str) -> None:
        """Forget it; ending one that is not there does nothing. Raises StoreError."""
        change = delete(SESSIONS).where(SESSIONS.c.sha256 == hashed)
        await self._store.transact(lambda connection: connection.execute(change).rowcount, write=True)

    async def record_pending(self, service: str) -> None:
        """Put what was changed before there was a rollout into the audit log. Raises StoreError."""
        await self._store.transact(lambda connection: _record_pending(connection, service), write=True)


def _create(connection: Connection, service: str, token: Token, hashed: str) -> None:
    if connection.execute(select(TOKENS.c.id).where(TOKENS.c.name == token.name)).first() is not None:
        message = f"there is a token {token.name!r} already"
        raise RefusedError(message, f"choose another name, or first run: abreast token revoke {token.name}")
    fields = {name: getattr(token, name) for name in ("id", "name", "created_at", "created_by", "expires_at")}
    connection.execute(insert(TOKENS).values(**fields, role=token.role.value, sha256=hashed))
    note_change(
        connection, service, token.created_at, token.created_by, f"token {token.name} ({token.role}) was created"
    )


def _revoke(connection: Connection, service: str, name: str, at: float, actor: str) -> None:
    if not connection.execute(delete(TOKENS).where(TOKENS.c.name == name)).rowcount:
        known = ", ".join(connection.scalars(select(TOKENS.c.name).order_by(TOKENS.c.name)))
        message = f"no token is called {name!r}; there are: {known or 'none'}"
        raise UsageError(message, "see: abreast token list")
    note_change(connection, service, at, actor, f"token {name} was revoked, with the sessions that it opened")


def _open(connection: Connection, hashed: str, session: Session, now: float) -> None:
    connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_at <= now))
    kept = select(SESSIONS.c.sha256).order_by(SESSIONS.c.expires_at.desc()).limit(MOST_SESSIONS - 1)
    connection.execute(delete(SESSIONS).where(SESSIONS.c.sha256.not_in(kept)))
    row = {"name": session.name, "role": session.role.value, "expires_at": session.expires_at, "token": session.token}
    connection.execute(insert(SESSIONS).values(sha256=hashed, **row))


def note_change(connection: Connection, service: str, at: float, actor: str, reason: str) -> None:
    """Into the audit log; where there is no rollout yet, to those that wait for one."""
    what = {"service": service, "at": at, "actor": actor, "reason": reason}
    rollout = connection.scalar(select(func.max(ROLLOUTS.c.number)).where(ROLLOUTS.c.service == service))
    if rollout is None:
        connection.execute(insert(TOKEN_CHANGES).values(**what))
    else:
        connection.execute(insert(EVENTS).values(**what, rollout=rollout, kind=EventKind.TOKEN.value, data={}))


def _record_pending(connection: Connection, service: str) -> None:
    waiting = TOKEN_CHANGES.c.service == service
    rows = connection.execute(select(TOKEN_CHANGES).where(waiting).order_by(TOKEN_CHANGES.c.id)).all()
    connection.execute(delete(TOKEN_CHANGES).where(waiting))
    for row in rows:
        note_change(connection, service, row.at, row.actor, row.reason)


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )
