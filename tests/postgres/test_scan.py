"""The full sweep, on real servers."""

import threading
import time
from dataclasses import replace

import psycopg
import pytest

from abreast.model.errors import DatabaseError, RefusedError
from abreast.postgres.scan import Side, scan
from abreast.schema.digest import Algorithm, Kind, Source, Value
from abreast.schema.names import Relation
from tests.fakes.postgres import Databases
from tests.postgres.planted import COLUMNS, fill, plant, run, told

ROWS = 20_000
XOR = "SELECT bit_xor(hashtextextended(ROW(sku, name, price, stock, at)::text, 0)) FROM items"


def small(url: str, *rows: str, key: str = "id int PRIMARY KEY", value: str = "v text") -> Side:
    """A table t (id, v)."""
    run(url, f"CREATE TABLE t ({key}, {value})", *(f"INSERT INTO t VALUES ({row})" for row in rows))
    return Side(url, Source.of(Relation("public", "t"), ["id"], ["v"]))


def test_of_twenty_thousand_rows_exactly_the_ten_planted_are_found(databases: Databases) -> None:
    left, right = fill(databases(), ROWS), fill(databases(), ROWS)
    planted = plant(right.url, ROWS)
    found = scan(left, right)
    assert told(found.differences) == planted
    assert (found.more, found.rows, found.algorithm) == (False, (ROWS, ROWS), Algorithm.HASH)
    assert found.buckets == 32
    by_key = {each.key[0]: each for each in found.differences}
    assert by_key["3"].right is None
    assert by_key["3"].left == ("sku-3", "name of 3", "0.03", "3", "2024-01-01 00:00:03+00")
    assert (by_key["10"].left or ())[1] is None
    assert (by_key["10"].right or ())[1] == ""
    assert (by_key["17"].right or ())[4] == "2024-01-01 00:00:17.000001+00"


def test_equal_tables_show_nothing_and_the_sides_can_be_exchanged(databases: Databases) -> None:
    left, right = fill(databases(), 2000), fill(databases(), 2000)
    same = scan(left, right)
    assert (same.differences, same.more, same.differing_buckets) == ((), False, 0)
    plant(right.url, 2000)
    one, other = scan(left, right).differences, scan(right, left).differences
    assert {(each.key, each.left, each.right) for each in one} == {(each.key, each.right, each.left) for each in other}


def test_changes_that_cancel_under_xor_are_found(databases: Databases) -> None:
    left, right = fill(databases(), 2000), fill(databases(), 2000)
    alike = "UPDATE items SET (sku, name, price, stock, at) = ('{}', NULL, 1, 1, '2024-01-01') WHERE id IN (70, 71)"
    run(left.url, alike.format("before"))
    run(right.url, alike.format("after"))
    with psycopg.connect(left.url) as one, psycopg.connect(right.url) as other:
        assert one.execute(XOR).fetchone() == other.execute(XOR).fetchone()
    found = scan(left, right, bucket_rows=10_000)
    assert found.buckets == 1
    assert told(found.differences) == {"70": (Kind.DIFFERS, ("sku",)), "71": (Kind.DIFFERS, ("sku",))}


def test_servers_of_two_majors_are_compared_by_md5(databases: Databases) -> None:
    left, right = fill(databases(15), 2000), fill(databases(18), 2000)
    planted = plant(right.url, 2000)
    found = scan(left, right)
    assert (told(found.differences), found.algorithm) == (planted, Algorithm.MD5)


def test_databases_of_two_encodings_are_compared_by_the_same_bytes(databases: Databases) -> None:
    left = small(databases(), "1, 'é'", "2, 'ü'")
    run(left.url, "CREATE DATABASE latin ENCODING latin1 TEMPLATE template0")
    right = small(left.url.replace(left.url.partition("?")[0].rsplit("/", 1)[1], "latin", 1), "1, 'é'", "2, 'u'")
    found = scan(left, right)
    assert [(each.key, each.left, each.right) for each in found.differences] == [(("2",), ("ü",), ("u",))]
    assert found.algorithm is Algorithm.MD5


