"""A world of several servers for the lease: all clocks in hand, and what they wrote, in the order it was written.

Its store is whichever is handed in; the database's clock is a row in a table.
"""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, Connection, Double, literal_column, select, text

from abreast.model.errors import LeaseLostError
from abreast.store.lease import DatabaseLease
from abreast.store.sql import Fence, SqlStore
from abreast.store.tables import LEASES

RATES = st.lists(st.sampled_from([0.95, 1.0, 1.05]), min_size=3, max_size=3)

Running = tuple[asyncio.Runner, SqlStore]
"""A store, and the loop that it lives in: examples of a property share both."""

CLOCK: ColumnElement[float] = literal_column("(SELECT at FROM world_clock)", Double)

Step = tuple[str, float]
"""What happens next: keep, look, write or leave with a server's number; pass or jump with seconds."""


def steps(servers: int, *, jumps: bool) -> st.SearchStrategy[list[Step]]:
    """Any order of what may happen; ``jumps`` of the database's clock too."""
    some = st.integers(0, servers - 1).map(float)
    spans = st.sampled_from([0.5, 2.0, 3.9, 4.2, 5.1])
    kinds = [
        st.tuples(st.just(kind), some) for kind in ("keep", "keep", "keep", "look", "look", "write", "write", "leave")
    ]
    kinds += [st.tuples(st.just("pass"), spans)] * 3
    if jumps:
        kinds.append(st.tuples(st.just("jump"), st.sampled_from([-30.0, -4.0, 4.0, 30.0])))
    one: st.SearchStrategy[Step] = st.one_of(kinds)
    return st.lists(one, min_size=8, max_size=50)


@dataclass
class Server:
    """One of them: ``intends`` is the fence, and the token, of the write that it is about to make.

    It is since it saw that it decides: whatever happens before the write, the server does not notice it.
    """

    lease: DatabaseLease
    intends: tuple[Fence, int] | None = None


@dataclass
class World:
    """Servers with clocks that run at ``rates`` of true time."""

    store: SqlStore
    service: str
    rates: Sequence[float] = (1.0, 1.0)
    now: float = 1000.0
    written: list[int] = field(default_factory=list)
    refused: int = 0
    servers: list[Server] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number, rate in enumerate(self.rates):
            lease = DatabaseLease(
                self.store.transactions,
                self.service,
                f"s{number}#1",
                database_now=CLOCK,
                monotonic=lambda rate=rate: self.now * rate,  # type: ignore[misc]  # mypy knows no default in a lambda
            )
            self.servers.append(Server(lease))

    @property
    def deciding(self) -> list[int]:
        """The numbers of those that believe to decide."""
        return [number for number, each in enumerate(self.servers) if each.lease.held]

    async def set_clock(self, at: float) -> None:
        """The database's clock."""
        await self.store.transact(
            lambda connection: connection.execute(text("UPDATE world_clock SET at = :at"), {"at": at}).rowcount,
            write=True,
        )

    async def pass_(self, seconds: float) -> None:
        """Time goes by, on all clocks."""
        self.now += seconds
        await self.jump(seconds)

    async def jump(self, seconds: float) -> None:
        """The database's clock alone is set."""
        await self.store.transact(
            lambda connection: (
                connection.execute(text("UPDATE world_clock SET at = at + :by"), {"by": seconds}).rowcount
            ),
            write=True,
        )

    async def newest(self) -> int | None:
        """The token on record."""
        query = select(LEASES.c.token).where(LEASES.c.service == self.service)
        return await self.store.transact(lambda connection: connection.execute(query).scalar())

    async def take(self, step: Step) -> None:
        """Do one step; what is written is in ``written`` with its token, or counted as refused."""
        kind, amount = step
        if kind == "pass":
            await self.pass_(amount)
        elif kind == "jump":
            await self.jump(amount)
        else:
            await self._act(kind, self.servers[int(amount)])

    async def _act(self, kind: str, server: Server) -> None:
        if kind == "keep":
            await server.lease.keep()
        elif kind == "leave":
            await server.lease.give_up()
        elif kind == "look":
            server.intends = (server.lease.fence(), server.lease.token) if server.lease.held else server.intends
        elif server.intends is not None:
            await self._write(*server.intends)

    async def _write(self, fence: Fence, token: int) -> None:
        """As all writes of who decides, but what is written is a note in this world."""
        try:
            self.written.append(await self.store.fenced(fence).decide(lambda _connection: token))
        except LeaseLostError:
            self.refused += 1


async def make_clock(store: SqlStore, at: float = 5000.0) -> None:
    """The table with the database's clock."""

    def make(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE world_clock (at DOUBLE PRECISION NOT NULL)"))
        connection.execute(text("INSERT INTO world_clock VALUES (:at)"), {"at": at})

    await store.transact(make, write=True)


async def live(world: World, happening: Sequence[Step], *, jumps: bool) -> None:
    """All steps, and after each what must hold whatever happened."""
    for step in happening:
        tokens = {number: each.lease.token for number, each in enumerate(world.servers)}
        intended = world.servers[int(step[1])] if step[0] == "write" else None
        before, refused = len(world.written), world.refused
        await world.take(step)
        newest = await world.newest()
        if intended is not None and intended.intends is not None:
            stale = intended.intends[1] != newest
            assert (len(world.written) - before, world.refused - refused) == ((0, 1) if stale else (1, 0))
        assert world.written == sorted(world.written), "a write under an older token came after one under a newer"
        for number, each in enumerate(world.servers):
            assert each.lease.token >= tokens[number]
            assert each.lease.token <= (newest or 0)
        if not jumps:
            assert len(world.deciding) <= 1, f"{world.deciding} decide at once"
            assert all(world.servers[number].lease.token == newest for number in world.deciding)


class Closing(Protocol):
    """What has to be closed in the end."""

    async def close(self) -> None:
        """Close it."""


Opened = TypeVar("Opened", bound=Closing)


def in_a_loop(opening: Coroutine[Any, Any, Opened], store_of: Callable[[Opened], SqlStore]) -> Iterator[Running]:
    """For a fixture: what is opened, with the database's clock in it, in a loop of its own."""
    with asyncio.Runner() as runner:
        opened = runner.run(opening)
        runner.run(make_clock(store_of(opened)))
        yield runner, store_of(opened)
        runner.run(opened.close())


def any_order(*, jumps: bool, examples: int) -> Callable[..., None]:
    """A test: whatever happens in whatever order, with servers that pause between looking and writing.

    It takes a fixture ``running``, and is of no database: each module that has one makes it with as many examples as
    that has time for.
    """
    names = itertools.count()

    @given(happening=steps(3, jumps=jumps), rates=RATES)
    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def check(running: Running, happening: list[Step], rates: list[float]) -> None:
        runner, store = running
        runner.run(live(World(store, f"s{next(names)}", rates), happening, jumps=jumps))

    return check
