"""Two tables that should be the same, and ten planted differences."""

from typing import Final

import psycopg

from abreast.postgres.connection import sql
from abreast.postgres.scan import Side
from abreast.schema.digest import Difference, Kind, Source
from abreast.schema.names import Relation

ITEMS: Final = Relation("public", "items")
COLUMNS: Final = ("sku", "name", "price", "stock", "at")
TABLE: Final = (
    "CREATE TABLE items (id bigint PRIMARY KEY, sku text NOT NULL, name text, price numeric(10,2), stock int, "
    "at timestamptz)"
)
ROWS: Final = """
INSERT INTO items
SELECT i, 'sku-' || i, CASE WHEN i %% 10 <> 0 THEN 'name of ' || i END, (i %% 10000) / 100.0, i %% 500,
       timestamptz '2024-01-01' + i * interval '1 second'
  FROM generate_series(1, %s) i"""
SOURCE: Final = Source.of(ITEMS, ["id"], COLUMNS)


def fill(url: str, rows: int) -> Side:
    """The table with so many rows; those with an id that ends in 0 have no name."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)
        connection.execute(ROWS, [rows])
        connection.execute("ANALYZE items")
    return Side(url, SOURCE)


def run(url: str, *statements: str) -> None:
    """Each a transaction of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(sql(statement))


def plant(right: str, rows: int) -> dict[str, tuple[Kind, tuple[str, ...]]]:
    """Make the right side differ in ten keys; by key how."""
    run(
        right,
        "DELETE FROM items WHERE id = 3",
        f"INSERT INTO items VALUES ({rows + 1}, 'more')",
        "UPDATE items SET sku = 'other', stock = -1 WHERE id = 5",
        "UPDATE items SET name = '' WHERE id = 10",
        "UPDATE items SET name = 'name of ' || (23 - id) WHERE id IN (11, 12)",
        "UPDATE items SET stock = 7777, price = 1, name = 'both' WHERE id IN (13, 14)",
        "UPDATE items SET at = at + interval '1 microsecond' WHERE id = 17",
        f"UPDATE items SET sku = sku || ' ' WHERE id = {rows}",
    )
    differs = Kind.DIFFERS
    return {
        "3": (Kind.MISSING_RIGHT, COLUMNS),
        str(rows + 1): (Kind.MISSING_LEFT, COLUMNS),
        "5": (differs, ("sku", "stock")),
        "10": (differs, ("name",)),
        "11": (differs, ("name",)),
        "12": (differs, ("name",)),
        "13": (differs, ("name", "price", "stock")),
        "14": (differs, ("name", "price", "stock")),
        "17": (differs, ("at",)),
        str(rows): (differs, ("sku",)),
    }


def told(found: tuple[Difference, ...]) -> dict[str, tuple[Kind, tuple[str, ...]]]:
    """As ``plant`` tells them."""
    return {each.key[0]: (each.kind, each.columns) for each in found}
