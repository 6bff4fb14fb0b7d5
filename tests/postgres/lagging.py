"""Two tables in one database that an applier keeps in step, late: a step at a time, in the hands of a test."""

import random
from collections import deque
from dataclasses import dataclass, field

from abreast.postgres.connection import Connection, sql
from abreast.schema.names import ident


def number(lsn: str) -> int:
    """An LSN as a position."""
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


@dataclass
class Lagging:
    """Writes to ``table`` that arrive in ``copy`` in their order, when ``step`` says so."""

    connection: Connection
    table: str
    copy: str
    broken: set[int] = field(default_factory=set)
    """Keys whose changes are lost on the way."""
    queue: deque[tuple[int, int, str | None]] = field(default_factory=deque)

    def write(self, key: int, value: str | None) -> None:
        """Set or delete (None)."""
        self._put(self.table, key, value)
        row = self.connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        assert row is not None
        self.queue.append((number(row[0]), key, value))

    def step(self) -> None:
        """One change arrives."""
        if self.queue:
            _, key, value = self.queue.popleft()
            if key not in self.broken:
                self._put(self.copy, key, value)

    def applied(self, lsn: str) -> bool:
        """Whether all that was written up to there has arrived."""
        return not self.queue or self.queue[0][0] > number(lsn)

    def _put(self, table: str, key: int, value: str | None) -> None:
        if value is None:
            self.connection.execute(sql(f"DELETE FROM public.{ident(table)} WHERE id = %s"), [key])
            return
        self.connection.execute(
            sql(f"INSERT INTO public.{ident(table)} VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET v = excluded.v"),
            [key, value],
        )


@dataclass
class Busy:
    """The time and the world in it: every wait lets some writes happen and some arrive."""

    flows: list[Lagging]
    keys: list[list[int]]
    """Which keys are written through each flow's table."""
    chance: random.Random
    seconds: float = 0.0
    writes: int = 3
    arrivals: int = 4

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.bustle()

    def bustle(self) -> None:
        """A few writes, of few values so that old ones come again; then a few arrivals."""
        for flow, keys in zip(self.flows, self.keys, strict=True):
            for _ in range(self.chance.randint(0, self.writes)):
                flow.write(self.chance.choice(keys), self.chance.choice(["a", "b", None]))
            for _ in range(self.chance.randint(1, self.arrivals)):
                flow.step()
