"""The journal holds every write, by whomever, of every kind of table; and a write never fails for its sake."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from abreast.model.errors import DatabaseError, RefusedError
from abreast.postgres.connection import Connection, connected, sql
from abreast.postgres.journal import DAYS_AHEAD, disable, enable, journalled, maintain, required
from abreast.postgres.patience import Patience
from abreast.schema.names import Relation

ITEMS = Relation("public", "items")
WEEK = timedelta(days=7)


def entries(connection: Connection, columns: str = "op, key::text, version") -> list[tuple[object, ...]]:
    return connection.execute(sql(f"SELECT {columns} FROM abreast.journal ORDER BY seq")).fetchall()


def items(connection: Connection, definition: str = "id integer PRIMARY KEY, name text") -> None:
    connection.execute(sql(f"CREATE TABLE public.items ({definition})"))
    enable(connection, (ITEMS,))


def test_every_write_by_its_version_and_request(each_database: str) -> None:
    with connected(each_database) as owner, connected(each_database, version="v2") as v2:
        items(owner)
        with v2.transaction():
            v2.execute("SET LOCAL abreast.request_id = 'r-1'")
            v2.execute("INSERT INTO public.items VALUES (1, 'a'), (2, 'b')")
        v2.execute("UPDATE public.items SET id = 3 WHERE id = 1")
        owner.execute("DELETE FROM public.items WHERE id = 2")
        v2.execute("TRUNCATE public.items")
        assert entries(owner, "op, key::text, moved_to::text, version, request_id") == [
            ("i", '{"id": 1}', None, "v2", "r-1"),
            ("i", '{"id": 2}', None, "v2", "r-1"),
            ("u", '{"id": 1}', '{"id": 3}', "v2", None),
            ("d", '{"id": 2}', None, None, None),
            ("t", None, None, "v2", None),
        ]
        assert entries(owner, "old ->> 'name', new ->> 'name'")[2:4] == [("a", "a"), ("b", None)]


def test_an_update_that_changes_nothing_is_no_write(database: str) -> None:
    with connected(database) as owner:
        items(owner, "id integer PRIMARY KEY, price numeric, doc json, place point")
        owner.execute("INSERT INTO public.items VALUES (1, 1.0, '{\"a\":1}', '(1,2)')")
        owner.execute("UPDATE public.items SET price = price, doc = doc")
        assert len(entries(owner)) == 1
        owner.execute("UPDATE public.items SET price = 1.00")  # the same number, written in another way
        owner.execute("UPDATE public.items SET doc = '{\"a\": 1}'")
        assert len(entries(owner)) == 3


def test_a_backfill_is_no_write_and_a_publication_of_all_tables_no_obstacle(database: str) -> None:
    with connected(database) as owner, connected(database, version="~backfill") as filler:
        owner.execute("CREATE PUBLICATION everything FOR ALL TABLES")
        items(owner)
        owner.execute("INSERT INTO public.items VALUES (1, 'a')")
        filler.execute("UPDATE public.items SET name = 'b'")
        assert entries(owner, "op") == [("i",)]
        maintain(owner, datetime.now(UTC) + timedelta(days=60), timedelta(days=1))
        assert entries(owner) == []


def test_what_is_journalled_already_is_left_alone(database: str) -> None:
    with connected(database) as owner, connected(database) as reader, reader.transaction():
        items(owner)
        reader.execute("SELECT FROM public.items")  # holds off whoever would change a trigger
        reader.execute("INSERT INTO public.items VALUES (7, 'q')")
        enable(owner, (ITEMS,), Patience(lock_timeout_ms=10, longest_s=0))


def test_writers_have_no_right_on_the_journal_and_write_it_all_the_same(database: str) -> None:
    with connected(database) as owner:
        items(owner)
        owner.execute("CREATE ROLE plain LOGIN; GRANT ALL ON public.items TO plain")
        with psycopg.connect(database, user="plain", autocommit=True) as plain:
            plain.execute("SET search_path = public")
            plain.execute("INSERT INTO items VALUES (1, 'a')")
            for forbidden in (
                "SELECT * FROM abreast.journal",
                "DELETE FROM abreast.journal_default",
                "SELECT nextval('abreast.journal_seq')",
                "INSERT INTO abreast.journal SELECT now(), '1', 1, 'public', 'items', 'i'",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    plain.execute(sql(forbidden))
        assert entries(owner) == [("i", '{"id": 1}', None)]


def test_replicated_writes_are_journalled_too(database: str) -> None:
    with connected(database, session_replication_role="replica") as owner:
        items(owner)
        owner.execute("INSERT INTO public.items VALUES (1, 'a'); TRUNCATE public.items")
        assert [row[0] for row in entries(owner)] == ["i", "t"]


def test_a_value_has_one_text_whatever_the_session(database: str) -> None:
    strange = {"TimeZone": "Asia/Tokyo", "extra_float_digits": "-10", "bytea_output": "escape", "DateStyle": "German"}
    with connected(database) as owner, connected(database, **strange, IntervalStyle="iso_8601") as writer:
        items(
            owner,
            "id integer PRIMARY KEY, at timestamptz, f float8, b bytea, i interval, r daterange, ts timestamptz[]",
        )
        moment = "'2026-03-01 12:00+00'"
        values = (
            f"{moment}, 0.1234567890123456, '\\x00ff', '1 day 2 s', '[2026-01-02,)', ARRAY[{moment}]::timestamptz[]"
        )
        owner.execute(sql(f"INSERT INTO public.items VALUES (1, {values})"))
        writer.execute("INSERT INTO public.items SELECT 2, at, f, b, i, r, ts FROM public.items")
        one, two = entries(owner, "(new - 'id')::text")
        assert one == two
        assert "0.1234567890123456" in str(one[0])


def test_partitioned_tables_stand_for_their_partitions_even_later_ones(each_database: str) -> None:
    with connected(each_database, version="v1") as owner:
        owner.execute(
            "CREATE TABLE public.items (id integer, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)"
        )
        owner.execute(
            "CREATE TABLE public.old PARTITION OF public.items FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')"
        )
        enable(owner, (ITEMS,))
        owner.execute("CREATE TABLE public.rest PARTITION OF public.items DEFAULT")
        maintain(owner, datetime.now(UTC), WEEK)
        assert journalled(owner) == (ITEMS,)
        with owner.transaction():
            owner.execute("SET LOCAL session_replication_role = replica")
            owner.execute("INSERT INTO public.items VALUES (1, '2025-05-05'), (2, '2026-05-05')")
        owner.execute("UPDATE public.items SET day = '2027-01-01' WHERE id = 1")  # to the other partition
        owner.execute("TRUNCATE public.old")
        owner.execute("TRUNCATE public.rest")
        moved = [("d", '{"id": 1, "day": "2025-05-05"}'), ("i", '{"id": 1, "day": "2027-01-01"}')]
        assert [row[:2] for row in entries(owner)][2:] == [*moved, ("t", None), ("t", None)]
        assert set(entries(owner, "table_name")) == {("items",)}
        disable(owner, (ITEMS,))
        left = owner.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~abreast%'").fetchone()
        assert left == (0,)


def test_strange_names_and_composite_keys(database: str) -> None:
    relation = Relation('my "schema"', "it's a \\ täble" + "x" * 45)
    with connected(database) as owner:
        owner.execute('CREATE SCHEMA "my ""schema"""')
        owner.execute(
            sql(
                f'CREATE TABLE {relation.sql} ("Or\'der" integer, "lïne ""no""" smallint, "select" json,'
                ' PRIMARY KEY ("lïne ""no""", "Or\'der"))'
            )
        )
        enable(owner, (relation,))
        owner.execute(sql(f"INSERT INTO {relation.sql} VALUES (1, 2, '[]')"))
        assert entries(owner, "key, table_schema, table_name") == [
            ({"Or'der": 1, 'lïne "no"': 2}, relation.schema, relation.name)
        ]
        assert journalled(owner) == (relation,)
        disable(owner, (relation, ITEMS))
        assert journalled(owner) == ()
        owner.execute(sql(f"DELETE FROM {relation.sql}"))
        assert len(entries(owner)) == 1


