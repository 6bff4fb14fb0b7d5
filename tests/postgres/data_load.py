"""A shop under load while its data migrate: four writers, four readers, first of v1, then of v2."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg

from abreast.postgres.connection import connected
from abreast.postgres.connection import sql as text
from abreast.postgres.migrate import Migrator
from abreast.postgres.patience import Patience
from abreast.schema.migration import read_migration
from abreast.schema.plan import TablePlan
from abreast.schema.views import Version

OLD: Final = Version("v1", "shop_v1", "public")
NEW: Final = Version("v2", "shop_v2", "public")
LOCK_TIMEOUT_MS: Final = 200
LONGEST_MS: Final = 2 * LOCK_TIMEOUT_MS
"""How long a statement of an application may wait for a lock: the server writes down every longer wait."""
TABLE: Final = """
CREATE TABLE public.products (
  id int PRIMARY KEY, name text NOT NULL, price numeric(10,2) NOT NULL CHECK (price >= 0), kind text,
  stock int NOT NULL);
CREATE INDEX products_price_idx ON public.products (price);
INSERT INTO public.products
  SELECT n, 'name ' || n, n % 1000 / 4.0, 'kind ' || n % 9, 0 FROM generate_series(1, {rows}) n;
ANALYZE public.products;
"""
MIGRATION: Final = """
operations:
- alter_column: {table: products, column: price, type: bigint, up: (price * 100)::bigint, down: price / 100.0}
- alter_column: {table: products, column: kind, nullable: false, up: "coalesce(kind, 'none')", down: kind}
- add_column: {table: products, column: {name: slug, type: text, nullable: true}, up: lower(name)}
"""
_UPSERT: Final = (
    "INSERT INTO products (id, name, price, kind, stock) VALUES (%(id)s, 'made', %(n)s, 'k', 0) "
    "ON CONFLICT (id) DO UPDATE SET price = excluded.price, stock = products.stock + 1"
)
WRITES: Final = (
    ("UPDATE products SET price = %(n)s, stock = stock + 1 WHERE id = %(id)s", True),
    ("UPDATE products SET stock = stock + 1 WHERE id = %(id)s", True),
    ("UPDATE products SET name = 'N' || %(n)s, kind = 'k', stock = stock + 1 WHERE id = %(id)s RETURNING *", True),
    ("INSERT INTO products (id, name, price, kind, stock) VALUES (%(fresh)s, 'made', %(n)s, 'k', 0)", False),
    (_UPSERT, True),
)
READS: Final = (
    "SELECT * FROM products WHERE id = %(id)s",
    "SELECT count(*), sum(price) FROM products WHERE id BETWEEN %(id)s AND %(id)s + 500",
    "SELECT name FROM products WHERE price = %(n)s LIMIT 5",
)


@dataclass
class User:
    """One application's session: it reconnects when it is told another role, and prepares what it says."""

    url: str
    number: int
    writes: bool
    rows: int
    role: str = "postgres"
    connected_as: str = ""
    pids: list[int] = field(default_factory=list)
    counted: int = 0
    latencies_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until ``ended``; every error is kept."""
        chance = random.Random(self.number)
        while not self.ended.is_set():
            role = self.role
            with psycopg.connect(self.url, user=role, autocommit=True, prepare_threshold=2) as session:
                self.pids.append(session.info.backend_pid)
                self.connected_as = role
                while self.role == role and not self.ended.is_set():
                    began = time.perf_counter()
                    try:
                        self._act(session, chance)
                    except psycopg.Error as error:
                        self.errors.append(f"{role}: {error}")
                    self.latencies_s.append(time.perf_counter() - began)
                    time.sleep(0.002)

    def _act(self, session: psycopg.Connection[tuple[Any, ...]], chance: random.Random) -> None:
        ids = sorted(chance.sample(range(1, self.rows + 1), 2))  # in one order: our own users never deadlock
        fresh = self.rows + 1 + self.number + 10 * len(self.latencies_s)
        values = [{"id": number, "n": chance.randrange(1000), "fresh": fresh} for number in ids]
        if not self.writes:
            session.execute(text(chance.choice(READS)), values[0]).fetchall()
            return
        statement, counts = chance.choice(WRITES)
        if counts and chance.random() < 0.3:
            with session.transaction():
                for each in values:
                    session.execute(text(statement), each)
            self.counted += 2
        else:
            session.execute(text(statement), values[0])
            self.counted += counts


@dataclass(frozen=True)
class Told:
    """What was seen: ``waits`` are the server's lines about applications that waited too long."""

    statements: int
    errors: tuple[str, ...]
    longest_ms: float
    p99_ms: float
    deadlocks: int
    waits: tuple[str, ...]
    counted: int
    stock: int
    divergent: int
    unlike: int


