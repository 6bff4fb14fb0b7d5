"""Agents in the store: who may join, who has, and what their Envoys obey as the server says that hears of them.

Of join tokens there are only hashes. All times are the database's.
"""

import hmac
from collections.abc import Sequence
from typing import Final, Literal

from sqlalchemy import ColumnElement, Connection, Delete, Row, Table, Update, delete, insert, or_, select, update

from abreast.model.agent import AgentName, Enrolment, JoinToken, Presence
from abreast.model.errors import JoinError, UsageError
from abreast.model.token import digest
from abreast.rollout.observed import NodeState
from abreast.store.fleet import FORGET_S, NODES
from abreast.store.lease import DATABASE_NOW
from abreast.store.signals import Signal, send
from abreast.store.sql import SqlStore
from abreast.store.tables import AGENTS, JOIN_TOKENS, REPLICAS
from abreast.store.tokens import note_change

FREE_S: Final = 5.0
"""Who was silent for so long may be somebody else by now: its name is free for another start."""

KEEP_S: Final = 7 * 86_400.0
"""For so long it is known of a join token that it expired, or was used."""

Entry = Literal["kept", "taken", "unknown"]
"""What became of a report: ``taken``: another start has the name; ``unknown``: the agent is not enrolled any more."""

_ASK: Final = "make another, beside any server: abreast join-token {name} --kind {kind}"


