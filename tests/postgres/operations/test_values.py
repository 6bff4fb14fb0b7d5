"""What rows may hold: NULLs, defaults, keys of every kind, and types that compare in their own ways."""

import psycopg
import pytest
from psycopg import errors

from tests.fakes.postgres import Databases
from tests.postgres.trials import Trial, trial

ITEMS = (
    "CREATE TABLE items (id int PRIMARY KEY, a text, b int NOT NULL DEFAULT 3); INSERT INTO items VALUES (1, 'x', 1)"
)


def test_a_null_of_the_new_version_reaches_the_old_one_and_back(database: str) -> None:
    text = "  - alter_column: {table: items, column: a, type: integer, up: a::integer, down: a::text}"
    with trial(database, ITEMS.replace("'x'", "'1'")) as items:
        items.expand(text)
        items.as_version(
            "v2", "INSERT INTO items (id, a) VALUES (2, NULL), (3, 30)", "UPDATE items SET a = NULL WHERE id = 1"
        )
        items.as_version("v1", "INSERT INTO items (id, a) VALUES (4, NULL)", "UPDATE items SET a = NULL WHERE id = 3")
        for version in ("v1", "v2"):
            assert items.as_version(version, "SELECT id FROM items WHERE a IS NULL ORDER BY id") == [
                (1,),
                (2,),
                (3,),
                (4,),
            ]


def test_volatile_defaults_give_each_row_its_own_value_and_never_rewrite_the_table(database: str) -> None:
    text = """
  - add_column: {table: items, column: {name: token, type: uuid, default: gen_random_uuid(), unique: true}}
  - add_column: {table: items, column: {name: at, type: timestamptz, default: clock_timestamp()}}
  - add_column: {table: items, column: {name: seen, type: date, default: current_date}}
  - add_column: {table: items, column: {name: number, type: bigserial}}
  - add_column: {table: items, column: {name: kind, type: text, default: "'plain'::text"}}
"""
    with trial(database, ITEMS + "; INSERT INTO items SELECT g FROM generate_series(2, 1500) g") as items:
        before = _file(items)
        items.expand(text)
        assert _file(items) == before
        items.as_version("v1", "INSERT INTO items (id) VALUES (2001), (2002)")
        items.as_version("v2", "INSERT INTO items (id) VALUES (2003), (2004)")
        own = "00000000-0000-0000-0000-000000000001"
        rows = items.as_version(
            "v2",
            f"INSERT INTO items (id, token, number) VALUES (2005, '{own}', 77777) RETURNING token::text, number, kind",
        )
        assert rows == [(own, 77777, "plain")]
        distinct = "count(DISTINCT token), count(DISTINCT number), count(DISTINCT at) > 4"
        count = f"SELECT count(*), {distinct}, count(kind) FROM items"
        assert items.as_version("v2", count) == [(1505, 1505, 1505, True, 1505)]
        items.contract()
        items.as_version("v2", "INSERT INTO items (id) VALUES (2006)")
        assert items.as_version("v2", count) == [(1506, 1506, 1506, True, 1506)]
        assert ("items", "number", "bigint", "True") in [row[:4] for row in items.described()["columns"]]
        assert [row[9] for row in items.described()["columns"] if row[1] == "number"] == ["items_number_seq"]


def test_a_changed_serial_keeps_its_sequence(database: str) -> None:
    setup = "CREATE TABLE items (id int PRIMARY KEY, n serial); INSERT INTO items VALUES (1), (2)"
    with trial(database, setup) as items:
        items.expand("  - alter_column: {table: items, column: n, type: bigint, up: n, down: n}")
        items.as_version("v1", "INSERT INTO items VALUES (3)")
        items.as_version("v2", "INSERT INTO items VALUES (4)")
        items.contract()
        items.as_version("v2", "INSERT INTO items VALUES (5)")
        assert items.as_version("v2", "SELECT id, n FROM items WHERE id < 4 ORDER BY id") == [(1, 1), (2, 2), (3, 3)]
        assert items.as_version("v2", "SELECT count(DISTINCT n) FROM items") == [(5,)]
        items.connection.execute("SELECT nextval('shop.items_n_seq')")


