import pytest

from abreast.schema.names import Relation
from tests.schema.catalogs import BOOKS, faults_of, shape_of

TABLE = "create_table: {name: t, columns: [{name: id, type: int, pk: true}, {name: n, type: text, nullable: true}]}"


def test_a_new_table_is_seen_by_the_new_version_alone() -> None:
    table = shape_of(f"  - {TABLE}\n").tables[-1]
    assert (table.relation, table.old_name, table.new_name) == (Relation("shop", "t"), None, "t")
    assert [column.not_null for column in table.table.columns] == [True, False]


def test_a_renamed_table_stays_the_same_table() -> None:
    table = shape_of("  - rename_table: {from: books, to: works}\n").by_new_name("works")
    assert table is not None
    assert (table.relation, table.old_name, table.changed) == (BOOKS, "books", True)


def test_tables_that_refer_to_each_other_go_together_in_the_right_order() -> None:
    shape = shape_of("  - drop_column: {table: books, column: note}\n")
    assert shape.by_new_name("books") is not None
    ((_, path, said, _),) = faults_of("  - drop_table: {name: authors}\n")
    assert (path, said) == ("name", "a foreign key of shop.books points to 'authors'")


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (TABLE.replace("name: t", "name: books", 1), "name", "there is a table 'books' already"),
        (TABLE.replace("name: t", "name: books_title", 1), "name", "there is an index 'books_title' already"),
        ("rename_table: {from: nope, to: x}", "from", "there is no table 'nope' here"),
        ("rename_table: {from: books, to: rooms}", "to", "there is a table 'rooms' already"),
        ("drop_table: {name: books}", "name", "the view shop.short reads 'books' (shown)"),
        ("create_index: {table: books, name: books_title, columns: [id]}", "name", "there is an index 'books_title'"),
        ("create_index: {table: books, name: rooms, columns: [id]}", "name", "there is a table 'rooms' already"),
        ("create_index: {table: books, name: i, columns: [id, nope]}", "columns[1]", "no column 'nope' here"),
        ("drop_index: {name: books_pkey}", "name", "'books_pkey' belongs to a constraint of books"),
        (
            "set_replica_identity: {table: books, identity: {type: index, index: nope}}",
            "identity.index",
            "books has no index 'nope'",
        ),
    ],
)
def test_what_does_not_fit_is_told_where_it_stands(text: str, path: str, message: str) -> None:
    found = faults_of(f"  - {text}\n")
    assert any(message in said and place == path for _, place, said, _ in found), found


def test_the_same_twice_is_told() -> None:
    index = "  - create_index: {table: books, name: i, columns: [id]}\n"
    assert [(line, said) for line, _, said, _ in faults_of(index * 2)] == [(3, "there is an index 'i' already")]
    drop = "  - drop_index: {name: books_title}\n"
    assert [said for _, _, said, _ in faults_of(drop * 2)] == ["'books_title' is dropped twice"]
    gone = "  - drop_table: {name: loose}\n"
    assert [said for _, _, said, _ in faults_of(gone * 2)] == ["there is no table 'loose' here"]
    for text in ("rename_table: {from: t, to: u}", "drop_table: {name: t}"):
        assert [said for _, _, said, _ in faults_of(f"  - {TABLE}\n  - {text}\n")] == ["'t' is made by this migration"]


def test_an_index_on_a_new_table_and_the_replica_identity_are_kept() -> None:
    shape = shape_of(
        f"""  - {TABLE}
  - create_index: {{table: t, name: i, columns: [n]}}
  - drop_index: {{name: books_title}}
  - set_replica_identity: {{table: books, identity: {{type: index, index: books_pkey}}}}
  - set_replica_identity: {{table: authors, identity: {{type: nothing}}}}
"""
    )
    assert [one.name for one in shape.tables[-1].indexes] == ["i"]
    assert shape.dropped_indexes == ["books_title"]
    assert [table.replica_identity for table in shape.tables[:2]] == ["NOTHING", 'USING INDEX "books_pkey"']
