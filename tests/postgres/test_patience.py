"""Locks that are taken: wait for a moment, come back, and say who holds them when it has been long enough."""

import random
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from abreast.model.errors import DatabaseError
from abreast.postgres.connection import Connection, connected
from abreast.postgres.patience import Patience, unhurried

LOCK = "LOCK TABLE t IN ACCESS EXCLUSIVE MODE"


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with connected(database, search_path="public") as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1), (2, 1)")
        yield connection


@pytest.fixture
def other(database: str, connection: Connection) -> Iterator[Connection]:
    """A session with a transaction of its own; it reads ``t`` first."""
    with psycopg.connect(database, application_name="other") as other:
        other.execute("SELECT FROM t")
        yield other


class Naps:
    """Time that passes in sleep only; at the given nap something happens."""

    def __init__(self, at: int, happens: object) -> None:
        self.at, self.happens = at, happens
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == self.at and callable(self.happens):
            self.happens()

    def clock(self) -> float:
        return sum(self.slept)


def test_work_that_finds_its_lock_is_done_once(connection: Connection) -> None:
    naps = Naps(0, None)

    assert Patience(sleep=naps.sleep).run(connection, "locking", lambda: connection.execute(LOCK).rowcount) == -1

    assert naps.slept == []
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_it_comes_back_until_the_lock_is_free(connection: Connection, other: Connection) -> None:
    naps, told, tries = Naps(3, other.rollback), list[str](), list[int]()
    patience = Patience(
        lock_timeout_ms=10,
        pause_s=1.0,
        tell=lambda what, _: told.append(what),
        sleep=naps.sleep,
        clock=naps.clock,
        chance=random.Random(1),
    )

    def work() -> str:
        tries.append(1)
        connection.execute("INSERT INTO t VALUES (9, 9)")
        connection.execute(LOCK)
        return "done"

    assert patience.run(connection, "locking t", work) == "done"

    assert len(tries) == 4
    assert [0.5 * n <= nap <= 1.5 * n for n, nap in enumerate(naps.slept, 1)] == [True] * 3
    assert told[0].startswith("locking t: waiting for a lock, try 2 (process ")
    assert "SELECT FROM t" in told[0]
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (3,)


def test_it_never_waits_in_the_queue_for_longer_than_the_time_out(connection: Connection, other: Connection) -> None:
    waits: list[float] = []

    def work() -> None:
        began = time.monotonic()
        try:
            connection.execute(LOCK)
        finally:
            waits.append(time.monotonic() - began)

    naps = Naps(2, other.rollback)
    Patience(lock_timeout_ms=50, sleep=naps.sleep).run(connection, "locking", work)

    assert len(waits) == 3
    assert all(0.05 <= wait < 1 for wait in waits[:2])


def test_it_gives_up_with_who_is_there(connection: Connection, other: Connection) -> None:
    naps = Naps(0, None)
    patience = Patience(lock_timeout_ms=1, longest_s=5, pause_s=1, sleep=naps.sleep, clock=naps.clock)

    with pytest.raises(DatabaseError) as raised:
        patience.run(connection, "locking t", lambda: connection.execute(LOCK))

    pid = other.info.backend_pid
    assert "locking t: the lock was not free once in 5 s" in str(raised.value)
    assert f"process {pid} of postgres, 0 s old: SELECT FROM t" in str(raised.value)
    assert "let those transactions end" in str(raised.value)


def test_what_is_stopped_by_no_lock_is_given_up_in_the_servers_words(connection: Connection) -> None:
    def work() -> None:
        connection.execute("DO $$BEGIN RAISE serialization_failure USING MESSAGE = 'somebody was first'; END$$")

    with pytest.raises(DatabaseError, match=r"putting back: stopped at each try \(somebody was first\) in 0 s"):
        Patience(longest_s=0).run(connection, "putting back", work)


def test_a_catalog_row_that_two_change_at_once_is_tried_again(connection: Connection) -> None:
    """The server has no state of its own for it: GRANTs and REVOKEs that meet say so."""
    tries: list[int] = []

    def work() -> int:
        tries.append(1)
        if len(tries) < 3:
            connection.execute("DO $$BEGIN RAISE 'tuple concurrently updated'; END$$")
        return len(tries)

    naps = Naps(0, None)
    assert Patience(sleep=naps.sleep, clock=naps.clock).run(connection, "granting", work) == 3
    assert len(naps.slept) == 2


def test_its_pauses_grow_unevenly_and_not_for_ever(connection: Connection, other: Connection) -> None:
    naps = Naps(15, other.rollback)
    patience = Patience(lock_timeout_ms=1, sleep=naps.sleep, clock=naps.clock, chance=random.Random(1))
    patience.run(connection, "locking t", lambda: connection.execute(LOCK))
    wanted = [0.2 * min(number, 10) for number in range(1, 16)]
    shares = [nap / want for nap, want in zip(naps.slept, wanted, strict=True)]
    assert all(0.5 <= share <= 1.5 for share in shares)
    assert len(set(shares)) == 15


def test_what_is_no_lock_is_not_tried_again(connection: Connection) -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        connection.execute("SELECT 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        Patience().run(connection, "dividing", work)

    assert tries == [1]


def test_a_deadlock_is_tried_again(connection: Connection, other: Connection) -> None:
    """The server ends the one whose deadlock_timeout is over first: ours."""
    other.rollback()
    other.execute("SET deadlock_timeout = '1min'")
    other.execute("UPDATE t SET n = 2 WHERE id = 2")
    connection.execute("SET deadlock_timeout = '20ms'")
    tries: list[int] = []

    def cross() -> None:
        other.execute("UPDATE t SET n = 2 WHERE id = 1")
        other.commit()

    second = threading.Thread(target=cross)

    def work() -> None:
        tries.append(1)
        connection.execute("UPDATE t SET n = 3 WHERE id = 1")
        if len(tries) == 1:
            second.start()
        connection.execute("UPDATE t SET n = 3 WHERE id = 2")

    Patience(lock_timeout_ms=10_000, pause_s=0.01).run(connection, "updating", work)
    second.join(10)

    assert len(tries) == 2
    assert connection.execute("SELECT n FROM t ORDER BY id").fetchall() == [(3,), (3,)]


def test_unhurried_work_has_no_lock_time_out_and_it_is_back_afterwards(database: str) -> None:
    with connected(database, lock_timeout="4s") as connection:

        def shown() -> tuple[object, ...] | None:
            return connection.execute("SHOW lock_timeout").fetchone()

        with unhurried(connection):
            assert shown() == ("0",)

        assert shown() == ("4s",)
