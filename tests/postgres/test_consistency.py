"""Every row is looked at: contradictions are found, told, kept as drift, and made again of the side that is right."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from abreast.model.errors import DatabaseError
from abreast.operations.data import Data
from abreast.postgres.consistency import check, mend
from abreast.postgres.patience import Patience, silent
from abreast.schema.digest import Kind
from abreast.schema.names import Relation
from tests.fakes.data_shop import DataShop

PRODUCTS = Relation("public", "products")
TWO_TABLES = """operations:
  - alter_column: {table: products, column: price, type: bigint, up: (price * 100)::bigint, down: price / 100.0}
  - alter_column: {table: orders, column: total, type: text, up: total::text, down: total::integer}
  - add_column: {table: plain, column: {name: note, type: text, nullable: true}}
"""
GREETING = """operations:
  - add_column: {table: products, column: {name: greeting, type: text}, up: "'hello ' || name"}
"""


@pytest.fixture
def shop(tmp_path: Path, database: str) -> DataShop:
    return DataShop.made(tmp_path, database)


@pytest.fixture
def data(shop: DataShop) -> Iterator[Data]:
    """Two versions, in step."""
    with shop.opened() as data:
        data.expand(None, None)
        yield data


def drift(shop: DataShop) -> list[tuple[object, ...]]:
    return shop.run("SELECT table_name, key->>'id', state FROM abreast.drift ORDER BY 1, 2")


def test_rows_in_step_are_counted_and_nothing_is_kept(shop: DataShop, data: Data) -> None:
    told: list[str] = []
    (found,) = check(data.connection, data.both("check").plan.tables, 10, lambda what, _: told.append(what))
    assert (found.relation, found.key, found.names) == (PRODUCTS, ("id",), ("price",))
    assert (found.rows, found.divergent, found.found) == (3, 0, ())
    assert told[-1] == "check products: 3 rows"
    assert drift(shop) == []


def test_a_contradiction_is_told_with_both_sides_and_kept_until_it_is_gone(shop: DataShop, data: Data) -> None:
    tables = data.both("check").plan.tables
    shop.contradict("id = 2")
    (found,) = check(data.connection, tables, 10, silent)
    (wrong,) = found.found
    assert (wrong.key, wrong.kind, wrong.left, wrong.right) == (("2",), Kind.DIFFERS, ("250",), ("251",))
    assert drift(shop) == [("products", "2", "open")]
    assert mend(data.connection, tables, "old", Patience()) == 1
    assert [row[2] for row in shop.sides()] == [100, 250, 7]
    assert check(data.connection, tables, 10, silent)[0].divergent == 0
    assert drift(shop) == [("products", "2", "repaired")]


def test_all_are_counted_and_only_so_many_told(shop: DataShop, data: Data) -> None:
    shop.contradict()
    (found,) = check(data.connection, data.both("check").plan.tables, 2, silent)
    assert (found.divergent, [each.key for each in found.found]) == (3, [("1",), ("2",)])


def test_null_on_one_side_is_a_contradiction(shop: DataShop, data: Data) -> None:
    shop.run("SET abreast.version = '~repair'", "UPDATE products SET _abreast_price = NULL WHERE id = 1")
    (found,) = check(data.connection, data.both("check").plan.tables, 10, silent)
    assert [(each.left, each.right) for each in found.found] == [(("100",), (None,))]


def test_the_new_side_can_be_the_right_one(shop: DataShop, data: Data) -> None:
    shop.contradict("id < 3")
    tables = data.both("mend").plan.tables
    assert mend(data.connection, tables, "new", Patience()) == 2
    assert shop.sides() == [(1, "1.01", 101), (2, "2.51", 251), (3, "0.07", 7)]
    assert mend(data.connection, tables, "new", Patience()) == 0


def test_what_a_conversion_loses_is_no_contradiction(shop: DataShop) -> None:
    shop.write("cents.yaml", TWO_TABLES.splitlines()[0] + "\n" + TWO_TABLES.splitlines()[1].replace("* 100", "* 10"))
    shop.run("UPDATE products SET price = 1.11 WHERE id = 1")
    with shop.opened() as data:
        data.expand(None, None)
        shop.run("UPDATE products SET price = 999 WHERE id = 2", user="shop_v2")
        assert [found.divergent for found in data.check()] == [0]


def test_each_table_with_two_sides_is_looked_at_and_no_other(shop: DataShop) -> None:
    shop.run(
        "CREATE TABLE public.orders (id int PRIMARY KEY, total int); INSERT INTO orders VALUES (7, 70), (8, 80);"
        " CREATE TABLE public.plain (id int PRIMARY KEY)"
    )
    shop.write("cents.yaml", TWO_TABLES)
    with shop.opened() as data:
        data.expand(None, None)
        shop.contradict("id = 1")
        shop.run("SET abreast.version = '~repair'", "UPDATE orders SET _abreast_total = '81' WHERE id = 8")
        assert {found.relation.name: (found.rows, found.divergent) for found in data.check()} == {
            "products": (3, 1),
            "orders": (2, 1),
        }
        assert data.mend("old") == 2
        assert [found.divergent for found in data.check()] == [0, 0]


def test_a_value_of_the_new_versions_own_is_no_contradiction(shop: DataShop) -> None:
    """There is no way back from it, so nothing can be held against it."""
    shop.write("cents.yaml", GREETING)
    with shop.opened() as data:
        data.expand(None, None)
        shop.run("UPDATE products SET greeting = 'my own' WHERE id = 1", user="shop_v2")
        assert data.check() == ()
        assert data.mend("old") == 0
    assert shop.run("SELECT greeting FROM products WHERE id = 1", user="shop_v2") == [("my own",)]


def test_mending_waits_for_a_row_that_somebody_holds_only_so_long(shop: DataShop, data: Data) -> None:
    shop.contradict("id = 1")
    tables = data.both("mend").plan.tables
    with shop.session("shop_v1") as session, session.transaction():
        session.execute("UPDATE products SET name = 'held' WHERE id = 1")
        with pytest.raises(DatabaseError, match="mend products: the lock was not free once"):
            mend(data.connection, tables, "old", Patience(lock_timeout_ms=10, longest_s=0))
    assert mend(data.connection, tables, "old", Patience()) == 1
