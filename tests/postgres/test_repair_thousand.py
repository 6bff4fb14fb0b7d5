"""A bad version among others for a while: what can be put back is, to the byte; all else is as it was."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from abreast.postgres.connection import Connection, sql
from abreast.postgres.proposal import propose
from abreast.postgres.repair import repair
from abreast.schema.names import Relation
from abreast.schema.repair import Outcome, Verdict
from tests.fakes.journal_shop import ITEMS, ORDERS, JournalShop

CLEAN, OVERWRITTEN, DEPENDENT, REPAIRED = Verdict.CLEAN, Verdict.OVERWRITTEN, Verdict.DEPENDENT, Verdict.REPAIRED
TABLES = """
CREATE TABLE items (id bigint PRIMARY KEY, name text, price numeric, data jsonb);
CREATE TABLE orders (id bigint PRIMARY KEY, item bigint REFERENCES items ON DELETE CASCADE, note text);
INSERT INTO items SELECT n, 'name ' || n, n / 100.0, 'null' FROM generate_series(1, {count}) n"""

UPDATE = "UPDATE items SET name = name || '+', price = price * 1.10, data = '{{\"by\": null}}' WHERE id = {id}"
DELETE = "DELETE FROM items WHERE id = {id}"
INSERT = "INSERT INTO items VALUES ({id}, 'again', 1.0, NULL)"
INSERT_NEW = "INSERT INTO items VALUES ({new}, 'new', 1.00)"
MOVE = "UPDATE items SET id = {new} WHERE id = {id}"
UPDATE_NEW = "UPDATE items SET price = 0 WHERE id = {new}"
CHILD = "INSERT INTO orders VALUES ({new}, {new}, 'new')"

STORIES: list[tuple[Verdict | None, tuple[tuple[str, str], ...]]] = [
    (CLEAN, (("v2", UPDATE), ("v2", UPDATE))),
    (OVERWRITTEN, (("v2", UPDATE), ("v1", UPDATE))),
    (CLEAN, (("v1", UPDATE), ("v2", UPDATE), ("v2", DELETE))),
    (OVERWRITTEN, (("v2", DELETE), ("v1", INSERT))),
    (CLEAN, (("v1", UPDATE), ("v2", UPDATE), ("v2", DELETE), ("v2", INSERT))),
    (CLEAN, (("v2", INSERT_NEW), ("v2", CHILD), ("v2", UPDATE_NEW))),
    (DEPENDENT, (("v2", INSERT_NEW), ("v2", UPDATE_NEW), ("v1", CHILD))),
    (CLEAN, (("v2", UPDATE), ("v2", MOVE), ("v2", UPDATE_NEW))),
    (None, (("v1", UPDATE), ("v1", DELETE))),
    (OVERWRITTEN, (("v2", UPDATE), ("v1", UPDATE), ("v2", UPDATE))),
]
"""What happens to a row, in order, and what must be said of it; None: v2 never wrote it."""


@dataclass
class Row:
    """One row's story, and the row before v2 came to it."""

    id: int
    new: int
    verdict: Verdict | None
    steps: list[tuple[str, str]]
    before: str | None = None
    touched: bool = False

    @property
    def last_id(self) -> int:
        """The key that v2 left it with."""
        return self.new if any("{new}" in statement for _, statement in self.steps) else self.id


@pytest.fixture
def each_shop(each_database: str) -> Iterator[JournalShop]:
    with JournalShop.open(each_database) as made:
        yield made


@pytest.fixture
def shop(database: str) -> Iterator[JournalShop]:
    with JournalShop.open(database) as made:
        yield made


def test_a_thousand_rows(shop: JournalShop) -> None:
    check(shop, 1_200, random.Random(1), written=1_000)


def test_a_hundred_rows_on_every_server(each_shop: JournalShop) -> None:
    check(each_shop, 120, random.Random(2), written=100)


def check(shop: JournalShop, count: int, chance: random.Random, written: int) -> None:
    """Tell ``count`` stories through each other, repair, and compare all rows with what they must be."""
    shop.made(TABLES.format(count=count), ITEMS, ORDERS)
    rows = told(shop, count, chance)
    proposal = propose(shop.owner, "v2")
    assert len(proposal.rows) >= written
    said = {row.key: row.verdict for row in proposal.rows if row.relation == ITEMS}
    for row in rows:
        assert said.get(f'{{"id": {row.last_id}}}') is row.verdict

    items, orders = by_id(shop.owner, ITEMS), by_id(shop.owner, ORDERS)
    for row in rows:
        if row.verdict is CLEAN:
            items.pop(row.last_id, None)
            orders.pop(row.last_id, None)
            items |= {row.id: row.before} if row.before is not None else {}
    clean = proposal.counts[CLEAN]
    assert repair(shop.owner, proposal) == Outcome(clean, ())
    assert (by_id(shop.owner, ITEMS), by_id(shop.owner, ORDERS)) == (items, orders)

    again = propose(shop.owner, "v2")
    assert again.counts == {**proposal.counts, CLEAN: 0, REPAIRED: clean}
    entries = shop.owner.execute("SELECT count(*) FROM abreast.journal").fetchone()
    assert repair(shop.owner, again) == repair(shop.owner, proposal) == Outcome(0, ())
    assert shop.owner.execute("SELECT count(*) FROM abreast.journal").fetchone() == entries


def told(shop: JournalShop, count: int, chance: random.Random) -> list[Row]:
    """Every story from its beginning to its end, one step of one of them at a time."""
    rows = []
    for number in range(1, count + 1):
        verdict, steps = STORIES[number % len(STORIES)]
        rows.append(Row(number, count + number, verdict, list(steps)))
    writers = {"v1": shop.v1, "v2": shop.v2}
    turns = [row for row in rows for _ in row.steps]
    chance.shuffle(turns)
    place = dict.fromkeys((row.id for row in rows), 0)
    for row in turns:
        version, statement = row.steps[place[row.id]]
        place[row.id] += 1
        if version == "v2" and not row.touched:
            row.touched, row.before = True, by_id(shop.owner, ITEMS, row.id).get(row.id)
            if statement == INSERT_NEW:
                row.before = None
        writers[version].execute(sql(statement.format(id=row.id, new=row.new)))
    return rows


def by_id(connection: Connection, relation: Relation, only: int | None = None) -> dict[int, str]:
    where = "" if only is None else f" WHERE id = {only}"
    return dict(connection.execute(sql(f"SELECT id, t::text FROM {relation.sql} t{where}")).fetchall())
