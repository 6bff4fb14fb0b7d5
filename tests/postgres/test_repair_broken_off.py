"""A repair that is killed at any statement: the next call does the rest, and nothing twice."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from abreast.postgres.connection import sql
from abreast.postgres.proposal import propose
from abreast.postgres.repair import repair
from abreast.schema.repair import Outcome, Verdict
from tests.fakes.journal_shop import ITEMS, ORDERS, JournalShop
from tests.postgres.dying import Moment, Work, cut_off, killed

NOTHING = Outcome(0, ())


@pytest.fixture
def shop(database: str) -> Iterator[JournalShop]:
    with JournalShop.open(database) as made:
        yield made


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


SMALL_ROWS = 5


def repairing(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Put back what v2 wrote, in small transactions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("abreast.postgres.repair.ROWS_AT_ONCE", 2)
        repair(connection, propose(connection, "v2"))


def survive(shop: JournalShop, end: Callable[[str, Work, int, Moment], bool], moment: Moment, numbers: range) -> int:
    """End it at each of these statements and call it again: at how many it did end."""
    before = shop.rows(), shop.rows(ORDERS)
    for number in numbers:
        for statement in SMALL_BAD:
            shop.v2.execute(sql(statement))
        proposal = propose(shop.owner, "v2")
        assert proposal.counts[Verdict.CLEAN] == SMALL_ROWS
        died = end(shop.url, repairing, number, moment)
        again = repair(shop.owner, proposal) if number % 2 else shop.repaired()
        assert again.kept == ()
        assert died or again == NOTHING
        assert (shop.rows(), shop.rows(ORDERS)) == before
        assert shop.repaired() == NOTHING
        marks = shop.owner.execute(
            "SELECT count(DISTINCT request_id), count(*) FROM abreast.journal WHERE version = '~repair' AND seq > %s",
            [min(row.id for row in proposal.of(Verdict.CLEAN))],
        ).fetchone()
        assert marks == (SMALL_ROWS, SMALL_ROWS)
        if not died:
            return number
    raise AssertionError(f"not done after {numbers.stop} statements")


@pytest.mark.parametrize("moment", [pytest.param("before", marks=pytest.mark.acceptance), "after"])
def test_broken_off_at_any_statement_the_next_call_does_the_rest(shop: JournalShop, moment: Moment) -> None:
    shop.made(SMALL, ITEMS, ORDERS)
    assert survive(shop, cut_off, moment, range(200)) > 40


def test_killed_for_real(shop: JournalShop) -> None:
    shop.made(SMALL, ITEMS, ORDERS)
    assert survive(shop, killed, "during", range(7, 200, 30)) > 40


@pytest.mark.acceptance
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_killed_for_real_at_any_statement(shop: JournalShop, moment: Moment) -> None:
    shop.made(SMALL, ITEMS, ORDERS)
    assert survive(shop, killed, moment, range(200)) > 40
