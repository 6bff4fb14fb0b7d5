"""Who decides for a service: one lease in the store's database, and the token that fences who had it before.

Only the database's clock says until when a lease lasts. A holder renews it each third of that time, and counts by its
own clock from the moment *before* it asked: so it knows of its end before anybody else can take it. Whoever takes it
gets a token one higher; a write under an older one is refused within its own transaction (`fence`), also where clocks
jumped or a process stood still. Taking waits for its turn among the writers, so none is under way then.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, Double, insert, literal_column, or_, select, update

from abreast.model.errors import LeaseLostError
from abreast.store.sql import Fence
from abreast.store.tables import LEASES
from abreast.store.transactions import Transactions

LEASE_S: Final = 5.0
MARGIN_S: Final = 1.0
"""So long before its end a holder stops acting: what it began then is done by the end, and clocks may differ."""
RENEW_S: Final = LEASE_S / 3
LOOK_S: Final = 0.5
"""How often others look whether it is to be had."""

DATABASE_NOW: Final[ColumnElement[float]] = literal_column("extract(epoch FROM clock_timestamp())::float8", Double)
"""Unix seconds by PostgreSQL's clock, at this very statement."""


def boot_time() -> float:
    """Seconds since the machine started; unlike ``time.monotonic`` it also counts while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Holder:
    """Who has the lease: its identity, its token, and for how many seconds more; none left: it is to be had."""

    identity: str
    token: int
    left_s: float


def holder_of(connection: Connection, service: str, database_now: ColumnElement[float]) -> Holder | None:
    """Who has the service's lease, or had it last."""
    query = select(LEASES.c.holder, LEASES.c.token, LEASES.c.until - database_now).where(LEASES.c.service == service)
    row = connection.execute(query).one_or_none()
    return None if row is None else Holder(row[0], row[1], max(0.0, row[2]))


class DatabaseLease:
    """`abreast.ports.Lease` of one process. ``identity`` is of this one start: no other ever has it."""

    def __init__(
        self,
        transactions: Transactions,
        service: str,
        identity: str,
        *,
        database_now: ColumnElement[float] = DATABASE_NOW,
        monotonic: Callable[[], float] = boot_time,
    ) -> None:
        self.identity = identity
        self._transactions = transactions
        self._service = service
        self._database_now = database_now
        self._monotonic = monotonic
        self._token = 0
        self._acts_until = 0.0

    @property
    def held(self) -> bool:
        """Whether this process decides: it stops before the lease ends."""
        return bool(self._token) and self._monotonic() < self._acts_until

    @property
    def token(self) -> int:
        """The fencing token of the present or the last holding; 0 before the first."""
        return self._token

    async def keep(self) -> bool:
        """Renew it if it is held, else try to take it; whether it is held now. Raises StoreError."""
        return await self._renew() if self.held else await self._take()

    async def give_up(self) -> None:
        """End it now, so that others need not wait. Raises StoreError; it ends by itself then."""
        token, self._acts_until = self._token, 0.0
        over = update(LEASES).where(*self._mine(token)).values(until=self._database_now)
        await self._transactions.run(lambda connection: connection.execute(over).rowcount)

    def fence(self) -> Fence:
        """Refuses, from the next taking on, whatever writes under the present token."""
        token = self._token

        def require(connection: Connection) -> None:
            query = select(LEASES.c.holder, LEASES.c.token).where(LEASES.c.service == self._service)
            newest = connection.execute(query).one_or_none()
            # By its holder too: a database that lost its last moments may give the same token once more.
            if newest is not None and tuple(newest) == (self.identity, token):
                return
            if token == self._token:
                self._acts_until = 0.0
            told = newest.token if newest is not None else "none"
            message = f"{self._service}: another server decides by now (token {told}, this one had {token})"
            raise LeaseLostError(message, "see who does: abreast status; then give the command again")

        return require

    async def holder(self) -> Holder | None:
        """Who has it, or had it last. Raises StoreError."""
        return await self._transactions.run(lambda connection: holder_of(connection, self._service, self._database_now))

    async def _renew(self) -> bool:
        asked_at, token = self._monotonic(), self._token
        longer = update(LEASES).where(*self._mine(token)).values(until=self._database_now + LEASE_S)
        if await self._transactions.run(lambda connection: connection.execute(longer).rowcount):
            # Another thread's write may have found meanwhile that it is lost; then that stays so.
            if self._acts_until:
                self._acts_until = asked_at + LEASE_S - MARGIN_S
        else:
            self._acts_until = 0.0
        return self.held

    async def _take(self) -> bool:
        self._acts_until = 0.0
        asked_at = self._monotonic()
        token = await self._transactions.run(self._taken, write=True)
        if token is not None:
            self._token, self._acts_until = token, asked_at + LEASE_S - MARGIN_S
        return self.held

    def _taken(self, connection: Connection) -> int | None:
        """The new token; None: another has it."""
        until = self._database_now + LEASE_S
        free = or_(LEASES.c.until <= self._database_now, LEASES.c.holder == self.identity)
        taken = (
            update(LEASES)
            .where(LEASES.c.service == self._service, free)
            .values(holder=self.identity, token=LEASES.c.token + 1, until=until)
        )
        of_service = select(LEASES.c.token).where(LEASES.c.service == self._service)
        if connection.execute(taken).rowcount:
            token: int = connection.execute(of_service).scalar_one()
            return token
        if connection.execute(of_service).scalar() is not None:
            return None
        connection.execute(insert(LEASES).values(service=self._service, holder=self.identity, token=1, until=until))
        return 1

    def _mine(self, token: int) -> tuple[ColumnElement[bool], ...]:
        return (LEASES.c.service == self._service, LEASES.c.holder == self.identity, LEASES.c.token == token)
