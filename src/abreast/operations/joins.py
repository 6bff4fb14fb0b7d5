"""Letting agents in, and sending them away."""

import secrets
from dataclasses import dataclass, field
from typing import Final, Protocol

from abreast.model.agent import AgentName, JoinToken
from abreast.model.errors import UsageError
from abreast.model.token import ID_BYTES, SECRET_BYTES
from abreast.ports import Clock

VALID_S: Final = 3600.0
"""How long a join token waits for its agent, unless somebody says otherwise."""

LONGEST_S: Final = 30 * 86_400.0


class Agents(Protocol):
    """Who may join, and who has, kept where all servers see it. Every method raises StoreError."""

    async def invite(self, token: JoinToken, agent: AgentName, valid_s: float, actor: str, at: float) -> None:
        """Let whoever brings the token in under that name, once."""

    async def revoke(self, agent: AgentName, actor: str, at: float) -> None:
        """Forget it, and its unused tokens. Raises UsageError for an unknown one."""


@dataclass(frozen=True)
class JoinDesk:
    """What these operations work on; ``authority`` is the SHA-256 of the fleet's authority."""

    agents: Agents
    authority: str
    clock: Clock


@dataclass(frozen=True)
class Invited:
    """A join token, shown this once, and until when it lets its agent in (Unix seconds)."""

    agent: AgentName
    token: str = field(repr=False)
    expires_at: float


async def invite(desk: JoinDesk | None, agent: AgentName, actor: str, valid_s: float = VALID_S) -> Invited:
    """Make a join token. Raises UsageError where there is no fleet, or for more than `LONGEST_S`; StoreError."""
    desk = _there(desk)
    if valid_s > LONGEST_S:
        raise UsageError(f"a join token is valid for 30 days at most, not for {valid_s:g} s", "ask for 30d or less")
    token = JoinToken(secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES), desk.authority)
    now = desk.clock.now()
    await desk.agents.invite(token, agent, valid_s, actor, now)
    return Invited(agent, str(token), now + valid_s)


async def revoke(desk: JoinDesk | None, agent: AgentName, actor: str) -> str:
    """End an agent's part in the fleet; returns a sentence. Raises UsageError, StoreError."""
    desk = _there(desk)
    await desk.agents.revoke(agent, actor, desk.clock.now())
    return f"{agent} is revoked: it is told nothing any more, and serves as it was told last until it is ended there"


def _there(desk: JoinDesk | None) -> JoinDesk:
    if desk is None:
        raise UsageError("`abreast up` is no fleet: nothing joins it", "run several servers: abreast server")
    return desk
