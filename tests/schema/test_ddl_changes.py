"""The cursor reads what is there, says so where it is not, and never runs past the end."""

import pytest

from abreast.schema.ddl_changes import (
    Change,
    Cursor,
    Reading,
    Space,
    Thing,
    UnreadError,
    What,
    at_surface,
    enclosed,
    joined,
)
from abreast.schema.lexing import split


def cursor(text: str) -> Cursor:
    return Cursor(split(text)[0].words)


def test_keywords_are_taken_only_together() -> None:
    reader = cursor("if not exists t")
    assert not reader.take("IF", "EXISTS")
    assert reader.take("IF", "NOT", "EXISTS")
    assert reader.take_any("A", "T") == "T"
    assert reader.take_any("A", "T") == ""
    assert not reader.sees("T")


def test_a_quoted_name_is_no_keyword() -> None:
    assert not cursor('"TABLE" t').take("TABLE")
    with pytest.raises(UnreadError):
        cursor('"TABLE" t').word()


@pytest.mark.parametrize(
    ("text", "thing", "shown"),
    [
        ("t", Thing(Space.RELATION, "", "t"), "t"),
        ("public.T", Thing(Space.RELATION, "", "t"), "t"),
        ('"S" . "T.u"', Thing(Space.RELATION, "S", "T.u"), "S.T.u"),
        ("base.s.t", Thing(Space.RELATION, "s", "t"), "s.t"),
        ("${schema}.t", Thing(Space.RELATION, "${schema}", "t"), "${schema}.t"),
    ],
)
def test_names_with_and_without_their_schema(text: str, thing: Thing, shown: str) -> None:
    assert cursor(text).thing() == thing
    assert str(thing) == shown


def test_several_names_and_their_arguments() -> None:
    reader = cursor("only a, s.f(int, numeric(3, 2)), c * CASCADE")
    assert [str(thing) for thing in reader.things()] == ["a", "s.f", "c"]
    assert reader.take("CASCADE")


@pytest.mark.parametrize("read", [Cursor.ident, Cursor.word, Cursor.string, Cursor.thing, Cursor.things])
def test_nothing_is_read_where_a_symbol_stands_or_at_the_end(read: object) -> None:
    assert callable(read)
    for text in (", a", "x"):
        reader = cursor(text)
        reader.take("X")
        with pytest.raises(UnreadError):
            read(reader)


def test_what_is_needed_must_be_there() -> None:
    with pytest.raises(UnreadError):
        cursor("a").need("B")
    reader = cursor("a 'b'")
    reader.need("A")
    assert reader.string() == "'b'"


def test_reading_on_to_a_keyword_passes_over_parentheses() -> None:
    reader = cursor("a (b on c) on d")
    reader.until("ON")
    assert reader.ident() == "d"
    with pytest.raises(UnreadError):
        cursor("a (b on c)").until("ON")


def test_parts_are_cut_at_the_surface_only() -> None:
    parts = cursor("a numeric(3, 2), b int[1], c").parts()
    assert [part.rest[0].text for part in parts] == ["a", "b", "c"]
    assert [part.first for part in parts] == [0, 17, 27]
    for bad in ("a,", ",a", "a,,b"):
        with pytest.raises(UnreadError):
            cursor(bad).parts()


def test_where_a_word_stands() -> None:
    reader = cursor("  ab cd")
    assert reader.first == reader.start == 2
    reader.word()
    assert (reader.first, reader.start) == (2, 5)
    reader.word()
    assert reader.start == 5


def test_parentheses_are_measured() -> None:
    words = split("(a (b) [c]) d (e)")[0].words
    assert enclosed(words) == 9
    assert [word.text for word in at_surface(words)] == ["d"]
    with pytest.raises(UnreadError):
        enclosed(split("(a")[0].words)


def test_readings_join_in_order() -> None:
    table = Thing(Space.RELATION, "", "t")
    changes = [Change(what, table, "", at) for at, what in enumerate((What.DROP, What.RENAME))]
    whole = joined(
        [
            Reading((changes[0],), made=(table,), renamed=((table, table),)),
            Reading((changes[1],), added=((table, "c"),), moves=True),
        ]
    )
    assert whole == Reading(tuple(changes), (table,), ((table, "c"),), ((table, table),), moves=True)
