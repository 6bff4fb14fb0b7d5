"""Rows by their keys, of any types and names."""

from abreast.postgres.connection import connected, sql
from abreast.postgres.keyed_rows import KEYS_AT_ONCE, KeyedRows, Seen, column_types, differences, key_order
from abreast.schema.digest import Difference, Kind, Source, Value
from abreast.schema.names import Relation, ident
from tests.postgres.planted import run


def test_each_row_has_its_values_as_text_and_a_stamp_that_every_write_changes(each_database: str) -> None:
    run(each_database, "CREATE TABLE t (id int PRIMARY KEY, v text, n numeric)", "INSERT INTO t VALUES (1, '', 1.50)")
    with connected(each_database) as connection:
        rows = KeyedRows(connection, Source.of(Relation("public", "t"), ["id"], ["v", "n"]))
        before = rows.read([("1",), ("2",)])
        assert {key: seen.row for key, seen in before.items()} == {("1",): ("", "1.50")}
        assert rows.read([("1",)]) == before
        run(each_database, "UPDATE t SET v = v")
        after = rows.read([("1",)])[("1",)]
        assert after.row == before[("1",)].row
        assert after.stamp != before[("1",)].stamp


def test_without_a_stamp_the_values_stand_for_it(database: str) -> None:
    run(database, "CREATE TABLE t (id int PRIMARY KEY, v text)", "INSERT INTO t VALUES (1, NULL)")
    with connected(database) as connection:
        source = Source("(SELECT * FROM public.t WHERE id % 2 = 1)", ("id",), (Value("v", "t.v || '%s'"),))
        assert KeyedRows(connection, source).read([("1",)]) == {("1",): Seen((None,), (None,))}


def test_keys_of_all_sorts_are_found_as_the_server_writes_them(each_database: str) -> None:
    run(
        each_database,
        "CREATE TYPE mood AS ENUM ('good', 'ba''d')",
        "CREATE DOMAIN nr AS int",
        """CREATE TABLE "T" (c char(5), "N%s" nr, m mood, at timestamptz, b bytea, u uuid, v int,
           PRIMARY KEY (c, "N%s", m, at, b, u))""",
        r"""INSERT INTO "T" VALUES ('ab', 7, 'ba''d', '2024-02-03 04:05:06.7+02', '\x00ff',
            '6f1b2a3c-0000-4000-8000-000000000001', 1)""",
    )
    key = ("ab", "7", "ba'd", "2024-02-03 02:05:06.7+00", "\\x00ff", "6f1b2a3c-0000-4000-8000-000000000001")
    with connected(each_database) as connection:
        columns = ["c", "N%s", "m", "at", "b", "u"]
        rows = KeyedRows(connection, Source.of(Relation("public", "T"), columns, ["v"]))
        assert rows.key_types[0] == "bpchar"
        assert rows.key_types[2] == "public.mood"
        assert rows.read([key])[key].row == ("1",)


def test_more_keys_than_go_at_once(database: str) -> None:
    count = KEYS_AT_ONCE * 2 + 3
    run(database, f"CREATE TABLE t AS SELECT i AS id, i % 10 AS v FROM generate_series(1, {count}) i")
    with connected(database) as connection:
        rows = KeyedRows(connection, Source.of(Relation("public", "t"), ["id"], ["v"]))
        keys = [(str(number),) for number in range(count + 5)]
        assert len(rows.read(keys)) == count
        assert rows.read([]) == {}


def test_an_index_of_the_key_serves(database: str) -> None:
    run(database, "CREATE TABLE t AS SELECT i AS id, 'x' AS v FROM generate_series(1, 20000) i")
    run(database, "ALTER TABLE t ADD PRIMARY KEY (id)", "VACUUM ANALYZE t")
    with connected(database) as connection:
        rows = KeyedRows(connection, Source.of(Relation("public", "t"), ["id"], ["v"]))
        for _ in range(8):  # also when the server has prepared it
            rows.read([("5",), ("6",)])
        connection.execute("SELECT pg_stat_force_next_flush()")
        found = connection.execute("SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = 't'").fetchone()
    assert found is not None
    assert found[0] <= 2  # CREATE INDEX read it, and what the types were asked with
    assert found[1] >= 8


