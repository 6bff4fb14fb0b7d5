"""Corrections without a server."""

import pytest

from abreast.schema.correction import Action, Correction, Target, correction
from abreast.schema.digest import Difference, Kind, Source, Value
from abreast.schema.names import Relation

SOURCE = Source.of(Relation("public", "T%"), ["id", "b%"], ["v", "w"])
TARGET = Target(SOURCE, ("integer", "text"), ("bpchar", "numeric"))
KEY = ("1", "k")
LEFT, RIGHT = ("a", None), ("b", None)
GUARD = (
    'WHERE t."id" = %s::integer AND t."b%%" = %s::text '
    'AND ARRAY[(t."v")::text, (t."w")::text]::text[] IS NOT DISTINCT FROM %s::text[]'
)


@pytest.mark.parametrize(
    ("found", "of_left", "of_right"),
    [
        (
            Difference(KEY, Kind.DIFFERS, LEFT, RIGHT, ("v",)),
            Correction(KEY, Action.UPDATE, RIGHT, LEFT),
            Correction(KEY, Action.UPDATE, LEFT, RIGHT),
        ),
        (
            Difference(KEY, Kind.MISSING_RIGHT, LEFT, None, ("v", "w")),
            Correction(KEY, Action.INSERT, None, LEFT),
            Correction(KEY, Action.DELETE, LEFT, None),
        ),
        (
            Difference(KEY, Kind.MISSING_LEFT, None, RIGHT, ("v", "w")),
            Correction(KEY, Action.DELETE, RIGHT, None),
            Correction(KEY, Action.INSERT, None, RIGHT),
        ),
    ],
)
def test_the_side_that_is_right_says_what_is_done(found: Difference, of_left: Correction, of_right: Correction) -> None:
    assert correction(found, "left") == of_left
    assert correction(found, "right") == of_right


def test_an_update_sets_what_differs_where_the_row_is_as_seen() -> None:
    statement = TARGET.statement(Correction(KEY, Action.UPDATE, RIGHT, LEFT))
    assert statement == (f'UPDATE "public"."T%%" AS t SET "v" = %s::bpchar {GUARD}', ["a", *KEY, ["b", None]])


def test_a_delete_takes_the_row_as_seen() -> None:
    statement = TARGET.statement(Correction(KEY, Action.DELETE, RIGHT, None))
    assert statement == (f'DELETE FROM "public"."T%%" AS t {GUARD}', [*KEY, ["b", None]])


def test_an_insert_does_nothing_where_a_row_is() -> None:
    statement = TARGET.statement(Correction(KEY, Action.INSERT, None, LEFT))
    query = (
        'INSERT INTO "public"."T%%" ("id", "b%%", "v", "w") OVERRIDING SYSTEM VALUE '
        "VALUES (%s::integer, %s::text, %s::bpchar, %s::numeric) ON CONFLICT DO NOTHING"
    )
    assert statement == (query, ["1", "k", "a", None])


def test_generated_columns_are_not_written() -> None:
    target = Target(SOURCE, TARGET.key_types, TARGET.value_types, {"v"})
    insert = target.statement(Correction(KEY, Action.INSERT, None, LEFT))
    assert insert is not None
    assert '("id", "b%%", "w")' in insert[0]
    assert insert[1] == ["1", "k", None]
    assert target.statement(Correction(KEY, Action.UPDATE, RIGHT, LEFT)) is None
    update = target.statement(Correction(KEY, Action.UPDATE, RIGHT, ("a", "1")))
    assert update is not None
    assert 'SET "w" = %s::numeric WHERE' in update[0]


def test_a_key_among_the_values_is_written_once() -> None:
    source = Source.of(Relation("public", "t"), ["id"], ["id", "v"])
    target = Target(source, ("integer",), ("integer", "text"))
    statement = target.statement(Correction(("1",), Action.INSERT, None, ("1", "a")))
    assert statement is not None
    assert '("id", "v")' in statement[0]
    assert statement[1] == ["1", "a"]


def test_only_plain_columns_can_be_written() -> None:
    assert TARGET.expressions == ()
    source = Source("public.t", ("id",), (Value("v", "upper(t.v)"), Value("w", 't."w"'), Value("x", 't."w"')))
    assert Target(source, ("integer",), ("text", "text", "text")).expressions == ("v", "x")