@pytest.mark.parametrize("kind", ["ALWAYS", "BY DEFAULT"])
def test_identities_go_on_and_may_be_overridden(database: str, kind: str) -> None:
    setup = f"CREATE TABLE items (id int GENERATED {kind} AS IDENTITY PRIMARY KEY, a text)"
    with trial(database, setup) as items:
        items.expand("  - alter_column: {table: items, column: a, type: integer, up: a::integer, down: a::text}")
        items.as_version("v1", "INSERT INTO items (a) VALUES ('1'), ('2')")
        items.as_version("v2", "INSERT INTO items (a) VALUES (3)")
        items.as_version("v2", "INSERT INTO items (id, a) OVERRIDING SYSTEM VALUE VALUES (50, 4)")
        items.as_version("v1", "INSERT INTO items (id, a) OVERRIDING SYSTEM VALUE VALUES (51, '5')")
        wanted = [(1, 1), (2, 2), (3, 3), (50, 4), (51, 5)]
        assert items.as_version("v2", "SELECT id, a FROM items ORDER BY id") == wanted
        if kind == "ALWAYS":
            with pytest.raises(errors.GeneratedAlways):
                items.as_version("v2", "INSERT INTO items (id, a) VALUES (60, 6)")


def test_a_generated_column_beside_a_changed_one_is_shown_to_both(database: str) -> None:
    setup = ITEMS + "; ALTER TABLE items ADD twice int GENERATED ALWAYS AS (b * 2) STORED"
    with trial(database, setup) as items:
        items.expand("  - alter_column: {table: items, column: a, type: varchar(3), up: a, down: a}")
        items.as_version("v2", "INSERT INTO items (id, a, b) VALUES (2, 'n', 4)")
        assert items.as_version("v1", "SELECT a, twice FROM items ORDER BY id") == [("x", 2), ("n", 8)]


