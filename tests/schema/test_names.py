"""Names and values in SQL: read back by a real server where quoting is what counts (tests/postgres), by rule here."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from abreast.schema.names import NAME_BYTES, Relation, ident, idents, literal, made_name

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
names = texts.filter(lambda name: 0 < len(name.encode()) <= NAME_BYTES)


@given(names)
@example('say "hi"')
@example('"')
def test_an_identifier_read_by_the_servers_rule_is_the_name(name: str) -> None:
    quoted = ident(name)
    assert re.fullmatch(r'"(?:[^"]|"")*"', quoted)
    assert quoted[1:-1].replace('""', '"') == name


@given(texts)
@example("it's")
@example("C:\\new")
@example("\\'; DROP TABLE orders; --")
def test_a_literal_read_by_the_servers_rule_is_the_text(text: str) -> None:
    quoted = literal(text)
    if "\\" in text:  # an escape string: both signs are doubled
        assert quoted.startswith(" E'")
        assert re.fullmatch(r"(?:[^'\\]|''|\\\\)*", quoted[3:-1])
        assert quoted[3:-1].replace("\\\\", "\\").replace("''", "'") == text
    else:  # without backslashes standard_conforming_strings makes no difference
        assert re.fullmatch(r"'(?:[^']|'')*'", quoted)
        assert quoted[1:-1].replace("''", "'") == text


def test_an_escape_string_does_not_join_the_word_before_it() -> None:
    """``SELECTE'…'`` would be another word."""
    assert f"LIKE{literal(chr(92))}" == "LIKE E'\\\\'"


@pytest.mark.parametrize("columns", [["id", "Amount"], ("id", "Amount")])
def test_identifiers_are_listed_with_commas(columns: list[str] | tuple[str, ...]) -> None:
    assert idents(columns) == '"id", "Amount"'


def test_no_identifiers_are_no_text() -> None:
    assert idents([]) == ""


@given(names, names)
def test_a_made_name_is_never_cut_by_the_server_nor_in_the_middle_of_a_letter(prefix: str, name: str) -> None:
    made = made_name(prefix, name)
    assert len(made.encode()) <= NAME_BYTES
    if len((prefix + name).encode()) <= NAME_BYTES:
        assert made == prefix + name
    else:
        assert re.search(r"_[0-9a-f]{8}\Z", made)
        assert (prefix + name).startswith(made[:-9])


def test_a_name_of_exactly_63_bytes_stays_and_of_64_is_shortened() -> None:
    assert made_name("_abreast_", "a" * 54) == "_abreast_" + "a" * 54
    assert made_name("_abreast_", "a" * 55) != "_abreast_" + "a" * 55


@given(st.lists(names, min_size=2, max_size=2, unique=True))
def test_long_names_with_the_same_beginning_stay_apart(ends: list[str]) -> None:
    first, second = (made_name("_abreast_" + "x" * NAME_BYTES, end) for end in ends)
    assert first != second


def test_made_names_are_the_same_in_every_process() -> None:
    assert made_name("_abreast_", "x" * 60) == "_abreast_" + "x" * 45 + "_e3c7f255"


def test_a_relation_is_quoted_for_sql_and_plain_for_people() -> None:
    orders = Relation("Shop", 'or"ders')
    assert orders.sql == '"Shop"."or""ders"'
    assert str(orders) == 'Shop.or"ders'


def test_relations_are_in_the_order_of_their_schema_then_their_name() -> None:
    listed = [Relation("b", "a"), Relation("a", "b"), Relation("a", "a")]
    assert list(map(str, sorted(listed))) == ["a.a", "a.b", "b.a"]
    assert len({Relation("a", "a"), Relation("a", "a")}) == 1
