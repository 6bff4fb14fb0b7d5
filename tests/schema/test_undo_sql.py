"""The statements of a repair, as text: guarded, and asking by the operators of an index. tests/postgres runs them."""

from abreast.schema.journal import Equality, JournalColumn, JournalTable
from abreast.schema.names import Relation
from abreast.schema.undo_sql import Reference, Unique, delete_sql, insert_sql, present, same, update_sql

EQUAL = "OPERATOR(pg_catalog.=)"
ODD_EQUAL = "OPERATOR(public.=)"
DOC = JournalColumn("doc", "jsonb", as_text=True, is_json=True)
NAME = JournalColumn("name", "text")
TABLE = JournalTable(
    Relation("public", "items"),
    (
        JournalColumn("id", "integer"),
        NAME,
        DOC,
        JournalColumn("made", "integer", generated=True),
        JournalColumn("seen", "integer", generated=True, virtual=True),
    ),
    (Equality("id", EQUAL), Equality("name", ODD_EQUAL)),
)


def test_rows_are_compared_by_the_operators_of_the_index() -> None:
    made = same(TABLE.key, "a", "b")
    assert made == f'a."id" {EQUAL} b."id" AND a."name" {ODD_EQUAL} b."name"'
    assert Unique("u", TABLE.key, immediate=True).joined("a", "b") == made


def test_a_reference_joins_its_columns_in_pairs() -> None:
    reference = Reference("f", Relation("s", "child"), ("x", "y"), TABLE.relation, TABLE.key)
    assert reference.joined("p", "c") == f'p."id" {EQUAL} c."x" AND p."name" {ODD_EQUAL} c."y"'


def test_only_columns_that_are_there_are_texts() -> None:
    assert present(TABLE, ("doc", "gone", "seen")) == ("doc",)


def test_every_statement_asks_whether_the_row_is_as_it_was_left() -> None:
    guard = "::text = (%(bad)s::jsonb - ARRAY("
    assert guard in update_sql(TABLE, (NAME,), (), ())
    assert guard in delete_sql(TABLE, ())
    assert "WHERE NOT EXISTS (SELECT FROM" in insert_sql(TABLE, ())


def test_generated_columns_are_neither_written_nor_compared() -> None:
    made = insert_sql(TABLE, ("doc",))
    assert '("id", "name", "doc") OVERRIDING SYSTEM VALUE' in made
    assert "- ARRAY['made', 'seen']::text[])::text" in made


def test_json_columns_come_from_their_text_or_where_there_is_none_from_the_json() -> None:
    assert """"doc" = (%(before)s::jsonb ->> 'doc')::jsonb""" in update_sql(TABLE, (DOC,), ("doc",), ())
    assert """"doc" = nullif(%(before)s::jsonb -> 'doc', 'null')::jsonb""" in update_sql(TABLE, (DOC,), (), ())
    assert '"name" = n."name"' in update_sql(TABLE, (NAME,), (), ())
