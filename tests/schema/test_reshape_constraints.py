import pytest

from abreast.schema.shape import TableShape
from tests.schema.catalogs import faults_of, shape_of

UNIQUE = (
    "create_constraint: {table: books, name: u, type: unique, columns: [note], up: {note: note}, down: {note: note}}"
)


def books(text: str) -> TableShape:
    found = shape_of(text).by_new_name("books")
    assert found is not None
    return found


def test_a_new_constraint_doubles_its_columns_so_that_the_old_version_does_not_feel_it() -> None:
    shape = books(f"  - {UNIQUE}\n")
    assert shape.gone == ["note"]
    assert [one.name for one, _ in shape.constraints] == ["u"]


def test_what_is_unique_already_needs_no_second_column() -> None:
    operation = UNIQUE.replace("note", "id")
    shape = books(f"  - {operation}\n")
    assert shape.added == {}
    assert shape.changed


def test_a_keys_column_is_not_doubled_where_another_can_be() -> None:
    both = "up: {id: id, note: note}, down: {id: id, note: note}"
    check = f"create_constraint: {{table: books, name: c, type: check, columns: [id, note], check: id > 0, {both}}}"
    assert list(books(f"  - {check}\n").added) == ["_abreast_note"]
    other = check.replace("up: {id: id", "up: {id: id + 1")
    assert any("books.id cannot be replaced" in said for _, _, said, _ in faults_of(f"  - {other}\n"))


@pytest.mark.parametrize(
    ("operation", "path", "message"),
    [
        (UNIQUE.replace("name: u", "name: price_ok"), "name", "there is a constraint 'price_ok' already"),
        (UNIQUE.replace("name: u", "name: books_title"), "name", "there is an index 'books_title' already"),
        (UNIQUE.replace("unique", "primary_key"), "", "books has a primary key already"),
        (UNIQUE.replace("note", "nope"), "columns", "books has no column 'nope' here"),
        ("drop_constraint: {table: books, name: nope, up: a, down: a}", "name", "books has no constraint 'nope'"),
        ("drop_constraint: {table: books, name: two_ok, up: a, down: a}", "name", "'two_ok' is of 2 columns"),
        ("drop_constraint: {table: books, name: books_pkey, up: id, down: id}", "name", "of the kind primary key"),
        ("drop_constraint: {table: books, name: apart, up: title, down: title}", "name", "of the kind exclude"),
        (
            "drop_multicolumn_constraint: {table: books, name: two_ok, down: {id: id}}",
            "down.id",
            "'id' is no column of 'two_ok'",
        ),
        ("rename_constraint: {table: books, from: nope, to: x}", "from", "books has no constraint 'nope'"),
        (
            "rename_constraint: {table: books, from: price_ok, to: two_ok}",
            "to",
            "there is a constraint 'two_ok' already",
        ),
        (
            "rename_constraint: {table: books, from: books_pkey, to: books_title}",
            "to",
            "there is an index 'books_title'",
        ),
    ],
)
def test_what_does_not_fit_is_told_where_it_stands(operation: str, path: str, message: str) -> None:
    found = faults_of(f"  - {operation}\n")
    assert any(message in said and place == path for _, place, said, _ in found), found
    assert all(remedy for *_, remedy in found)


def test_a_dropped_constraint_stays_with_the_old_values() -> None:
    shape = books("  - drop_constraint: {table: books, name: price_ok, up: price, down: abs(price)}\n")
    assert shape.dropped_constraints == ["price_ok"]
    assert shape.down["price"].sql == "abs(price)"


def test_several_operations_on_one_column_agree_or_are_told() -> None:
    alter = "  - alter_column: {table: books, column: note, nullable: false, up: \"coalesce(note, '')\"}\n"
    shape = books(f"{alter}  - {UNIQUE}\n")
    assert list(shape.added) == ["_abreast_note"]
    other = UNIQUE.replace("up: {note: note}", "up: {note: lower(note)}")
    assert faults_of(f"{alter}  - {other}\n") == [
        (
            3,
            "up.note",
            "another operation of this migration says what 'note' becomes",
            "say it in the first, and here just `note`",
        )
    ]
    drop = "  - drop_constraint: {table: books, name: price_ok, up: price, down: abs(price)}\n"
    change = "  - alter_column: {table: books, column: price, type: int, up: price, down: price}\n"
    ((line, path, said, _),) = faults_of(change + drop)
    assert (line, path) == (3, "down")
    assert "says what 'price' becomes" in said
    ((_, _, twice, _),) = faults_of(drop + change)
    assert twice == "'price' is changed twice in one migration"


def test_a_constraint_is_dropped_once_and_a_new_name_is_given_once() -> None:
    drop = "  - drop_constraint: {table: books, name: price_ok, up: price, down: price}\n"
    assert [said for _, _, said, _ in faults_of(drop * 2)] == ["'price_ok' is dropped twice"]
    rename = "  - rename_constraint: {{table: books, from: {}, to: x}}\n"
    found = faults_of(rename.format("price_ok") + rename.format("two_ok"))
    assert [(line, said) for line, _, said, _ in found] == [(3, "there is a constraint 'x' already")]