def test_every_table_that_cannot_be_journalled_is_named_with_its_reason(database: str) -> None:
    with connected(database) as owner:
        owner.execute(
            "CREATE TABLE public.bare (id integer UNIQUE);"
            " CREATE TABLE public.late (id integer, PRIMARY KEY (id) DEFERRABLE);"
            "CREATE TABLE public.half (id integer NOT NULL); CREATE UNIQUE INDEX ON public.half (id) WHERE id > 1;"
            "CREATE TABLE public.items (id integer PRIMARY KEY) PARTITION BY HASH (id);"
            "CREATE TABLE public.part PARTITION OF public.items FOR VALUES WITH (MODULUS 1, REMAINDER 0);"
            "CREATE VIEW public.seen AS SELECT 1"
        )
        names = ("bare", "late", "half", "part", "seen", "none", "items")
        with pytest.raises(RefusedError) as caught:
            enable(owner, tuple(Relation("public", name) for name in names))
        told = dict(part.split(" cannot be journalled: ") for part in caught.value.message.split("; "))
        assert set(told) == {f"public.{name}" for name in names} - {"public.items"}
        assert all("add a primary key" in told[f"public.{name}"] for name in ("bare", "late", "half"))
        assert told["public.part"] == "it is a partition: name the table it belongs to, public.items"
        assert told["public.seen"] == "it is a view, and only tables are journalled"
        assert told["public.none"] == "there is no such table"
        assert journalled(owner) == ()