class SqlAgents:
    """The agents of one service in an open `SqlStore`. Every method raises StoreError."""

    def __init__(self, store: SqlStore, service: str, *, database_now: ColumnElement[float] = DATABASE_NOW) -> None:
        self._store = store
        self.service = service
        self._now = database_now

    async def invite(self, token: JoinToken, agent: AgentName, valid_s: float, actor: str, at: float) -> None:
        """Let whoever brings the token in under that name, once, within so many seconds."""
        row = {
            "id": token.id,
            "service": self.service,
            "kind": agent.kind.value,
            "name": agent.name,
            "sha256": digest(token.secret),
            "created_by": actor,
            "expires_at": self._now + valid_s,
        }

        def work(connection: Connection) -> None:
            connection.execute(delete(JOIN_TOKENS).where(JOIN_TOKENS.c.expires_at < self._now - KEEP_S))
            connection.execute(insert(JOIN_TOKENS).values(**row))
            note_change(connection, self.service, at, actor, f"a join token for {agent} was created")

        await self._store.transact(work, write=True)

    async def redeem(self, token: JoinToken, agent: AgentName, key: str, enrolment: str, at: float) -> Enrolment:
        """Use the token up for the public key of that digest; its certificates before are good no more.

        Who brings the same token and key again is enrolled as before. Raises JoinError.
        """
        return await self._store.transact(
            lambda connection: self._redeem(connection, token, agent, key, enrolment, at), write=True
        )

    async def revoke(self, agent: AgentName, actor: str, at: float) -> None:
        """Forget the agent, its certificate and what tokens it has not used. Raises UsageError for an unknown one."""

        def work(connection: Connection) -> None:
            unused = (*self._of(JOIN_TOKENS, agent), JOIN_TOKENS.c.used_by.is_(None))
            known = connection.execute(delete(AGENTS).where(*self._of(AGENTS, agent))).rowcount
            known += connection.execute(delete(JOIN_TOKENS).where(*unused)).rowcount
            if not known:
                there = select(AGENTS.c.name).where(AGENTS.c.service == self.service, AGENTS.c.kind == agent.kind.value)
                names = ", ".join(connection.scalars(there.order_by(AGENTS.c.name)))
                raise UsageError(
                    f"no {agent.kind} is called {agent.name!r}; there are: {names or 'none'}", "see: abreast status"
                )
            connection.execute(delete(REPLICAS).where(*self._of(REPLICAS, agent)))
            note_change(connection, self.service, at, actor, f"{agent} was revoked: it is told nothing any more")

        await self._store.transact(work, write=True)

    async def entry(self, presence: Presence) -> Entry:
        """What a report of it would come to."""
        return await self._store.transact(lambda connection: self._entry(connection, presence))

    async def report(self, presence: Presence, server: str, nodes: Sequence[NodeState]) -> Entry:
        """The agent is there, at this server, and its Envoys obey this.

        An older connection of the same start changes nothing: its server will learn of its end by itself.
        """
        text = NODES.dump_json(tuple(nodes)).decode()
        return await self._store.transact(
            lambda connection: self._report(connection, presence, server, text), write=True
        )

    async def part(self, presence: Presence) -> None:
        """The connection ended: another start may take the name at once. The Envoys may still be there."""
        await self._change(update(REPLICAS).where(*self._own(presence)).values(identity=""))

    async def leave(self, presence: Presence) -> None:
        """The agent ends in order, and its Envoys with it."""
        await self._change(delete(REPLICAS).where(*self._own(presence)))

    async def _change(self, change: Update | Delete) -> None:
        def work(connection: Connection) -> None:
            if connection.execute(change).rowcount:
                send(connection, self.service, Signal.NODES)

        await self._store.transact(work, write=True)

    def _redeem(
        self, connection: Connection, token: JoinToken, agent: AgentName, key: str, enrolment: str, at: float
    ) -> Enrolment:
        query = select(JOIN_TOKENS, (JOIN_TOKENS.c.expires_at <= self._now).label("over"))
        row = connection.execute(query.where(JOIN_TOKENS.c.id == token.id)).one_or_none()
        self._require(row, token, agent, key)
        if row is not None and row.used_by == key:
            return Enrolment(agent, self.service, row.enrolment)
        used = update(JOIN_TOKENS).where(JOIN_TOKENS.c.id == token.id).values(used_by=key, enrolment=enrolment)
        connection.execute(used)
        connection.execute(delete(AGENTS).where(*self._of(AGENTS, agent)))
        what = {"service": self.service, "kind": agent.kind.value, "name": agent.name}
        connection.execute(insert(AGENTS).values(**what, enrolment=enrolment))
        # Whoever had the name before is not let in again: its Envoys are not waited for.
        connection.execute(delete(REPLICAS).where(*self._of(REPLICAS, agent)))
        maker = row.created_by if row is not None else ""
        note_change(connection, self.service, at, str(agent), f"{agent} joined with the token that {maker} made")
        return Enrolment(agent, self.service, enrolment)

    def _require(self, row: Row[tuple[object, ...]] | None, token: JoinToken, agent: AgentName, key: str) -> None:
        """Raise JoinError for what is wrong with the token."""
        ask = _ASK.format(name=agent.name, kind=agent.kind.value)
        if row is None or row.service != self.service or not hmac.compare_digest(digest(token.secret), row.sha256):
            raise JoinError(f"the join token {token.id} is unknown here: it was revoked, or is of another fleet", ask)
        if (row.kind, row.name) != (agent.kind.value, agent.name):
            message = f"the join token {token.id} is for {row.kind}/{row.name}, not for {agent}"
            raise JoinError(message, f"use it there, or {ask}")
        if row.used_by not in {None, key}:
            raise JoinError(f"the join token {token.id} was used already: each lets in once", ask)
        if row.over and row.used_by is None:
            raise JoinError(f"the join token {token.id} has expired", ask)

    def _report(self, connection: Connection, presence: Presence, server: str, nodes: str) -> Entry:
        agent, entry = presence.enrolment.agent, self._entry(connection, presence)
        if entry != "kept":
            return entry
        told = {
            "identity": presence.identity,
            "connection": presence.number,
            "server": server,
            "seen_at": self._now,
            "nodes": nodes,
        }
        query = select(REPLICAS.c.server, REPLICAS.c.nodes).where(*self._of(REPLICAS, agent))
        row = connection.execute(query).one_or_none()
        if row is None or tuple(row) != (server, nodes):
            send(connection, self.service, Signal.NODES)
        newest = or_(REPLICAS.c.identity != presence.identity, REPLICAS.c.connection <= presence.number)
        if row is None:
            what = {"service": self.service, "kind": agent.kind.value, "name": agent.name}
            connection.execute(insert(REPLICAS).values(**what, **told))
            connection.execute(delete(REPLICAS).where(REPLICAS.c.seen_at < self._now - FORGET_S))
        else:
            connection.execute(update(REPLICAS).where(*self._of(REPLICAS, agent), newest).values(**told))
        return "kept"

    def _entry(self, connection: Connection, presence: Presence) -> Entry:
        """Who is not the newest enrolled is unknown; a name is taken while another start has it that is not silent."""
        enrolment = presence.enrolment
        newest = connection.scalar(select(AGENTS.c.enrolment).where(*self._of(AGENTS, enrolment.agent)))
        if enrolment.service != self.service or newest != enrolment.id:
            return "unknown"
        other = REPLICAS.c.identity.not_in(["", presence.identity])
        there = select(REPLICAS.c.name).where(*self._of(REPLICAS, enrolment.agent), other)
        heard = there.where(REPLICAS.c.seen_at >= self._now - FREE_S)
        return "kept" if connection.execute(heard).first() is None else "taken"

    def _names(self, connection: Connection, agent: AgentName) -> str:
        there = (AGENTS.c.service == self.service, AGENTS.c.kind == agent.kind.value)
        return ", ".join(connection.scalars(select(AGENTS.c.name).where(*there).order_by(AGENTS.c.name))) or "none"

    def _own(self, presence: Presence) -> tuple[ColumnElement[bool], ...]:
        mine = (REPLICAS.c.identity == presence.identity, REPLICAS.c.connection == presence.number)
        return (*self._of(REPLICAS, presence.enrolment.agent), *mine)

    def _of(self, table: Table, agent: AgentName) -> tuple[ColumnElement[bool], ...]:
        return (table.c.service == self.service, table.c.kind == agent.kind.value, table.c.name == agent.name)
