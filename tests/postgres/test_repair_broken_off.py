"""A repair that is killed at any statement: the next call does the rest, and nothing twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Self

import psycopg
import pytest

from abreast.postgres.connection import PINNED, sql
from abreast.postgres.proposal import propose
from abreast.postgres.repair import repair
from abreast.schema.repair import Outcome, Verdict
from tests.fakes.journal_shop import ITEMS, ORDERS, JournalShop

NOTHING = Outcome(0, ())


@pytest.fixture
def shop(database: str) -> Iterator[JournalShop]:
    with JournalShop.open(database) as made:
        yield made


class _CutError(BaseException):
    """The connection broke, as when its process is killed."""


class Cut(psycopg.Connection[tuple[Any, ...]]):
    """Breaks off before its nth statement: the server sees what it sees of a process that is killed."""

    left = 0

    @classmethod
    def made(cls, url: str, statements: int) -> Self:
        options = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in PINNED.items())
        connection = cls.connect(url, autocommit=True, options=options)
        connection.left = statements
        return connection

    def execute(self, *arguments: Any, **named: Any) -> psycopg.Cursor[tuple[Any, ...]]:  # noqa: ANN401  as psycopg's
        self.left -= 1
        if self.left < 0:
            self.pgconn.finish()
            raise _CutError
        return super().execute(*arguments, **named)


SMALL = (
    "CREATE TABLE items (id integer PRIMARY KEY, name text);"
    "CREATE TABLE orders (id integer PRIMARY KEY, item integer REFERENCES items ON DELETE CASCADE);"
    "INSERT INTO items SELECT n, 'name ' || n FROM generate_series(1, 4) n; INSERT INTO orders VALUES (1, 1)"
)
SMALL_BAD = (
    "UPDATE items SET name = 'bad' WHERE id = 2",
    "DELETE FROM items WHERE id = 1",
    "INSERT INTO items VALUES (5, 'five')",
    "INSERT INTO orders VALUES (5, 5)",
)


def test_broken_off_before_any_statement_the_next_call_does_the_rest(
    shop: JournalShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abreast.postgres.repair.ROWS_AT_ONCE", 2)
    shop.made(SMALL, ITEMS, ORDERS)
    before = shop.rows(), shop.rows(ORDERS)
    breaks, finished = 0, False
    while not finished:
        for statement in SMALL_BAD:
            shop.v2.execute(sql(statement))
        proposal = propose(shop.owner, "v2")
        assert proposal.counts[Verdict.CLEAN] == 5
        first = 0
        try:
            with Cut.made(shop.url, breaks) as cut:
                first = repair(cut, proposal).restored
            finished = True
        except _CutError:
            breaks += 1
        again = repair(shop.owner, proposal) if breaks % 2 else shop.repaired()
        assert again.kept == ()
        assert first + again.restored <= 5
        assert (shop.rows(), shop.rows(ORDERS)) == before
        assert shop.repaired() == NOTHING
        marks = shop.owner.execute(
            "SELECT count(DISTINCT request_id), count(*) FROM abreast.journal WHERE version = '~repair' AND seq > %s",
            [min(row.id for row in proposal.of(Verdict.CLEAN))],
        ).fetchone()
        assert marks == (5, 5)
    assert breaks > 25


KILLED = """
import os, signal, sys
from abreast.postgres.connection import connected
from abreast.postgres.proposal import propose
from abreast.postgres import repair
repair.ROWS_AT_ONCE = 3
with connected(sys.argv[1]) as connection:
    def progress(done, total):
        if done >= 6:
            os.kill(os.getpid(), signal.SIGKILL)
    repair.repair(connection, propose(connection, "v2"), progress)
"""


def test_killed_for_real(shop: JournalShop) -> None:
    shop.made("CREATE TABLE items (id integer PRIMARY KEY); INSERT INTO items SELECT generate_series(1, 10)")
    before = shop.rows()
    shop.v2.execute("DELETE FROM items")
    ended = subprocess.run([sys.executable, "-c", KILLED, shop.url], env=os.environ, timeout=30, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(shop.rows()) == 6
    assert shop.repaired() == Outcome(4, ())
    assert shop.rows() == before
