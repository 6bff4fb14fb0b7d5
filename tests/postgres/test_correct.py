"""Corrections copy the side that is right, and touch nothing that has moved on."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from abreast.model.errors import DatabaseError, RefusedError
from abreast.postgres import drift
from abreast.postgres.connection import Connection, connected
from abreast.postgres.correct import Outcome, correct
from abreast.postgres.drift import State, Table
from abreast.postgres.keyed_rows import KeyedRows, Seen, differences
from abreast.postgres.scan import Side, scan
from abreast.schema.correction import Action, Correction, Truth
from abreast.schema.digest import Difference, Key, Source, Value
from abreast.schema.names import Relation
from tests.fakes.postgres import Databases
from tests.postgres.planted import fill, plant, run

ROWS = 500
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def both(left: Side, right: Side) -> Iterator[tuple[KeyedRows, KeyedRows]]:
    with connected(left.url, version="~repair") as one, connected(right.url, version="~repair") as other:
        yield KeyedRows(one, left.source), KeyedRows(other, right.source)


def planted(databases: Databases) -> tuple[Side, Side, tuple[Difference, ...]]:
    left, right = fill(databases(), ROWS), fill(databases(), ROWS)
    plant(right.url, ROWS)
    return left, right, scan(left, right).differences


def content(side: Side) -> list[tuple[object, ...]]:
    with psycopg.connect(side.url) as connection:
        return connection.execute("SELECT * FROM items ORDER BY id").fetchall()


def done(outcomes: tuple[Outcome, ...]) -> list[Action]:
    return sorted(each.correction.action for each in outcomes if not each.why_not)


@pytest.mark.parametrize("truth", ["left", "right"])
def test_the_side_that_is_right_is_copied_and_a_second_run_does_nothing(databases: Databases, truth: Truth) -> None:
    left, right, found = planted(databases)
    was = content(left), content(right)
    with both(left, right) as rows:
        plan = correct(*rows, found, truth)
        assert (content(left), content(right)) == was  # a dry run
        assert done(plan) == ["delete", "insert", *["update"] * 8]
        assert correct(*rows, found, truth, dry_run=False) == plan
        assert content(left) == content(right) == was[0 if truth == "left" else 1]
        again = correct(*rows, found, truth, dry_run=False)
    assert done(again) == []
    assert {each.why_not for each in again} == {"the side that is wrong has changed since"}
    assert scan(left, right).differences == ()


def test_what_has_changed_since_on_either_side_is_let_alone(databases: Databases) -> None:
    left, right, found = planted(databases)
    run(left.url, "UPDATE items SET stock = 1 WHERE id = 5", f"INSERT INTO items VALUES ({ROWS + 1}, 'now here')")
    run(right.url, "UPDATE items SET stock = 2 WHERE id = 13", "INSERT INTO items VALUES (3, 'now there')")
    with both(left, right) as rows:
        for dry_run in (True, False):
            outcomes = correct(*rows, found, "left", dry_run=dry_run)
            left_out = {each.correction.key[0]: each.why_not for each in outcomes if each.why_not}
            assert left_out == {
                "5": "the side that is right has changed since",
                str(ROWS + 1): "the side that is right has changed since",
                "13": "the side that is wrong has changed since",
                "3": "the side that is wrong has changed since",
            }
    with psycopg.connect(right.url) as connection:
        rows_now = connection.execute("SELECT id, sku, stock FROM items WHERE id IN (3, 5, 13) ORDER BY id").fetchall()
    assert rows_now == [(3, "now there", None), (5, "other", -1), (13, "sku-13", 2)]


def test_the_statement_itself_checks_what_is_written_between_look_and_write(databases: Databases) -> None:
    left, right, found = planted(databases)
    (five,) = (each for each in found if each.key == ("5",))
    (three,) = (each for each in found if each.key == ("3",))
    (more,) = (each for each in found if each.key == (str(ROWS + 1),))

    class Raced(KeyedRows):
        """The side that is wrong, written just after each look at it."""

        def read(self, keys: Collection[Key]) -> dict[Key, Seen]:
            seen = super().read(keys)
            run(
                right.url,
                "UPDATE items SET stock = 99 WHERE id = 5",
                "INSERT INTO items VALUES (3, 'raced') ON CONFLICT DO NOTHING",
                f"UPDATE items SET name = 'raced' WHERE id = {ROWS + 1}",
            )
            return seen

    def undo() -> None:
        run(right.url, "UPDATE items SET stock = -1 WHERE id = 5", "DELETE FROM items WHERE id = 3")
        run(right.url, f"UPDATE items SET name = NULL WHERE id = {ROWS + 1}")

    reasons = []
    with both(left, right) as (one, other):
        for each in (five, three, more):
            undo()
            (outcome,) = correct(one, Raced(other.connection, other.source), [each], "left", dry_run=False)
            reasons.append(outcome.why_not)
    assert reasons == [
        "the row has changed just now",
        "a row is there with this key or another unique value",
        "the row has changed just now",
    ]
    with psycopg.connect(right.url) as connection:
        now = connection.execute("SELECT name, stock FROM items WHERE id IN (5, %s) ORDER BY id", [ROWS + 1]).fetchall()
    assert now == [("name of 5", 99), ("raced", None)]


def test_a_killed_run_leaves_whole_corrections_and_the_next_finishes(databases: Databases) -> None:
    left, right, found = planted(databases)
    table = Table(Relation("public", "items"), ("id",), left.source.names)
    with connected(right.url) as connection:
        drift.prepare(connection)
        drift.record(connection, table, found, NOW)

    def attempt(killed_at: int) -> None:
        with both(left, right) as (one, other):
            written: list[Correction] = []

            def mark(fix: Correction) -> None:
                written.append(fix)
                drift.mark_repaired(other.connection, table, [fix.key], NOW, by="ann", reason="copied from the left")
                if len(written) == killed_at:
                    other.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

            correct(one, other, found, "left", dry_run=False, written=mark)

    for number in range(1, 6):
        with pytest.raises(DatabaseError):
            attempt(killed_at=2)  # one more row each time
        with connected(right.url) as connection:
            repaired = {each.key["id"] for each in drift.drifts(connection, NOW, state=State.REPAIRED)}
        assert len(repaired) == number
        assert repaired == {each.key[0] for each in found} - {each.key[0] for each in scan(left, right).differences}
    attempt(killed_at=0)
    assert content(left) == content(right)
    with connected(right.url) as connection:
        assert drift.counts(connection, NOW) == {State.OPEN: 0, State.REPAIRED: 10, State.ACCEPTED: 0}


def two(url: str, definition: str, *rows: str) -> tuple[Source, Source]:
    """Tables l and r, alike; rows in l only."""
    for name in ("l", "r"):
        run(url, f"CREATE TABLE {name} {definition}")
    run(url, *(f"INSERT INTO l OVERRIDING SYSTEM VALUE VALUES {row}" for row in rows))
    columns = ["v", "twice"]
    left, right = (Source.of(Relation("public", name), ["id"], columns) for name in ("l", "r"))
    return left, right


def opened(connection: Connection, sources: tuple[Source, Source]) -> tuple[KeyedRows, KeyedRows]:
    return KeyedRows(connection, sources[0]), KeyedRows(connection, sources[1])


def test_identity_and_generated_columns(each_database: str) -> None:
    definition = (
        "(id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v char(4), "
        "twice text GENERATED ALWAYS AS (v::text || v::text) STORED)"
    )
    sources = two(each_database, definition, "(7, 'a%')", "(8, NULL)")
    run(each_database, "INSERT INTO r OVERRIDING SYSTEM VALUE VALUES (8, 'b')")
    with connected(each_database) as connection:
        left, right = opened(connection, sources)
        keys = [("7",), ("8",)]
        outcomes = correct(left, right, differences(left, right, keys), "left", dry_run=False)
        assert done(outcomes) == ["insert", "update"]
        assert differences(left, right, keys) == ()


def test_only_generated_columns_differ(database: str) -> None:
    sources = two(database, "(id int PRIMARY KEY, v text, twice text)", "(1, 'a', 'other')")
    run(
        database,
        "DROP TABLE r",
        "CREATE TABLE r (id int PRIMARY KEY, v text, twice text GENERATED ALWAYS AS (v) STORED)",
    )
    run(database, "INSERT INTO r VALUES (1, 'a')")
    with connected(database) as connection:
        left, right = opened(connection, sources)
        (outcome,) = correct(left, right, differences(left, right, [("1",)]), "left", dry_run=False)
    assert outcome.why_not == "only generated columns differ: correct what they are computed from"


def test_what_the_database_refuses_is_told_in_its_words_and_the_rest_goes_on(database: str) -> None:
    sources = two(database, "(id int PRIMARY KEY, v varchar(9), twice text)", "(1, 'long', 'x')", "(2, 'ok', 'x')",
                  "(3, 'same', 'x')")  # fmt: skip
    run(
        database,
        "ALTER TABLE r ALTER COLUMN v TYPE varchar(3), ADD CHECK (v <> 'bad'), ADD UNIQUE (twice)",
        "INSERT INTO r VALUES (1, 'a', 'x'), (2, 'b', 'y'), (4, 'g', 'z')",
        "CREATE TABLE child (id int REFERENCES r)",
        "INSERT INTO child VALUES (4)",
        "UPDATE l SET twice = id WHERE id IN (1, 2)",
    )
    with connected(database) as connection:
        left, right = opened(connection, sources)
        found = differences(left, right, [("1",), ("2",), ("3",), ("4",)])
        outcomes = {each.correction.key[0]: each.why_not for each in correct(left, right, found, "left", dry_run=False)}
    assert "too long for type character varying(3)" in outcomes["1"]
    assert outcomes["2"] == ""
    assert "too long" in outcomes["3"]
    assert "violates foreign key constraint" in outcomes["4"]


def test_nothing_is_written_to_what_is_no_table_of_plain_columns(database: str) -> None:
    sources = two(database, "(id int PRIMARY KEY, v text, twice text)", "(1, 'a', 'b')")
    with connected(database) as connection:
        select = replace(sources[1], rows="(SELECT * FROM public.r)", relation=None, stamp=None)
        with pytest.raises(RefusedError, match="is no table: nothing can be written there"):
            correct(*opened(connection, (sources[0], select)), [], "left")
        mapped = replace(sources[1], values=(Value("v", "upper(t.v)"), Value("twice", 't."twice"')))
        with pytest.raises(RefusedError, match=r"public\.r: v are expressions there"):
            correct(*opened(connection, (sources[0], mapped)), [], "left")
        left, right = opened(connection, (mapped, sources[0]))
        assert correct(left, right, (), "left") == ()  # the side that is right may be anything
