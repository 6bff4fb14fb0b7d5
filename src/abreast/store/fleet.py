"""Which servers there are, what their gateways obey, and orders from one to the one that decides.

All times are the database's: no server's clock is trusted, nor compared with another's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from abreast.nodes.minutes import by_minute
from abreast.nodes.second import NodeSecond
from abreast.rollout.observed import NodeState
from abreast.store.lease import DATABASE_NOW, Holder, holder_of
from abreast.store.node_seconds import Told, add_seconds, seconds_after
from abreast.store.signals import Signal, send
from abreast.store.sql import SqlStore
from abreast.store.tables import ORDERS, REPLICAS

FORGET_S: Final = 86_400.0
"""A server that was silent for so long is listed no more."""
KEEP_ORDERS_S: Final = 3600.0

SERVER: Final = "server"
"""The kind of a replica that is a server; those of agents are in `abreast.model.agent.AgentKind`."""

NODES: Final[TypeAdapter[tuple[NodeState, ...]]] = TypeAdapter(tuple[NodeState, ...])


@dataclass(frozen=True)
class Replica:
    """One server: ``identity`` is of this one start, ``silent_s`` since it reported; its Envoys as it told of them.

    Also an agent that keeps a gateway, of that ``kind``, as the ``server`` tells to which it is connected.
    """

    name: str
    identity: str
    silent_s: float
    nodes: tuple[NodeState, ...]
    kind: str = SERVER
    server: str = ""


@dataclass(frozen=True)
class Look:
    """What one look tells: all servers, who has the lease, and what gateways counted since the look before."""

    replicas: Sequence[Replica]
    holder: Holder | None
    seconds: Sequence[Told]


class SqlFleet:
    """The servers of one service in an open `SqlStore`. Every method raises StoreError."""

    def __init__(self, store: SqlStore, service: str, *, database_now: ColumnElement[float] = DATABASE_NOW) -> None:
        self._store = store
        self._service = service
        self._now = database_now

    async def report(
        self,
        name: str,
        identity: str,
        nodes: Sequence[NodeState],
        seconds: Sequence[NodeSecond] = (),
        now: float = 0.0,
    ) -> None:
        """This server is there, its Envoys obey this, and its gateways have counted that, as its clock shows ``now``.

        It takes the place of an earlier one of its name. A second that is known stays as it was; what is new is in
        the history by the minute as well, so that each is there once, whoever writes it and however often.
        """
        text = NODES.dump_json(tuple(nodes)).decode()

        def write(connection: Connection) -> None:
            self._report(connection, name, identity, text)
            fresh = add_seconds(connection, self._service, seconds, now, self._now)
            for minute, counts in by_minute(fresh).items():
                self._store.count(connection, self._service, minute, counts)

        await self._store.transact(write, write=True)

    async def look(self, after: int) -> Look:
        """Everything that a server wants to know of the others; of seconds those after that id (`Told.id`)."""
        return await self._store.transact(lambda connection: self._look(connection, after))

    async def leave(self, name: str, identity: str) -> None:
        """This server ends in order, and its Envoys with it."""
        own = (*self._named(name), REPLICAS.c.identity == identity)

        def go(connection: Connection) -> None:
            connection.execute(delete(REPLICAS).where(*own))
            send(connection, self._service, Signal.NODES)

        await self._store.transact(go, write=True)

    async def replicas(self) -> Sequence[Replica]:
        """All that are known, servers first, by name, those that are silent included."""
        return await self._store.transact(self._replicas)

    async def place(self, id_: str, body: str, wait_s: float) -> None:
        """Add an order; who decides may begin with it within ``wait_s``."""
        row = insert(ORDERS).values(id=id_, service=self._service, at=self._now, until=self._now + wait_s, body=body)

        def add(connection: Connection) -> None:
            connection.execute(row)
            send(connection, self._service, Signal.ORDER)

        await self._store.transact(add, write=True)

    async def withdraw(self, id_: str) -> bool:
        """Take an order back; False: somebody has begun with it."""
        untouched = delete(ORDERS).where(ORDERS.c.id == id_, ORDERS.c.token.is_(None))
        return bool(await self._store.transact(lambda connection: connection.execute(untouched).rowcount, write=True))

    async def answer(self, id_: str) -> str | None:
        """What it came to; None while it is not answered."""
        query = select(ORDERS.c.answer).where(ORDERS.c.id == id_)
        return await self._store.transact(lambda connection: connection.execute(query).scalar())

    async def begin(self, token: int, lost: str) -> Sequence[tuple[str, str]]:
        """The orders (id, body) that the holder of that token now carries out, oldest first: each once.

        What an earlier holder had begun with and not answered is answered with ``lost``: nobody knows how far it came.
        The store must be the holder's own (`SqlStore.fenced`). Raises LeaseLostError.
        """
        waiting = select(ORDERS.c.id).where(ORDERS.c.service == self._service, ORDERS.c.answer.is_(None))
        if await self._store.transact(lambda connection: connection.execute(waiting).first()) is None:
            return []
        return await self._store.decide(lambda connection: self._begin(connection, token, lost))

    async def finish(self, id_: str, answer: str) -> None:
        """Answer it."""
        done = update(ORDERS).where(ORDERS.c.id == id_, ORDERS.c.answer.is_(None)).values(answer=answer)

        def tell(connection: Connection) -> None:
            connection.execute(done)
            send(connection, self._service, Signal.ANSWER)

        await self._store.transact(tell, write=True)

    def _replicas(self, connection: Connection) -> Sequence[Replica]:
        query = (
            select(
                REPLICAS.c.name,
                REPLICAS.c.identity,
                (self._now - REPLICAS.c.seen_at).label("silent_s"),
                REPLICAS.c.nodes,
                REPLICAS.c.kind,
                REPLICAS.c.server,
            )
            .where(REPLICAS.c.service == self._service)
            .order_by(REPLICAS.c.kind.desc(), REPLICAS.c.name)
        )
        return [_replica(row) for row in connection.execute(query)]

    def _look(self, connection: Connection, after: int) -> Look:
        return Look(
            self._replicas(connection),
            holder_of(connection, self._service, self._now),
            seconds_after(connection, self._service, after, self._now),
        )

    def _report(self, connection: Connection, name: str, identity: str, nodes: str) -> None:
        told = {"identity": identity, "seen_at": self._now, "nodes": nodes}
        known = select(REPLICAS.c.identity, REPLICAS.c.nodes).where(*self._named(name))
        before = connection.execute(known).one_or_none()
        if before is None or tuple(before) != (identity, nodes):
            send(connection, self._service, Signal.NODES)
        if before is None:
            connection.execute(insert(REPLICAS).values(service=self._service, name=name, **told))
        else:
            connection.execute(update(REPLICAS).where(*self._named(name)).values(**told))
        connection.execute(delete(REPLICAS).where(REPLICAS.c.seen_at < self._now - FORGET_S))

    def _begin(self, connection: Connection, token: int, lost: str) -> list[tuple[str, str]]:
        mine = (ORDERS.c.service == self._service, ORDERS.c.answer.is_(None))
        connection.execute(update(ORDERS).where(*mine, ORDERS.c.token != token).values(answer=lost))
        connection.execute(delete(ORDERS).where(ORDERS.c.at < self._now - KEEP_ORDERS_S))
        fresh = (*mine, ORDERS.c.token.is_(None), ORDERS.c.until > self._now)
        rows = connection.execute(select(ORDERS.c.id, ORDERS.c.body).where(*fresh).order_by(ORDERS.c.at)).all()
        connection.execute(update(ORDERS).where(ORDERS.c.id.in_([row.id for row in rows])).values(token=token))
        return [(row.id, row.body) for row in rows]

    def _named(self, name: str) -> tuple[ColumnElement[bool], ...]:
        return (REPLICAS.c.service == self._service, REPLICAS.c.kind == SERVER, REPLICAS.c.name == name)


def _replica(row: Row[tuple[str, str, float, str, str, str]]) -> Replica:
    nodes = NODES.validate_json(row.nodes)
    return Replica(row.name, row.identity, max(0.0, row.silent_s), nodes, row.kind, row.server)
