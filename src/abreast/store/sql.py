"""The store over SQL: one implementation for a file and for a server; `sqlite` and `postgresql` open it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from sqlalchemy import Connection

from abreast.model.errors import StoreCorruptError
from abreast.model.event import Event
from abreast.model.rollout import Rollout
from abreast.ports import VersionCounts
from abreast.store import rows
from abreast.store.signals import Signal, send
from abreast.store.transactions import Transactions

KEEP_COUNTS_S: Final = 30 * 86_400.0
"""Counts per minute are kept this long: a month of looking back; events stay for ever."""

T = TypeVar("T")

Fence = Callable[[Connection], None]
"""Raises LeaseLostError in a transaction of somebody who decides no longer."""


class SqlStore:
    """`abreast.ports.Store` over SQL; made by `abreast.store.sqlite.open_store` and by `open_server`.

    With a ``fence``, everything that follows from deciding (rollouts, evidence, findings, flags) is refused, in its
    own transaction, once another decides. Counts, secrets, tokens and sessions belong to no decider.
    """

    def __init__(
        self, transactions: Transactions, keep_counts_s: float = KEEP_COUNTS_S, fence: Fence | None = None
    ) -> None:
        self.transactions = transactions
        self._keep_counts_s = keep_counts_s
        self._fence = fence

    def fenced(self, fence: Fence) -> "SqlStore":
        """The same store for one holder of a lease; closing either closes both."""
        return SqlStore(self.transactions, self._keep_counts_s, fence)

    def damaged(self, what: str) -> StoreCorruptError:
        """The error for what is stored here and makes no sense."""
        return self.transactions.faults.damaged(what)

    async def load(self, service: str) -> Rollout | None:
        """The newest rollout of the service. Raises StoreError, StoreCorruptError."""
        return await self.transact(lambda connection: rows.newest_rollout(connection, service))

    async def save(self, rollout: Rollout, events: Iterable[Event]) -> Rollout:
        """Write the rollout by compare-and-set, and its events, in one transaction: all or nothing.

        Only the newest rollout of a service can be written, or the one that follows it begun. Raises
        ConflictError when somebody else wrote in between, LeaseLostError, StoreError when nothing could be written.
        """
        listed = tuple(events)

        def save(connection: Connection) -> Rollout:
            saved = rows.save_rollout(connection, rollout, listed)
            send(connection, rollout.service, Signal.ROLLOUT)
            return saved

        return await self.decide(save)

    async def events(self, service: str, *, limit: int = 1000, after: int = 0) -> Sequence[tuple[int, Event]]:
        """The newest ``limit`` events with ids above ``after``, oldest first, each with its id."""
        return await self.transact(lambda connection: rows.newest_events(connection, service, limit, after))

    async def history(self, service: str) -> Sequence[Rollout]:
        """Every rollout of the service, oldest first, each in its last state."""
        return await self.transact(lambda connection: rows.all_rollouts(connection, service))

    async def add_counts(self, service: str, minute: int, counts: Mapping[str, VersionCounts]) -> None:
        """Add to the stored counts of that minute; drops a few minutes that are past keeping."""
        await self.transact(lambda connection: self.count(connection, service, minute, counts), write=True)

    def count(self, connection: Connection, service: str, minute: int, counts: Mapping[str, VersionCounts]) -> None:
        """`add_counts` within a transaction of the caller's."""
        rows.add_counts(connection, service, minute, counts, keep_minutes=int(self._keep_counts_s // 60))

    async def counts(self, service: str, since_minute: int) -> Sequence[tuple[int, str, VersionCounts]]:
        """Stored counts from that minute on: (minute, version, counts), oldest first."""
        return await self.transact(lambda connection: rows.counts_since(connection, service, since_minute))

    async def secret(self, name: str, fresh: str) -> str:
        """The secret of that name; ``fresh`` is stored and returned if there is none yet."""
        return await self.transact(lambda connection: rows.secret(connection, name, fresh), write=True)

    async def close(self) -> None:
        """Finish what was asked for before, then release the database; closing twice does nothing more."""
        await self.transactions.close()

    async def transact(self, work: Callable[[Connection], T], *, write: bool = False) -> T:
        """Wait for one transaction that nobody need decide. Raises StoreError."""
        return await self.transactions.run(work, write=write)

    async def decide(self, work: Callable[[Connection], T]) -> T:
        """Wait for one transaction of whoever decides. Raises LeaseLostError, StoreError."""
        fence = self._fence
        if fence is None:
            return await self.transact(work, write=True)

        def guarded(connection: Connection) -> T:
            fence(connection)
            return work(connection)

        return await self.transact(guarded, write=True)
