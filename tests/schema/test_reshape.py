from dataclasses import replace

import pytest

from abreast.schema.catalog import Catalog
from abreast.schema.migration import read_migration
from abreast.schema.reshape import written_types
from tests.schema.catalogs import CATALOG, faults_of, shape_of

COLUMN = "{name: n, type: integer, nullable: true}"


def test_the_types_that_are_written_are_listed_once_where_they_first_stand() -> None:
    text = """operations:
  - add_column: {table: books, column: {name: a, type: "varchar(3)", nullable: true}}
  - add_column: {table: books, column: {name: b, type: Serial}}
  - alter_column: {table: books, column: note, type: citext, up: note, down: note}
  - alter_column: {table: books, column: title, type: "varchar(3)", up: title, down: title}
  - alter_column: {table: books, column: price, comment: x}
"""
    found = written_types(read_migration("m.yaml", text).operations)
    assert {name: place.line for name, place in found.items()} == {"varchar(3)": 2, "citext": 4}


def test_all_faults_of_all_operations_are_told_at_once_each_with_its_line_and_remedy() -> None:
    found = faults_of(
        f"""
  - add_column: {{table: nope, column: {COLUMN}}}
  - drop_column: {{table: books, column: nope}}
  - rename_table: {{from: books, to: authors}}
  - drop_index: {{name: nope}}
"""
    )
    assert found == [
        (3, "table", "there is no table 'nope' here", "name one of: authors, books, loose, rooms"),
        (
            4,
            "column",
            "books has no column 'nope' here",
            "name one of: id, title, price, note, author, made, number, shown",
        ),
        (5, "to", "there is a table 'authors' already", "choose another name"),
        (6, "name", "there is no index 'nope' here", "see \\di in psql"),
    ]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("{name: f, table: nope, column: id}", "there is no table 'nope' here"),
        ("{name: f, table: authors, column: nope}", "authors has no column 'nope' here"),
    ],
)
def test_a_foreign_key_points_to_something(reference: str, message: str) -> None:
    operations = [
        f"add_column: {{table: books, column: {{name: n, type: integer, nullable: true, references: {reference}}}}}",
        f"alter_column: {{table: books, column: author, references: {reference}, up: author}}",
        f"create_table: {{name: t, columns: [{{name: n, type: integer, references: {reference}}}]}}",
    ]
    for operation in operations:
        ((line, path, said, _),) = faults_of(f"  - {operation}")
        assert (line, said) == (2, message)
        assert "references" in path


def test_a_foreign_key_over_columns_points_to_something() -> None:
    wanted = "{name: f, type: foreign_key, columns: [author], references: {table: nope, columns: [id]}"
    for operation in (
        f"create_constraint: {{table: books, {wanted[1:]}, up: {{author: author}}, down: {{author: author}}}}",
        f"create_table: {{name: t, columns: [{{name: author, type: integer}}], constraints: [{wanted}}}]}}",
    ):
        ((_, _, said, _),) = faults_of(f"  - {operation}")
        assert said == "there is no table 'nope' here"


def test_a_foreign_key_points_to_no_column_that_changes_and_to_no_table_that_comes_later() -> None:
    reference = "references: {name: f, table: authors, column: name}"
    found = faults_of(
        f"""  - alter_column: {{table: authors, column: name, type: citext, up: name, down: name}}
  - add_column: {{table: books, column: {{name: n, type: text, nullable: true, {reference}}}}}
  - create_table: {{name: a, columns: [{{name: b, type: int, references: {{name: g, table: b, column: id}}}}]}}
  - create_table: {{name: b, columns: [{{name: id, type: int, pk: true}}]}}
"""
    )
    assert [(line, said) for line, _, said, _ in found] == [
        (3, "authors.name is made or changed by this very migration"),
        (4, "'b' is made after 'a'"),
    ]


