import pytest

from abreast.schema.catalog import Column
from tests.schema.catalogs import CATALOG


@pytest.mark.parametrize("kind", ["integer", "bytea", "timestamp with time zone", "uuid", "text"])
def test_equal_values_of_these_are_the_same(kind: str) -> None:
    assert Column("a", kind).plain_equality


@pytest.mark.parametrize(
    "kind", ["numeric", "numeric(10,2)", "json", "jsonb", "citext", "character(3)", "text[]", "double precision"]
)
def test_equal_values_of_these_may_differ_or_cannot_be_compared(kind: str) -> None:
    assert not Column("a", kind).plain_equality


def test_a_collation_of_its_own_may_call_texts_equal() -> None:
    assert not Column("a", "text", collation="shop.insensitive").plain_equality


def test_things_are_found_by_name() -> None:
    books = CATALOG.tables["books"]
    assert books.column("price") == books.columns[2]
    assert books.column("nope") is None
    assert books.constraint("two_ok") == books.constraints[3]
    assert books.constraint("nope") is None
    found = CATALOG.index("books_title")
    assert found == (books, books.indexes[1])
    assert CATALOG.index("nope") is None