def test_differences_are_of_these_keys_only(database: str) -> None:
    for name, value in (("l", "a"), ("r", "b")):
        run(database, f"CREATE TABLE {name} AS SELECT i AS id, '{value}' AS v FROM generate_series(1, 4) i")
    run(database, "DELETE FROM l WHERE id = 2", "DELETE FROM r WHERE id = 3", "UPDATE r SET v = 'a' WHERE id = 4")
    with connected(database) as connection:
        left, right = (KeyedRows(connection, Source.of(Relation("public", n), ["id"], ["v"])) for n in "lr")
        found = differences(left, right, [("2",), ("3",), ("4",), ("9",)])
    assert found == (
        Difference(("2",), Kind.MISSING_LEFT, None, ("b",), ("v",)),
        Difference(("3",), Kind.MISSING_RIGHT, ("a",), None, ("v",)),
    )


def test_types_carry_no_modifier(each_database: str) -> None:
    with connected(each_database) as connection:
        query = "SELECT 'a'::varchar(3), 'a'::char(3), 1::numeric(4,1), ARRAY[1], 'x'::name, B'1'::bit(3) LIMIT 0"
        assert column_types(connection, query) == (
            "character varying", "bpchar", "numeric", "integer[]", "name", '"bit"',
        )  # fmt: skip


def test_keys_are_compared_by_their_types_own_operators_wherever_these_are(database: str) -> None:
    run(
        database,
        "CREATE SCHEMA ext",
        "CREATE EXTENSION citext SCHEMA ext",
        "CREATE DOMAIN mail AS ext.citext",
        """CREATE TABLE items (id int, "m%" mail, name varchar(9), code ext.citext, PRIMARY KEY ("m%", id))""",
        "INSERT INTO items SELECT n, chr(64 + n % 2 * 32 + n), 'x' || n, n FROM generate_series(1, 26) n",
        "CREATE FUNCTION wrong(varchar, varchar) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 = 1'",
        "CREATE OPERATOR > (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = wrong)",
    )
    types = {"id": "integer", "m%": "mail", "name": "character varying", "code": "ext.citext"}
    with connected(database) as connection:
        for names, schemas in (
            (["m%", "id"], ["ext", "pg_catalog"]),
            (["id", "m%"], ["pg_catalog", "ext"]),
            (["code", "m%"], ["ext", "ext"]),
            (["name", "id"], ["pg_catalog", "pg_catalog"]),
        ):
            casts = [f"public.{kind}" if kind == "mail" else kind for kind in map(types.__getitem__, names)]
            order = key_order(connection, Relation("public", "items"), names, casts, "new")
            assert order.schemas == schemas
            listed = ", ".join(f"new.{ident(name)}" for name in names)
            query = f"SELECT ARRAY[{', '.join(f'new.{ident(name)}::text' for name in names)}] FROM public.items AS new"
            rows = [tuple(row[0]) for row in connection.execute(sql(f"{query} ORDER BY {listed}")).fetchall()]
            connection.execute("SET search_path = public")  # whose operators are not asked
            for where, wanted in (
                (order.bound(">", rows[9]), rows[10:]),
                (order.bound("<=", rows[9]), rows[:10]),
            ):
                found = connection.execute(sql(f"{query} WHERE {where} ORDER BY {listed}")).fetchall()
                assert [tuple(row[0]) for row in found] == wanted
            same = f"SELECT count(*) FROM public.items new JOIN public.items held ON {order.equal('held')}"
            assert connection.execute(sql(same)).fetchone() == (26,)
            connection.execute("RESET search_path")