def test_a_table_may_point_to_itself_and_to_one_made_before() -> None:
    shape = shape_of(
        """  - create_table: {name: a, columns: [{name: id, type: int, pk: true}]}
  - create_table:
      name: b
      columns:
        - {name: id, type: int, pk: true, references: {name: g, table: a, column: id}}
        - {name: up, type: int, nullable: true, references: {name: h, table: b, column: id}}
"""
    )
    assert [table.new_name for table in shape.tables[-2:]] == ["a", "b"]


def test_uniqueness_in_a_partitioned_table_needs_its_columns() -> None:
    unique = "create_index: {table: rooms, name: i, unique: true, columns:"
    shape_of(f"  - {unique} [note, day]}}")
    found = faults_of(
        f"""  - {unique} [note]}}
  - alter_column: {{table: rooms, column: note, unique: {{name: u}}, up: note}}
"""
    )
    assert sorted(line for line, *_ in found) == [2, 3]
    assert all("rooms is partitioned by day" in said for _, _, said, _ in found)


def test_partitions_of_partitions_get_no_indexes() -> None:
    catalog = Catalog("shop", {"rooms": replace(CATALOG.tables["rooms"], nested=True)})
    shape_of("  - add_column: {table: rooms, column: {name: n, type: int, default: 1}}", catalog)
    found = faults_of(
        """  - create_index: {table: rooms, name: i, columns: [note]}
  - alter_column: {table: rooms, column: note, type: int, up: note, down: note}
""",
        catalog,
    )
    assert sorted(line for line, *_ in found) == [2, 3]
    assert all("partitioned themselves" in said for _, _, said, _ in found)


def test_rows_without_a_key_cannot_be_filled_and_triggers_that_sort_later_would_undo_our_work() -> None:
    found = faults_of("  - alter_column: {table: loose, column: a, type: int, up: a::int, down: a::text}")
    assert [said.split(" ")[:3] for _, _, said, _ in found] == [
        ["shop.loose", "has", "no"],
        ["the", "trigger", "'~zz'"],
    ]
    shape = shape_of("  - rename_column: {table: loose, from: a, to: b}")
    assert [(table.new_view) for table in shape.tables if table.new_name == "loose"] == [(("b", "a"),)]


def test_what_nothing_says_about_the_old_value_is_the_new_one_under_its_last_name() -> None:
    shape = shape_of(
        """  - alter_column: {table: books, column: note, nullable: false, up: "coalesce(note, '')"}
  - rename_column: {table: books, from: note, to: remark}
"""
    )
    books = shape.by_new_name("books")
    assert books is not None
    assert books.down["note"].sql == '"remark"'
    assert books.down["note"].place.line == 2


def test_sql_is_kept_and_at_the_start_makes_the_rest_opaque() -> None:
    assert shape_of("  - sql: {up: SELECT 1}").opaque
    late = shape_of("  - sql: {up: SELECT 1, onComplete: true}\n  - rename_table: {from: loose, to: tight}")
    assert not late.opaque
    assert [one.up for one in late.sql] == ["SELECT 1"]


def test_columns_that_are_another_tables_too_and_rows_that_are_not_seen_are_faults_of_each_operation() -> None:
    books = replace(CATALOG.tables["books"], bound=("it inherits from x", "y inherits from it"), blind="o'me")
    catalog = replace(CATALOG, tables={**CATALOG.tables, "books": books})
    found = faults_of(
        f"""
  - rename_column: {{table: books, from: note, to: remark}}
  - add_column: {{table: books, column: {COLUMN}}}
  - add_column: {{table: authors, column: {COLUMN}}}
  - create_index: {{table: books, name: i, columns: [title]}}
""",
        catalog,
    )
    said = "the columns of shop.books cannot be changed side by side: "
    hidden = "policies of shop.books hide rows from o'me, abreast's role: they could not be filled or checked"
    assert [(line, path, message) for line, path, message, _ in found] == [
        (3, "table", f"{said}it inherits from x"),
        (3, "table", f"{said}y inherits from it"),
        (4, "table", f"{said}it inherits from x"),
        (4, "table", f"{said}y inherits from it"),
        (4, "table", hidden),
    ]
    assert found[-1][3].startswith("""ALTER ROLE "o'me" BYPASSRLS, or""")