def test_a_mapping_declared_on_one_side_and_other_types_on_the_other_are_no_difference(each_database: str) -> None:
    run(
        each_database,
        "CREATE TABLE old_items (id int PRIMARY KEY, price text, ok text, code char(4))",
        "CREATE TABLE new_items (nr text PRIMARY KEY, cents bigint, fine boolean, code text)",
        "INSERT INTO old_items SELECT i, (i || '.50'), 'true', 'ab' FROM generate_series(1, 3000) i",
        "INSERT INTO new_items SELECT i, i * 100 + 50, true, 'ab' FROM generate_series(1, 3000) i",
        "UPDATE new_items SET cents = cents + 1 WHERE nr = '1234'",
    )
    up = (Value("cents", "(t.price::numeric * 100)::bigint"), Value("fine", "t.ok"), Value("code", "t.code"))
    left = Side(each_database, Source("(SELECT * FROM public.old_items WHERE id % 2 = 0)", ("id",), up))
    columns = Source.of(Relation("public", "new_items"), ["nr"], ["cents", "fine", "code"])
    right = Side(each_database, replace(columns, rows="(SELECT * FROM public.new_items WHERE nr::int % 2 = 0)",
                                        relation=None, stamp=None))  # fmt: skip
    found = scan(left, right)
    assert told(found.differences) == {"1234": (Kind.DIFFERS, ("cents",))}
    assert found.rows == (1500, 1500)


def test_composite_keys_are_not_mistaken_for_each_other(each_database: str) -> None:
    run(
        each_database,
        'CREATE TABLE l ("A b" text, "c""%d" text, v int, PRIMARY KEY ("A b", "c""%d"))',
        "INSERT INTO l VALUES ('x,', 'y', 1), ('x', ',y', 2), ('x''', '', 3), ('', '''x', 4), ('%s', '%', 5)",
        "CREATE TABLE r (LIKE l INCLUDING ALL)",
        "INSERT INTO r SELECT * FROM l",
        "UPDATE r SET v = 9 WHERE \"A b\" IN ('x', '%s')",
    )
    sides = [Side(each_database, Source.of(Relation("public", name), ["A b", 'c"%d'], ["v"])) for name in "lr"]
    assert {each.key for each in scan(*sides).differences} == {("x", ",y"), ("%s", "%")}


def test_keys_of_a_collation_that_takes_a_for_capital_a_are_told_apart(databases: Databases) -> None:
    collation = "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
    sides = []
    for key in ("a", "A"):
        url = databases(15)
        run(url, collation)
        sides.append(small(url, f"'{key}', 'v'", "'b', 'v'", key="id text COLLATE loose PRIMARY KEY"))
    found = scan(*sides)
    assert found.differing_buckets
    assert {each.key for each in found.differences} == {("a",), ("A",)}


def test_beyond_the_limit_it_stops_and_says_so(databases: Databases) -> None:
    left, right = fill(databases(), 5000), fill(databases(), 5000)
    run(right.url, "UPDATE items SET stock = stock + 1")
    for limit, buckets in ((7, 1000), (7, 100_000), (1, 10)):
        found = scan(left, right, limit=limit, bucket_rows=buckets)
        assert (len(found.differences), found.more) == (limit, True)
    all_of_them = scan(left, right, limit=5000)
    assert (len(all_of_them.differences), all_of_them.more) == (5000, False)


def test_one_side_may_be_empty(databases: Databases) -> None:
    left, right = small(databases(), "1, 'a'", "2, NULL"), small(databases())
    assert {each.kind for each in scan(left, right).differences} == {Kind.MISSING_RIGHT}
    assert {each.kind for each in scan(right, left).differences} == {Kind.MISSING_LEFT}
    assert scan(right, right).rows == (0, 0)


def test_tables_of_one_database_are_seen_at_one_moment_under_writes(database: str) -> None:
    fill(database, 3000)
    run(database, "CREATE TABLE copies (LIKE items INCLUDING ALL)", "INSERT INTO copies SELECT * FROM items")
    left = Side(database, Source.of(Relation("public", "items"), ["id"], COLUMNS))
    right = Side(database, Source.of(Relation("public", "copies"), ["id"], COLUMNS))
    ended = threading.Event()
    written = []

    def write() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            while not ended.is_set():
                with connection.transaction():
                    connection.execute("UPDATE items SET stock = stock + 1 WHERE id % 7 = 0")
                    connection.execute("UPDATE copies SET stock = stock + 1 WHERE id % 7 = 0")
                written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(10):
            assert scan(left, right).differences == ()
    finally:
        ended.set()
        writer.join()
    assert written


