"""Keys, unique indexes and foreign keys are read as the server has them."""

import pytest

from abreast.postgres.connection import connected
from abreast.postgres.journal_tables import is_there, partitions_of, read_neighbourhood, read_table, refusal
from abreast.schema.names import Relation

ITEMS = Relation("public", "items")
ORDERS = Relation("public", "orders")


def test_which_columns_json_does_not_keep(each_database: str) -> None:
    with connected(each_database) as owner:
        owner.execute(
            "CREATE TYPE public.pair AS (a integer, b integer); CREATE TYPE public.mood AS ENUM ('good');"
            "CREATE DOMAIN public.doc AS jsonb; CREATE DOMAIN public.docs AS public.doc;"
            "CREATE DOMAIN public.list AS integer[]; CREATE DOMAIN public.word AS text"
        )
        owner.execute(
            "CREATE TABLE public.items (id integer PRIMARY KEY, n numeric(9,2), f real, t text, v varchar(9), b bytea,"
            " j json, dd public.docs, l public.list, w public.word, p public.pair, m public.mood, r int4range,"
            " u uuid, g integer GENERATED ALWAYS AS (id) STORED)"
        )
        table = read_table(owner, ITEMS)
        assert table.texts == ("f", "j", "dd", "l", "p")
        assert {column.name for column in table.columns if column.is_json} == {"j", "dd"}
        assert [column.name for column in table.columns if column.generated] == ["g"]
        types = {column.name: column.type for column in table.columns}
        assert (types["n"], types["v"], types["m"]) == ("numeric(9,2)", "character varying(9)", "public.mood")


def test_a_type_with_a_cast_to_json_is_a_text(database: str) -> None:
    with connected(database) as owner:
        owner.execute(
            "CREATE TYPE public.mood AS ENUM ('good');"
            "CREATE FUNCTION public.told(public.mood) RETURNS json LANGUAGE sql IMMUTABLE AS $$ SELECT '{}'::json $$;"
            "CREATE CAST (public.mood AS json) WITH FUNCTION public.told;"
            "CREATE TABLE public.items (id integer PRIMARY KEY, m public.mood)"
        )
        assert read_table(owner, ITEMS).texts == ("m",)


def test_the_primary_key_comes_first_with_its_operators(database: str) -> None:
    with connected(database) as owner:
        owner.execute(
            "CREATE TABLE public.items (a integer NOT NULL UNIQUE, b text, c bigint, PRIMARY KEY (c, b),"
            " UNIQUE (a, c) DEFERRABLE); CREATE UNIQUE INDEX ON public.items (lower(b))"
        )
        place = read_neighbourhood(owner, ITEMS)
        assert [(part.column, part.operator) for part in place.table.key] == [
            ("c", "OPERATOR(pg_catalog.=)"),
            ("b", "OPERATOR(pg_catalog.=)"),
        ]
        assert [(u.name, len(u.columns), u.immediate) for u in place.uniques] == [
            ("items_pkey", 2, True),
            ("items_a_c_key", 2, False),
            ("items_a_key", 1, True),
        ]


def test_foreign_keys_both_ways_once_each_though_partitioned(each_database: str) -> None:
    with connected(each_database) as owner:
        owner.execute(
            "CREATE TABLE public.items (id integer, part integer, boss integer, boss_part integer,"
            " PRIMARY KEY (id, part),"
            " CONSTRAINT boss FOREIGN KEY (boss, boss_part) REFERENCES public.items (id, part))"
            " PARTITION BY LIST (part);"
            "CREATE TABLE public.items_1 PARTITION OF public.items FOR VALUES IN (1);"
            "CREATE TABLE public.items_2 PARTITION OF public.items DEFAULT;"
            "CREATE TABLE public.orders (id bigint PRIMARY KEY, q integer, p integer,"
            " CONSTRAINT item FOREIGN KEY (p, q) REFERENCES public.items (id, part) ON DELETE CASCADE)"
        )
        place = read_neighbourhood(owner, ITEMS)
        assert [reference.name for reference in place.parents] == ["boss"]
        assert [(reference.name, reference.child) for reference in place.children] == [
            ("boss", ITEMS),
            ("item", ORDERS),
        ]
        (item,) = read_neighbourhood(owner, ORDERS).parents
        assert (item.child_columns, [part.column for part in item.parent_columns]) == (("p", "q"), ["id", "part"])
        assert partitions_of(owner, ITEMS) == (Relation("public", "items_1"), Relation("public", "items_2"))
        assert partitions_of(owner, ORDERS) == ()


def test_a_deferrable_exclusion_is_named(database: str) -> None:
    with connected(database) as owner:
        owner.execute(
            "CREATE TABLE public.items (id integer PRIMARY KEY, during int4range,"
            " CONSTRAINT apart EXCLUDE USING gist (during WITH &&) DEFERRABLE);"
            "CREATE TABLE public.orders (id integer PRIMARY KEY)"
        )
        assert read_neighbourhood(owner, ITEMS).unchecked == "apart"
        assert read_neighbourhood(owner, ORDERS).unchecked is None


def test_an_unenforced_foreign_key_ties_nothing(database: str) -> None:
    with connected(database) as owner:
        owner.execute(
            "CREATE TABLE public.items (id integer PRIMARY KEY);"
            "CREATE TABLE public.orders (id integer PRIMARY KEY REFERENCES public.items NOT ENFORCED)"
        )
        assert read_neighbourhood(owner, ITEMS).children == ()


def test_what_is_not_there(database: str) -> None:
    with connected(database) as owner:
        assert not is_there(owner, ITEMS)
        assert refusal(owner, ITEMS) == "there is no such table"
        with pytest.raises(LookupError, match=r"no table public\.items"):
            read_table(owner, ITEMS)
        owner.execute("CREATE TABLE public.items (id integer PRIMARY KEY)")
        assert is_there(owner, ITEMS)
        assert refusal(owner, ITEMS) is None