def test_keys_of_several_columns_carry_the_backfill_over_many_batches(database: str) -> None:
    setup = """CREATE TABLE items (region text, n int, "when" timestamptz, a text, PRIMARY KEY (region, "when", n));
    INSERT INTO items SELECT chr(97 + g % 3), g, '2020-01-01'::timestamptz + g * '1 h'::interval, g::text
      FROM generate_series(1, 1700) g"""
    with trial(database, setup) as items:
        items.expand("  - alter_column: {table: items, column: a, type: integer, up: a::integer, down: a::text}")
        assert items.as_version("v2", "SELECT count(*), sum(a) FROM items") == [(1700, 1700 * 1701 // 2)]


def test_values_that_are_equal_and_not_the_same_are_carried_over(databases: Databases) -> None:
    setup = """CREATE COLLATION insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE items (id int PRIMARY KEY, j json, jb jsonb, n numeric, c char(5), v varchar(5),
      t text COLLATE insensitive, r text[]);
    INSERT INTO items VALUES (1, '{"a":  1}', '{"a": 1}', 1.0, 'ab', 'xyz', 'Ab', '{a,b}')"""
    text = """
  - alter_column: {table: items, column: j, type: jsonb, up: j::jsonb, down: j::json}
  - alter_column: {table: items, column: jb, type: json, up: jb::json, down: jb::jsonb}
  - alter_column: {table: items, column: n, type: text, up: n::text, down: n::numeric}
  - alter_column: {table: items, column: c, type: char(7), up: c, down: c}
  - alter_column: {table: items, column: v, type: char(5), up: v, down: v}
  - alter_column: {table: items, column: t, nullable: false, up: "coalesce(t, '')"}
  - alter_column: {table: items, column: r, type: "varchar(3)[]", up: r, down: r}
"""
    with trial(databases(15), setup) as items:  # wheels are built without ICU
        items.expand(text)
        items.as_version("v1", "UPDATE items SET n = 1.00, t = 'AB', v = 'q', c = 'abcde' WHERE id = 1")
        query = "SELECT n::text, t, v, c, r::text, octet_length(v), octet_length(c) FROM items"
        assert items.as_version("v2", query) == [("1.00", "AB", "q    ", "abcde  ", "{a,b}", 5, 7)]
        items.as_version("v2", "UPDATE items SET n = '1.000', t = 'aB', jb = '{\"a\" : 2}', r = '{z}', v = 'w'")
        assert items.as_version("v1", "SELECT n::text, t, jb::text, r::text, v FROM items") == [
            ("1.000", "aB", '{"a": 2}', "{z}", "w")
        ]
        with pytest.raises(errors.StringDataRightTruncation):
            items.as_version("v2", "UPDATE items SET c = 'abcdefg'")
        with pytest.raises(errors.StringDataRightTruncation):
            items.as_version("v1", "UPDATE items SET r = '{long}'")


def test_enums_domains_and_composites(database: str) -> None:
    setup = """CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE TYPE pair AS (x int, y int);
    CREATE TABLE items (id int PRIMARY KEY, m mood, p positive, q pair);
    INSERT INTO items VALUES (1, 'sad', 5, '(1,2)')"""
    text = """
  - alter_column: {table: items, column: m, type: text, up: m::text, down: m::mood}
  - alter_column: {table: items, column: p, type: bigint, up: p, down: p}
  - alter_column: {table: items, column: q, type: integer, up: (q).x, down: "ROW(q, 0)"}
"""
    with trial(database, setup) as items:
        items.expand(text)
        items.as_version("v2", "INSERT INTO items VALUES (2, 'ok', 7, 9)")
        assert items.as_version("v1", "SELECT m::text, p, q::text FROM items ORDER BY id") == [
            ("sad", 5, "(1,2)"), ("ok", 7, "(9,0)"),
        ]  # fmt: skip
        for wrong, error in (("p = -1", errors.CheckViolation), ("m = 'mad'", errors.InvalidTextRepresentation)):
            with pytest.raises(error):
                items.as_version("v2", f"UPDATE items SET {wrong} WHERE id = 1")


def test_a_writer_that_is_no_version_is_followed_as_its_columns_tell(database: str) -> None:
    with trial(database, ITEMS.replace("'x'", "'1'")) as items:
        items.expand("  - alter_column: {table: items, column: a, type: integer, up: a::integer, down: a::text}")
        items.connection.execute("INSERT INTO shop_v1.items (id, a) VALUES (2, '2')")
        items.connection.execute("INSERT INTO shop_v2.items (id, a) VALUES (3, 3)")
        items.connection.execute("UPDATE shop_v2.items SET a = 11 WHERE id = 1")
        items.connection.execute("UPDATE shop_v1.items SET a = '22' WHERE id = 2")
        wanted = [(1, 11), (2, 22), (3, 3)]
        assert items.as_version("v2", "SELECT id, a FROM items ORDER BY id") == wanted
        assert items.as_version("v1", "SELECT id, a::int FROM items ORDER BY id") == wanted


def test_a_writer_that_is_no_version_does_not_stumble_over_the_old_columns_default(database: str) -> None:
    with trial(database, ITEMS) as items:
        items.expand("  - alter_column: {table: items, column: b, type: text, up: b::text, down: b::integer}")
        items.connection.execute("INSERT INTO shop_v2.items (id, b) VALUES (2, '22')")
        items.connection.execute("INSERT INTO shop_v1.items (id, b) VALUES (3, 33), (4, DEFAULT)")
        items.connection.execute("INSERT INTO shop.items (id, b, _abreast_b) VALUES (5, 5, '6')")
        query = "SELECT b::text FROM items ORDER BY id"
        assert items.as_version("v1", query) == [("1",), ("22",), ("33",), ("3",), ("5",)]
        assert items.as_version("v2", query) == [("1",), ("22",), ("33",), ("3",), ("6",)]


def test_several_schemas_on_the_search_path_change_nothing(database: str) -> None:
    """Pgroll decides who writes by the text of search_path, and loses a write where it has two entries (#829)."""
    with trial(database, ITEMS.replace("'x'", "'1'")) as items:
        items.expand("  - alter_column: {table: items, column: a, type: integer, up: a::integer, down: a::text}")
        items.as_version("v2", "SET search_path = public, shop_v2, shop, pg_temp")
        items.as_version("v2", "UPDATE items SET a = 5 WHERE id = 1", "INSERT INTO items (id, a) VALUES (2, 6)")
        assert items.as_version("v1", "SELECT id, a FROM items ORDER BY id") == [(1, "5"), (2, "6")]


def test_a_value_that_the_new_version_made_its_own_outlives_a_touch_of_the_old_one(database: str) -> None:
    with trial(database, ITEMS) as items:
        items.expand(
            "  - add_column: {table: items, column: {name: label, type: text}, up: \"upper(coalesce(a, '?'))\"}"
        )
        items.as_version("v2", "UPDATE items SET label = 'own' WHERE id = 1")
        items.as_version("v1", "UPDATE items SET b = 9", "UPDATE items SET a = 'other'")
        items.as_version("v1", "INSERT INTO items VALUES (2, 'y', 1)", "UPDATE items SET a = 'z' WHERE id = 2")
        assert items.as_version("v2", "SELECT label FROM items ORDER BY id") == [("own",), ("Z",)]


def _file(made: Trial) -> object:
    return made.connection.execute("SELECT pg_relation_filenode('shop.items')").fetchone()


def test_a_default_that_the_new_type_cannot_have_is_refused_until_another_is_given(database: str) -> None:
    setup = "CREATE TABLE items (id int PRIMARY KEY, a text DEFAULT 'none')"
    with trial(database, setup) as items:
        change = "  - alter_column: {{table: items, column: a, type: integer, up: length(a), down: a::text{}}}"
        with pytest.raises(Exception, match=r"m.yaml:2: .*the default 'none'::text of 'a' cannot be used"):
            items.plan(change.format(""))
        items.expand(change.format(", default: 4"))
        assert items.as_version("v2", "INSERT INTO items VALUES (1) RETURNING a") == [(4,)]
        assert items.as_version("v1", "SELECT a FROM items") == [("4",)]


def test_returning_tells_what_the_trigger_made_of_it(database: str) -> None:
    with trial(database, ITEMS) as items:
        items.expand(
            "  - alter_column: {table: items, column: a, type: integer, up: length(a), down: \"repeat('x', a)\"}"
        )
        rows = items.as_version("v2", "INSERT INTO items (id, a) VALUES (2, 2), (3, 3) RETURNING id, a")
        assert rows == [(2, 2), (3, 3)]
        assert items.as_version("v1", "UPDATE items SET a = 'yyyy' WHERE id = 3 RETURNING a") == [("yyyy",)]
        assert items.as_version("v2", "DELETE FROM items WHERE id = 3 RETURNING a") == [(4,)]


def test_psycopg_pipelines_and_prepared_statements_survive_the_change(database: str) -> None:
    with trial(database, ITEMS) as items:
        items.expand("  - add_column: {table: items, column: {name: n, type: integer, default: 1}}")
        with psycopg.connect(database, user="app v1", autocommit=True, prepare_threshold=0) as one:
            query = "SELECT a FROM items WHERE id = %s"
            assert one.execute(query, [1]).fetchone() == ("x",)
        items.contract()
        assert items.as_version("v2", "SELECT n FROM items") == [(1,)]
