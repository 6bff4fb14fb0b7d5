import pytest

from abreast.schema.catalog import Column
from abreast.schema.names import NAME_BYTES
from abreast.schema.shape import added_name, unchanged
from tests.schema.catalogs import BOOKS, CATALOG, shape_of


def test_unchanged_is_what_both_versions_see() -> None:
    shape = unchanged(CATALOG)
    assert [table.new_name for table in shape.tables] == list(CATALOG.tables)
    for table in shape.tables:
        assert table.old_view == table.new_view
        assert table.old_name == table.new_name
        assert not table.changed
    assert not shape.opaque


@pytest.mark.parametrize(
    "text",
    [
        "alter_column: {table: books, column: note, default: 1}",
        "alter_column: {table: books, column: note, comment: x}",
        "rename_column: {table: books, from: note, to: x}",
        "drop_column: {table: books, column: note}",
        "rename_table: {from: books, to: x}",
        "create_index: {table: books, name: i, columns: [id]}",
        "rename_constraint: {table: books, from: two_ok, to: x}",
        "set_replica_identity: {table: books, identity: {type: full}}",
        "create_constraint: {table: books, name: c, type: unique, columns: [id], up: {id: id}, down: {id: id}}",
    ],
)
def test_a_table_that_any_operation_touches_is_changed(text: str) -> None:
    shape = shape_of(f"  - {text}\n")
    assert [table.relation for table in shape.tables if table.changed] == [BOOKS]


def test_columns_are_those_of_the_table_and_those_that_are_made() -> None:
    shape = shape_of("  - add_column: {table: books, column: {name: n, type: integer, nullable: true}}\n")
    books = shape.by_new_name("books")
    assert books is not None
    assert books.columns["_abreast_n"] == Column("_abreast_n", "integer")
    assert set(books.columns) == {*(column.name for column in books.table.columns), "_abreast_n"}


def test_added_names_never_exceed_what_the_server_keeps() -> None:
    assert added_name("price") == "_abreast_price"
    long = "é" * 31
    assert len(added_name(long).encode()) <= NAME_BYTES
    assert added_name(long + "a") != added_name(long + "b")


def test_a_sequence_is_called_as_the_server_would_call_it() -> None:
    shape = shape_of("""  - add_column: {table: books, column: {name: "it's", type: serial}}\n""")
    books = shape.by_new_name("books")
    assert books is not None
    assert str(books.sequence("_abreast_it's")) == "shop.books_it's_seq"
    assert books.next_value("_abreast_it's") == """nextval('"shop"."books_it''s_seq"'::regclass)"""
