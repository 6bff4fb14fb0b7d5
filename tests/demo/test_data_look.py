"""The demo's own look at the rows sees a wrong price, a contradiction, a write and a refusal when there is one."""

import time
from decimal import Decimal
from pathlib import Path

import pytest

from abreast.demo.data_look import Agreement, DataLook, Writes, changed
from abreast.demo.data_promises import NEW_COLUMNS
from abreast.demo.data_site import MIGRATION
from abreast.model.errors import DatabaseError
from tests.fakes.data_shop import DataShop

PRODUCTS = """
CREATE TABLE public.products (id integer PRIMARY KEY, name text NOT NULL, price numeric(10, 2) NOT NULL);
INSERT INTO public.products SELECT n, 'P' || n, n + 0.25 FROM generate_series(1, 10) n
"""
BEHIND = "UPDATE products SET ? WHERE id IN (2, 5)"
"""As abreast itself, which the triggers let pass."""


@pytest.fixture
def shop(tmp_path: Path, database: str) -> DataShop:
    """v1 and v2 side by side over ten products, by the demo's own migration."""
    made = DataShop(tmp_path, database)
    made.write("cents.yaml", MIGRATION)
    made.spec(tags=["products"])
    made.run(PRODUCTS)
    with made.opened() as data:
        data.expand("v2", "v1")
    return made


@pytest.fixture
def look(shop: DataShop) -> DataLook:
    return DataLook(shop.url)


def test_products_are_known_as_v1_sees_them_and_a_change_is_found(shop: DataShop, look: DataLook) -> None:
    before = look.known()
    shop.run("UPDATE products SET amount_cents = amount_cents / 2 WHERE id = 3", user="shop_v2")
    shop.run("UPDATE products SET title = 'other' WHERE id = 4", user="shop_v2")
    after = look.known()

    assert before[3] == ("P3", Decimal("3.25"))
    assert after[3] == ("P3", Decimal("1.62"))
    assert changed(before, after, range(1, 11)) == (3, 4)
    assert changed(before, after, [1, 4]) == (4,)


def test_a_product_that_is_gone_or_new_is_changed() -> None:
    one = {1: ("a", Decimal(1))}

    assert changed(one, {}, [1]) == (1,)
    assert changed({}, one, [1]) == (1,)
    assert changed(one, dict(one), [1, 2]) == ()


@pytest.mark.parametrize("wrong", ["_abreast_amount_cents = 1", "_abreast_currency = 'USD'"])
def test_a_contradiction_is_seen(wrong: str, shop: DataShop, look: DataLook) -> None:
    agreed = look.agreement("before", "v2")
    shop.run("SET abreast.version = '~repair'", BEHIND.replace("?", wrong))

    assert agreed == Agreement("before", 10, 0)
    assert look.agreement("after", "v2") == Agreement("after", 10, 2)


def test_writes_are_counted_by_version(shop: DataShop, look: DataLook) -> None:
    begun_s = time.time()
    shop.run("UPDATE products SET amount_cents = 1 WHERE id IN (2, 5)", user="shop_v2")
    shop.run("UPDATE products SET amount_cents = 2 WHERE id = 5", user="shop_v2")

    writes = look.writes("v2")

    assert (writes.count, writes.products) == (3, 2)
    assert begun_s - 1 <= writes.first_s < writes.last_s <= time.time() + 1
    assert look.writes("v2", writes.last_s + 0.001) == Writes(0, 0, 0.0, 0.0)
    assert look.writes("v1") == Writes(0, 0, 0.0, 0.0)


def test_what_a_repair_wrote_is_known(shop: DataShop, look: DataLook) -> None:
    shop.run("UPDATE products SET amount_cents = 1 WHERE id IN (2, 5)", user="shop_v2")
    shop.run("UPDATE products SET price = 7 WHERE id = 5", user="shop_v1")
    nothing = look.repaired()
    with shop.opened() as data:
        data.repair(data.propose("v2", None))

    assert nothing == frozenset()
    assert look.repaired() == {'{"id": 2}'}


def test_a_fenced_role_is_refused_and_another_one_writes_nothing_that_stays(shop: DataShop, look: DataLook) -> None:
    free, count = look.refusal("shop", "v2"), look.writes("v2").count
    with shop.opened() as data:
        data.fence("v2")

    assert (free, count) == ("", 0)
    assert "permission denied" in look.refusal("shop", "v2")


def test_the_table_has_only_new_columns_after_contract(shop: DataShop, look: DataLook) -> None:
    both = look.columns()
    with shop.opened() as data:
        data.contract()

    assert {"price", "_abreast_amount_cents"} <= set(both)
    assert look.columns() == NEW_COLUMNS


def test_a_database_that_is_not_there_says_so() -> None:
    with pytest.raises(DatabaseError, match="connecting to shop at"):
        DataLook("postgresql://nobody@127.0.0.1:1/shop").known()