def test_progress_counts_the_rows_of_both_sides_slice_by_slice(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abreast.postgres.scan.SLICE_PAGES_MIN", 20)
    left, right = fill(databases(), ROWS), fill(databases(), ROWS)
    planted = plant(right.url, ROWS)
    calls: list[tuple[int, int]] = []
    found = scan(left, right, progress=lambda done, expected: calls.append((done, expected)))
    assert told(found.differences) == planted
    assert len(calls) > 10
    assert calls == sorted(calls)
    assert calls[-1] == (2 * ROWS, 2 * ROWS)


def test_a_partitioned_table_is_read_whole(each_database: str) -> None:
    for name in ("l", "r"):
        run(
            each_database,
            f"CREATE TABLE {name} (id int PRIMARY KEY, v text) PARTITION BY HASH (id)",
            *(f"CREATE TABLE {name}{part} PARTITION OF {name} FOR VALUES WITH (MODULUS 3, REMAINDER {part})"
              for part in range(3)),
            f"INSERT INTO {name} SELECT i, 'v' || i FROM generate_series(1, 3000) i",
        )  # fmt: skip
    run(each_database, "DELETE FROM r WHERE id = 777", "UPDATE r SET v = NULL WHERE id = 778")
    sides = [Side(each_database, Source.of(Relation("public", name), ["id"], ["v"])) for name in "lr"]
    found = scan(*sides)
    assert told(found.differences) == {"777": (Kind.MISSING_RIGHT, ("v",)), "778": (Kind.DIFFERS, ("v",))}
    assert found.rows == (3000, 2999)


def test_a_key_that_is_null_or_not_unique_is_refused(databases: Databases) -> None:
    good = small(databases(), "1, 'a'")
    null = small(databases(), "1, 'a'", "NULL, 'a'", key="id int")
    twice = small(databases(), "1, 'a'", "1, 'a'", key="id int")
    with pytest.raises(RefusedError, match=r'1 rows of "public"."t" have NULL in their key \(id\)'):
        scan(good, null)
    with pytest.raises(RefusedError, match=r'"public"."t" has more than one row with id = 1'):
        scan(twice, good)


def test_it_writes_nothing(database: str) -> None:
    run(database, "CREATE TABLE t (id int PRIMARY KEY, v text)", "INSERT INTO t VALUES (1, 'a')", "CREATE SEQUENCE s")
    side = Side(database, Source("(SELECT id, nextval('public.s') AS v FROM public.t)", ("id",), (Value("v", "t.v"),)))
    with pytest.raises(DatabaseError, match="read-only transaction"):
        scan(side, side)


def test_a_slow_statement_ends_at_its_time_out_and_the_other_side_with_it(databases: Databases) -> None:
    quick = small(databases(), "1, 'a'")
    slow = small(databases(), "1, 'a'")
    source = Source("(SELECT id, pg_sleep(60)::text AS v FROM public.t)", ("id",), (Value("v", "t.v"),))
    began = time.monotonic()
    with pytest.raises(DatabaseError, match="statement timeout"):
        scan(quick, Side(slow.url, source), statement_timeout_s=1)
    broken = Source("(SELECT id, (id / 0)::text AS v FROM public.t)", ("id",), (Value("v", "t.v"),))
    with pytest.raises(DatabaseError, match="division by zero"):
        scan(Side(quick.url, broken), Side(slow.url, source), statement_timeout_s=60)
    assert time.monotonic() - began < 30


def test_it_does_not_queue_behind_a_lock_for_long(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abreast.postgres.scan.LOCK_TIMEOUT", "100ms")
    side = small(database, "1, 'a'")
    with psycopg.connect(database) as holder:
        holder.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseError, match="lock timeout"):
            scan(side, side)
    assert scan(side, side).rows == (1, 1)


def test_functions_of_a_source_are_found_by_its_search_path(database: str) -> None:
    side = small(database, "1, 'a'")
    run(database, "CREATE FUNCTION twice(text) RETURNS text LANGUAGE sql AS 'SELECT $1 || $1'")
    twice = Source("public.t", ("id",), (Value("v", "twice(t.v)"),))
    (found,) = scan(side, Side(database, twice, "pg_catalog, public")).differences
    assert (found.left, found.right) == (("a",), ("aa",))
    with pytest.raises(DatabaseError, match="twice"):
        scan(side, Side(database, twice))


def test_who_is_told_of_progress_can_end_it(databases: Databases) -> None:
    left, right = small(databases(), "1, 'a'"), small(databases(), "1, 'a'")
    slow = Source("(SELECT id, pg_sleep(60)::text AS v FROM public.t)", ("id",), (Value("v", "t.v"),))

    def enough(_done: int, _expected: int) -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        scan(left, Side(right.url, slow), progress=enough)
    assert time.monotonic() - began < 30
    with psycopg.connect(right.url) as connection:
        others = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND state = 'active'"
        ).fetchone()
    assert others == (0,)
