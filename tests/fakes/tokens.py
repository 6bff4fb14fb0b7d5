"""Tokens and sessions in memory, under the same contract as the real ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from abreast.model.errors import RefusedError, UsageError
from abreast.model.event import Event, EventKind
from abreast.model.token import Session, Token
from tests.fakes.store import FakeStore


@dataclass
class FakeTokens:
    """`abreast.ports.Tokens` in memory; its events go to ``store``."""

    store: FakeStore
    _tokens: dict[str, tuple[Token, str]] = field(default_factory=dict)
    _sessions: dict[str, Session] = field(default_factory=dict)
    _pending: list[tuple[str, float, str, str]] = field(default_factory=list)

    async def create_token(self, service: str, token: Token, hashed: str) -> None:
        """Add it, unless its name is taken."""
        await self._refuse()
        if token.name in {each.name for each, _ in self._tokens.values()}:
            raise RefusedError(f"there is a token {token.name!r} already", "choose another name")
        self._tokens[token.id] = (token, hashed)
        await self._note(service, token.created_at, token.created_by, f"token {token.name} ({token.role}) was created")

    async def revoke_token(self, service: str, name: str, at: float, actor: str) -> None:
        """Forget it and its sessions."""
        await self._refuse()
        known = {token.name: token.id for token, _ in self._tokens.values()}
        if name not in known:
            raise UsageError(f"no token is called {name!r}; there are: {', '.join(sorted(known))}", "see the list")
        del self._tokens[known[name]]
        self._sessions = {key: each for key, each in self._sessions.items() if each.token != known[name]}
        await self._note(service, at, actor, f"token {name} was revoked, with the sessions that it opened")

    async def tokens(self) -> Sequence[Token]:
        """By name."""
        await self._refuse()
        return sorted((token for token, _ in self._tokens.values()), key=lambda token: token.name)

    async def token(self, id_: str) -> tuple[Token, str] | None:
        """The token and its hash."""
        await self._refuse()
        return self._tokens.get(id_)

    async def note_use(self, id_: str, at: float) -> None:
        """Remember it."""
        await self._refuse()
        token, hashed = self._tokens[id_]
        self._tokens[id_] = (replace(token, used_at=at), hashed)

    async def create_session(self, hashed: str, session: Session, now: float) -> None:
        """Add it, and forget what is over."""
        await self._refuse()
        self._sessions = {key: each for key, each in self._sessions.items() if each.expires_at > now}
        self._sessions[hashed] = session

    async def session(self, hashed: str) -> Session | None:
        """The session, even if it is over."""
        await self._refuse()
        return self._sessions.get(hashed)

    async def end_session(self, hashed: str) -> None:
        """Forget it."""
        await self._refuse()
        self._sessions.pop(hashed, None)

    async def record_pending(self, service: str) -> None:
        """Into the audit log, as far as there is one by now."""
        waiting, self._pending = self._pending, []
        for owner, at, actor, reason in waiting:
            if owner == service:
                await self._note(owner, at, actor, reason)
            else:
                self._pending.append((owner, at, actor, reason))

    async def _note(self, service: str, at: float, actor: str, reason: str) -> None:
        newest = await self.store.load(service)
        if newest is None:
            self._pending.append((service, at, actor, reason))
        else:
            self.store.append(service, [Event(at, newest.number, EventKind.TOKEN, actor, reason)])

    async def _refuse(self) -> None:
        await self.store.history("")  # raises what is wrong with the store
