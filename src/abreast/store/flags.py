"""Feature flags in the store's file."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select

from abreast.model.event import Event
from abreast.model.flag import KeptFlag
from abreast.store.rows import add_events
from abreast.store.signals import Signal, send
from abreast.store.sql import SqlStore
from abreast.store.tables import FLAGS


class SqlFlags:
    """`abreast.ports.FlagStore` in the same file as everything else."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def flags(self, service: str) -> Sequence[KeptFlag]:
        """Every flag that was kept, by name. Raises StoreError."""
        return await self._store.transact(lambda connection: _kept(connection, service))

    async def keep_flags(self, service: str, kept: Sequence[KeptFlag], events: Sequence[Event]) -> None:
        """Keep these and no others, and add the events, in one transaction. Raises StoreError."""
        await self._store.decide(lambda connection: _keep(connection, service, kept, events))


def _kept(connection: Connection, service: str) -> list[KeptFlag]:
    query = select(FLAGS).where(FLAGS.c.service == service).order_by(FLAGS.c.name)
    return [
        KeptFlag(row["name"], row["definition"], on=row["on"], at=row["at"], actor=row["actor"], reason=row["reason"])
        for row in connection.execute(query).mappings()
    ]


def _keep(connection: Connection, service: str, kept: Sequence[KeptFlag], events: Sequence[Event]) -> None:
    connection.execute(delete(FLAGS).where(FLAGS.c.service == service))
    if kept:
        connection.execute(insert(FLAGS), [{"service": service, **asdict(each)} for each in kept])
    add_events(connection, service, events)
    send(connection, service, Signal.FLAGS)