@contextmanager
def crowd(url: str, rows: int) -> Iterator[list[User]]:
    """Four writers and four readers at work; they are ended."""
    users = [User(url, number, number < 4, rows) for number in range(8)]
    threads = [threading.Thread(target=user.run, name=f"user {user.number}") for user in users]
    for thread in threads:
        thread.start()
    try:
        yield users
    finally:
        for user in users:
            user.ended.set()
        for thread in threads:
            thread.join(30)


def migrate_under_load(url: str, log: Path, rows: int, spell_s: float, tell: Callable[[str], None]) -> Told:
    """From before abreast came to after the contract, with ``spell_s`` of load between the steps."""
    with connected(url) as connection:
        connection.execute(text(TABLE.format(rows=rows)))
        name = connection.info.dbname
        for setting in (f"deadlock_timeout = '{LONGEST_MS}ms'", "log_lock_waits = on"):
            connection.execute(text(f'ALTER DATABASE "{name}" SET {setting}'))
    began_at = log.stat().st_size
    with connected(url) as connection, crowd(url, rows) as users:
        migrator = Migrator(connection, Patience(lock_timeout_ms=LOCK_TIMEOUT_MS))
        time.sleep(spell_s)
        migrator.adopt(OLD)
        move(users, OLD.role)
        plan = migrator.plan("public", read_migration("m.yaml", MIGRATION).operations, OLD, NEW)
        began = time.monotonic()
        migrator.expand(plan, NEW)
        tell(f"expanded {rows:,} rows in {time.monotonic() - began:.1f} s")
        time.sleep(spell_s)
        move(users[::2], NEW.role)
        time.sleep(spell_s)
        move(users, NEW.role)
        (table,) = plan.tables
        divergent = _count(connection, f"SELECT count(*) FROM public.products AS new WHERE {table.divergent}")
        unlike = _unlike(connection, table)
        _gone(connection, OLD.role)
        migrator.contract("public", OLD, 0.1)
        time.sleep(spell_s)
        for user in users:
            user.ended.set()
    with connected(url) as connection:
        stock = _count(connection, "SELECT sum(stock) FROM public.products")
        deadlocks = _count(connection, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    latencies = sorted(latency for user in users for latency in user.latencies_s)
    pids = {pid for user in users for pid in user.pids}
    written = log.read_text(encoding="utf-8", errors="replace")[began_at:]
    return Told(
        statements=len(latencies),
        errors=tuple(error for user in users for error in user.errors),
        longest_ms=latencies[-1] * 1e3,
        p99_ms=latencies[int(len(latencies) * 0.99)] * 1e3,
        deadlocks=deadlocks,
        waits=tuple(
            line
            for line in written.splitlines()
            if "still waiting for" in line and any(f"process {pid} still" in line for pid in pids)
        ),
        counted=sum(user.counted for user in users),
        stock=stock,
        divergent=divergent,
        unlike=unlike,
    )


def move(users: list[User], role: str) -> None:
    """Give them another role, and wait until each has connected as that."""
    for user in users:
        user.role = role
    deadline = time.monotonic() + 30
    while any(user.connected_as != role for user in users):
        assert time.monotonic() < deadline, f"not all came as {role}"
        time.sleep(0.01)


def _gone(connection: psycopg.Connection[tuple[Any, ...]], role: str) -> None:
    deadline = time.monotonic() + 10
    while connection.execute("SELECT 1 FROM pg_stat_activity WHERE usename = %s", [role]).fetchone():
        assert time.monotonic() < deadline, f"{role} is still connected"
        time.sleep(0.01)


def _unlike(connection: psycopg.Connection[tuple[Any, ...]], table: TablePlan) -> int:
    """Rows whose cents are not their price; this pair loses nothing."""
    assert table.relation.name == "products"
    query = "SELECT count(*) FROM public.products WHERE _abreast_price IS DISTINCT FROM (price * 100)::bigint"
    return _count(connection, query)


def _count(connection: psycopg.Connection[tuple[Any, ...]], query: str) -> int:
    row = connection.execute(text(query)).fetchone()
    return int(row[0]) if row else -1
