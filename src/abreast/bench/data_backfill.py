"""How fast a backfill goes, and what the statements of an application notice of it."""

import random
import threading
import time
from dataclasses import dataclass, replace
from typing import Self

import psycopg

from abreast.postgres.connection import Connection, sql
from abreast.postgres.migrate import Migrator
from abreast.postgres.patience import Patience
from abreast.schema.migration import read_migration
from abreast.schema.views import Version

_TABLE = """
CREATE SCHEMA bench_fill;
CREATE TABLE bench_fill.products (
  id int PRIMARY KEY, name text NOT NULL, price numeric(10,2) NOT NULL, note text, stock int NOT NULL);
INSERT INTO bench_fill.products
  SELECT n, 'name ' || n, n % 1000 / 4.0, 'a note of ' || n, 0 FROM generate_series(1, {rows}) n;
ANALYZE bench_fill.products;
"""
_MIGRATION = """
operations:
- alter_column: {table: products, column: price, type: bigint, up: (price * 100)::bigint, down: price / 100.0}
"""
_PAUSE_S = 0.002
_ENDS = (True, False)


@dataclass(frozen=True, slots=True)
class Filling:
    """``rows_per_s``: with the pauses that it makes. p99 of an application's statements before it, and during it."""

    rows: int
    rows_per_s: float
    before_p99_ms: float
    during_p99_ms: float
    failed: int

    @property
    def p99_ratio(self) -> float:
        """How many times as long statements took."""
        return self.during_p99_ms / self.before_p99_ms


class Application:
    """One session that reads a row and writes it, again and again, a little slower than it could."""

    def __init__(self, url: str, role: str, rows: int) -> None:
        self.url = url
        self.role = role
        self.rows = rows
        self.latencies_s: list[tuple[float, float]] = []
        """(when it ended, how long it took)."""
        self.failed = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="application")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def p99_ms(self, since_s: float, until_s: float) -> float:
        """Of the statements that ended between these moments; 0 of none."""
        taken = sorted(took for ended, took in self.latencies_s if since_s <= ended <= until_s)
        return taken[int(len(taken) * 0.99)] * 1e3 if taken else 0.0

    def _run(self) -> None:
        chance = random.Random(1)
        with psycopg.connect(self.url, user=self.role, autocommit=True) as session:
            while not self._ended.wait(_PAUSE_S):
                number = chance.randint(1, self.rows)
                for statement in (
                    "SELECT * FROM products WHERE id = %s",
                    "UPDATE products SET price = price + 1, stock = stock + 1 WHERE id = %s",
                ):
                    began = time.perf_counter()
                    try:
                        session.execute(statement, [number])
                    except psycopg.Error:
                        self.failed += 1
                    now = time.perf_counter()
                    self.latencies_s.append((now, now - began))


def filling(connection: Connection, url: str, rows: int, quiet_s: float) -> Filling:
    """Expand a table of so many rows under an application that has been alone for ``quiet_s`` before."""
    connection.execute(sql(_TABLE.format(rows=rows)))
    old, new = (Version(name, f"fill_{name}", "bench_fill") for name in ("v1", "v2"))
    spans: list[float] = []

    def tell(what: str, share: float | None) -> None:
        """The first word of the backfill is its step, the first word after it the next step."""
        if (share is not None and what.startswith("backfill products") == (not spans)) or (
            len(spans) == 1 and share is not None and not what.startswith("backfill products")
        ):
            spans.append(time.perf_counter())

    migrator = Migrator(connection, Patience(tell=tell))
    migrator.adopt(old)
    migrator.patience = replace(migrator.patience, tell=tell)
    plan = migrator.plan("bench_fill", read_migration("bench.yaml", _MIGRATION).operations, old, new)
    with Application(url, old.role, rows) as application:
        began = time.perf_counter()
        time.sleep(quiet_s)
        until = time.perf_counter()
        migrator.expand(plan, new)
    first, last = spans[0], spans[1]
    return Filling(
        rows=rows,
        rows_per_s=rows / (last - first),
        before_p99_ms=application.p99_ms(began, until),
        during_p99_ms=application.p99_ms(first, last),
        failed=application.failed,
    )