def test_a_unique_not_null_index_serves_where_there_is_no_primary_key(database: str) -> None:
    with connected(database) as owner:
        items(owner, "id integer, name text NOT NULL UNIQUE")
        owner.execute("INSERT INTO public.items VALUES (1, 'a')")
        assert entries(owner, "key") == [({"name": "a"},)]


def test_columns_renamed_dropped_and_added_stop_no_write(database: str) -> None:
    with connected(database) as owner:
        items(owner, "id integer PRIMARY KEY, doc json, f float8, a int[]")
        owner.execute("INSERT INTO public.items VALUES (1, 'null', 1, '{1}')")
        owner.execute("ALTER TABLE public.items DROP COLUMN f")
        owner.execute("ALTER TABLE public.items RENAME COLUMN doc TO paper")
        owner.execute("ALTER TABLE public.items ADD COLUMN more jsonb")
        owner.execute("INSERT INTO public.items VALUES (2, 'null', '{2}', 'null')")
        assert entries(owner, "texts")[1] == (None,)
        maintain(owner, datetime.now(UTC), WEEK)
        owner.execute("INSERT INTO public.items VALUES (3, 'null', '{3}', 'null')")
        assert entries(owner, "texts, new")[2] == (
            ["paper", "a", "more"],
            {"id": 3, "paper": "null", "a": "{3}", "more": "null"},
        )


def test_virtual_generated_columns_are_not_in_images(databases_18: str) -> None:
    with connected(databases_18) as owner:
        items(owner, "id integer PRIMARY KEY, twice integer GENERATED ALWAYS AS (id * 2) VIRTUAL")
        owner.execute("INSERT INTO public.items VALUES (1)")
        assert entries(owner, "new") == [({"id": 1},)]


@pytest.fixture
def databases_18(database: str) -> str:
    with connected(database) as connection:
        assert connection.info.server_version >= 180_000
    return database


def partitions(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid"
        " WHERE inhparent = 'abreast.journal'::regclass ORDER BY 1"
    )
    return [row[0].removeprefix("journal_") for row in rows.fetchall()]


def test_partitions_come_and_go_and_the_default_one_is_emptied(each_database: str) -> None:
    with connected(each_database) as owner:
        items(owner)
        today = datetime.now(UTC)
        days = [f"{today + timedelta(days=ahead):%Y%m%d}" for ahead in range(DAYS_AHEAD + 1)]
        assert partitions(owner) == [*days, "default"]

        # Nobody came to maintain it: what is written goes to the default partition.
        owner.execute("CREATE TABLE public.later AS SELECT now() + interval '10 days' AS at")
        copied = "xid, seq, table_schema, table_name, op, key"
        owner.execute("INSERT INTO public.items VALUES (1, 'a')")
        owner.execute(
            sql(
                f"INSERT INTO abreast.journal (at, {copied}) SELECT l.at, {copied} FROM abreast.journal, public.later l"
            )
        )
        assert owner.execute("SELECT count(*) FROM abreast.journal_default").fetchone() == (1,)

        then = today + timedelta(days=10)
        maintain(owner, then, timedelta(days=9))
        new = [f"{then + timedelta(days=ahead):%Y%m%d}" for ahead in range(DAYS_AHEAD + 1)]
        assert partitions(owner) == [*days[1:], *new, "default"]
        assert entries(owner, "tableoid::regclass::text") == [(f"abreast.journal_{new[0]}",)]
        maintain(owner, then + timedelta(days=60), timedelta(days=1))
        assert entries(owner) == []
        assert len(partitions(owner)) == DAYS_AHEAD + 2


def test_what_is_too_old_in_the_default_partition_goes_too(database: str) -> None:
    with connected(database) as owner:
        items(owner)
        owner.execute(
            "INSERT INTO abreast.journal (at, xid, seq, table_schema, table_name, op)"
            " SELECT now() - day * interval '1 day', '1', day, 'public', 'items', 't'"
            " FROM generate_series(5, 15, 10) day"
        )
        maintain(owner, datetime.now(UTC), timedelta(days=10))
        assert entries(owner, "seq") == [(5,)]


def test_maintaining_is_patient_with_locks_and_gives_up_in_words(database: str) -> None:
    with connected(database) as owner, connected(database) as writer, writer.transaction():
        items(owner)
        writer.execute("INSERT INTO public.items VALUES (1, 'a')")  # holds the journal's day
        patience = Patience(lock_timeout_ms=10, longest_s=0)
        with pytest.raises(DatabaseError, match=r"dropping the journal of .*: the lock was not free once in 0 s"):
            maintain(owner, datetime.now(UTC) + timedelta(days=9), timedelta(days=1), patience)


def test_nothing_to_maintain_and_nothing_to_read_without_a_journal(database: str) -> None:
    with connected(database) as owner:
        maintain(owner, datetime.now(UTC), WEEK)
        assert journalled(owner) == ()
        with pytest.raises(RefusedError, match="no journal"):
            required(owner)
        items(owner)
        required(owner)
