"""Which servers there are, what their gateways obey, and orders from one to the one that decides.

All times are the database's: no server's clock is trusted, nor compared with another's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from abreast.rollout.observed import NodeState
from abreast.store.lease import DATABASE_NOW
from abreast.store.sql import SqlStore
from abreast.store.tables import ORDERS, REPLICAS

FORGET_S: Final = 86_400.0
"""A server that was silent for so long is listed no more."""
KEEP_ORDERS_S: Final = 3600.0

_NODES: Final[TypeAdapter[tuple[NodeState, ...]]] = TypeAdapter(tuple[NodeState, ...])


@dataclass(frozen=True)
class Replica:
    """One server: ``identity`` is of this one start, ``silent_s`` since it reported; its Envoys as it told of them."""

    name: str
    identity: str
    silent_s: float
    nodes: tuple[NodeState, ...]


class SqlFleet:
    """The servers of one service in an open `SqlStore`. Every method raises StoreError."""

    def __init__(self, store: SqlStore, service: str, *, database_now: ColumnElement[float] = DATABASE_NOW) -> None:
        self._store = store
        self._service = service
        self._now = database_now

    async def report(self, name: str, identity: str, nodes: Sequence[NodeState]) -> None:
        """This server is there, and its Envoys obey this; it takes the place of an earlier one of its name."""
        text = _NODES.dump_json(tuple(nodes)).decode()
        await self._store.transact(lambda connection: self._report(connection, name, identity, text), write=True)

    async def leave(self, name: str, identity: str) -> None:
        """This server ends in order, and its Envoys with it."""
        own = (*self._named(name), REPLICAS.c.identity == identity)
        gone = delete(REPLICAS).where(*own)
        await self._store.transact(lambda connection: connection.execute(gone).rowcount, write=True)

    async def replicas(self) -> Sequence[Replica]:
        """All that are known, by name, those that are silent included."""
        query = (
            select(REPLICAS.c.name, REPLICAS.c.identity, self._now - REPLICAS.c.seen_at, REPLICAS.c.nodes)
            .where(REPLICAS.c.service == self._service)
            .order_by(REPLICAS.c.name)
        )
        rows = await self._store.transact(lambda connection: connection.execute(query).all())
        return [Replica(row[0], row[1], max(0.0, row[2]), _NODES.validate_json(row[3])) for row in rows]

    async def place(self, id_: str, body: str, wait_s: float) -> None:
        """Add an order; who decides may begin with it within ``wait_s``."""
        row = insert(ORDERS).values(id=id_, service=self._service, at=self._now, until=self._now + wait_s, body=body)
        await self._store.transact(lambda connection: connection.execute(row).rowcount, write=True)

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
        await self._store.transact(lambda connection: connection.execute(done).rowcount, write=True)

    def _report(self, connection: Connection, name: str, identity: str, nodes: str) -> None:
        told = {"identity": identity, "seen_at": self._now, "nodes": nodes}
        if not connection.execute(update(REPLICAS).where(*self._named(name)).values(**told)).rowcount:
            connection.execute(insert(REPLICAS).values(service=self._service, name=name, **told))
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
        return (REPLICAS.c.service == self._service, REPLICAS.c.name == name)
