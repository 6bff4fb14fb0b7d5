from dataclasses import replace

import pytest

from abreast.schema.reshape_columns import SERIALS
from abreast.schema.shape import TableShape
from tests.schema.catalogs import CATALOG, faults_of, shape_of


def books(text: str) -> TableShape:
    found = shape_of(text).by_new_name("books")
    assert found is not None
    return found


def added(column: str, rest: str = "") -> str:
    return f"  - add_column: {{table: books, column: {{{column}}}{rest}}}\n"


def test_an_added_column_stands_beside_the_others_until_the_end() -> None:
    shape = books(added("name: slug, type: text, comment: for links", ", up: lower(title)"))
    (column,) = shape.added.values()
    assert (column.column.name, column.final, column.not_null, column.table_default) == (
        "_abreast_slug", "slug", True, False,
    )  # fmt: skip
    assert shape.new_view[-1] == ("slug", "_abreast_slug")
    assert ("slug", "_abreast_slug") not in shape.old_view


@pytest.mark.parametrize(
    ("default", "constant"),
    [("5", True), ("'a'::text", True), ("now()", False), ("gen_random_uuid()", False), ("nextval('s')", False)],
)
def test_only_a_constant_default_is_the_tables_others_fill_row_by_row(default: str, constant: bool) -> None:
    (column,) = books(added(f'name: n, type: text, default: "{default}"')).added.values()
    assert column.table_default is constant
    assert (column.up.sql if column.up else None) == (None if constant else default)


@pytest.mark.parametrize("serial", SERIALS)
def test_a_serial_column_is_a_number_with_a_sequence(serial: str) -> None:
    shape = books(added(f"name: n, type: {serial}"))
    (column,) = shape.added.values()
    assert (column.column.type, column.sequence, column.not_null) == (SERIALS[serial], True, True)
    assert shape.view_default("n") == """nextval('"shop"."books_n_seq"'::regclass)"""


@pytest.mark.parametrize(
    ("operation", "path", "message"),
    [
        (added("name: note, type: text, nullable: true"), "column.name", "books has a column 'note' already"),
        (added("name: n, type: int, generated: {expression: id}"), "column.generated", "rewrites the whole table"),
        (added("name: n, type: int, pk: true", ", up: id"), "column.pk", "cannot be the primary key at once"),
        ("  - drop_column: {table: books, column: title}\n", "", "'title' may not be NULL"),
        ("  - drop_column: {table: books, column: id}\n", "column", "books.id cannot be replaced: rows are found"),
        ("  - drop_column: {table: books, column: shown}\n", "column", "the view shop.short reads it"),
        ("  - drop_column: {table: books, column: number}\n", "column", "the server makes its values"),
        ("  - rename_column: {table: books, from: note, to: title}\n", "to", "books has a column 'title' already"),
        ("  - rename_column: {table: books, from: nope, to: x}\n", "from", "books has no column 'nope' here"),
        (
            "  - alter_column: {table: books, column: nope, comment: x}\n",
            "column",
            "books has no column 'nope' here",
        ),
        (
            "  - alter_column: {table: books, column: note, check: {name: price_ok, constraint: a}, up: note}\n",
            "check.name",
            "there is a constraint 'price_ok' already",
        ),
        (
            "  - alter_column: {table: books, column: note, unique: {name: books_title}, up: note}\n",
            "unique.name",
            "there is an index 'books_title' already",
        ),
        (
            "  - alter_column:\n      {table: rooms, column: day, type: text, up: day, down: day}\n",
            "column",
            "it decides about a row's partition",
        ),
    ],
)
def test_what_does_not_fit_is_told_where_it_stands(operation: str, path: str, message: str) -> None:
    found = faults_of(operation)
    assert any(message in said and place == path for _, place, said, _ in found), found
    assert all(remedy for *_, remedy in found)


def test_a_column_of_a_table_that_this_migration_makes_belongs_into_its_create_table() -> None:
    text = "  - create_table: {name: t, columns: [{name: id, type: int, pk: true}]}\n"
    rest = "  - add_column: {table: t, column: {name: n, type: int, nullable: true}}\n"
    assert faults_of(text + rest) == [(3, "table", "'t' is made by this migration", "say it in its create_table")]


def test_a_changed_type_doubles_the_column_with_all_that_it_has() -> None:
    shape = books("  - alter_column: {table: books, column: price, type: bigint, up: price * 100, down: price / 100}\n")
    (column,) = shape.added.values()
    assert (column.replaces, column.column.type, column.not_null, column.default) == ("price", "bigint", True, "1")
    assert column.column.comment == "in euros"
    assert shape.gone == ["price"]
    assert shape.view_default("price") == "1"


def test_a_default_and_a_comment_alone_change_no_row() -> None:
    shape = books("  - alter_column: {table: books, column: note, default: \"'x'\", comment: null}\n")
    assert (shape.added, shape.gone, shape.changed) == ({}, [], True)
    assert shape.view_default("note") == "'x'"
    dropped = books("  - alter_column: {table: books, column: price, default: null}\n")
    assert dropped.view_default("price") == "NULL"


def test_renames_follow_into_indexes_and_constraints_that_are_still_to_be_made() -> None:
    shape = books(
        """  - create_index: {table: books, name: i, columns: [note, title]}
  - create_constraint:
      table: books
      name: u
      type: unique
      columns: [id, note]
      index_parameters: {include_columns: [title]}
      up: {id: id, note: note}
      down: {id: id, note: remark}
  - rename_column: {table: books, from: note, to: remark}
  - rename_column: {table: books, from: title, to: note}
"""
    )
    assert [column.column for column in shape.indexes[0].columns] == ["remark", "note"]
    ((constraint, _),) = shape.constraints
    assert constraint.columns == ("id", "remark")
    assert constraint.index_parameters is not None
    assert constraint.index_parameters.include_columns == ("note",)


def test_two_columns_swap_their_names() -> None:
    shape = books(
        """  - rename_column: {table: books, from: note, to: x}
  - rename_column: {table: books, from: title, to: note}
  - rename_column: {table: books, from: x, to: title}
"""
    )
    assert dict(shape.new_view)["note"] == "title"
    assert dict(shape.new_view)["title"] == "note"


def test_names_that_are_made_are_told_apart_where_the_server_would_cut_them() -> None:
    long = "c" * 60
    shape = books(added(f"name: {long}a, type: int, unique: true, nullable: true")
                  + added(f"name: {long}b, type: int, unique: true, nullable: true"))  # fmt: skip
    first, second = (name for one in shape.added.values() for name in one.unique)
    assert first != second
    assert {len(first), len(second)} == {63}


def test_a_serials_sequence_needs_a_name_of_its_own() -> None:
    catalog = replace(CATALOG, relations={"books_nr_seq": "a sequence"})
    faults = faults_of(added("name: nr, type: serial"), catalog)
    assert [fault[2] for fault in faults] == ["there is a sequence 'books_nr_seq' already"]


@pytest.mark.parametrize("column", ["number", "made"])
def test_a_column_whose_values_the_server_makes_gets_no_default(column: str) -> None:
    (fault,) = faults_of(f"  - alter_column: {{table: books, column: {column}, default: '5'}}\n")
    assert fault[2] == f"{column!r} can have no default: the server makes its values"
