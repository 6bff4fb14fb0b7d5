"""An index is recognised by its table and definition, not by its name alone."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from abreast.model.errors import DatabaseError
from abreast.postgres.connection import sql
from abreast.postgres.indexes import Indexes
from abreast.postgres.patience import Patience
from abreast.schema.names import Relation
from abreast.schema.plan import PART, PARTITION, Step
from tests.postgres.trials import Trial, trial

ITEMS, ROOMS, INDEX = Relation("shop", "items"), Relation("shop", "rooms"), Relation("shop", "by_a")
SETUP = """CREATE TABLE items (id int PRIMARY KEY, a text, b text); INSERT INTO items VALUES (1, 'x', 'y');
CREATE TABLE rooms (id int, a text) PARTITION BY LIST (id); CREATE TABLE rooms_1 PARTITION OF rooms FOR VALUES IN (1);
CREATE TABLE rooms_2 PARTITION OF rooms FOR VALUES IN (2); CREATE MATERIALIZED VIEW m AS SELECT 1 AS a"""
BUILD = Step(
    "build", "index", ('CREATE INDEX CONCURRENTLY "by_a" ON "shop"."items" USING btree ("a")',), (), ITEMS, INDEX
)
DROP = Step(
    "drop", "drop index", ('DROP INDEX CONCURRENTLY IF EXISTS "shop"."by_a"',), table=ITEMS, index=INDEX
)  # fmt: skip
PARTS = Step(
    "build",
    "parts",
    (
        'CREATE UNIQUE INDEX "by_a" ON ONLY "shop"."rooms" USING btree ("a", "id")',
        f'CREATE UNIQUE INDEX CONCURRENTLY {PART} ON {PARTITION} USING btree ("a", "id")',
        f'ALTER INDEX "shop"."by_a" ATTACH PARTITION {PART}',
    ),
    (),
    ROOMS,
    INDEX,
)
DROP_PARTS = replace(DROP, statements=('DROP INDEX IF EXISTS "shop"."by_a"',), table=ROOMS)


@pytest.fixture
def shop(database: str) -> Iterator[Trial]:
    with trial(database, SETUP) as made:
        yield made


def indexes(shop: Trial) -> Indexes:
    return Indexes(shop.connection, Patience(longest_s=5.0), "shop")


def there(shop: Trial) -> list[tuple[str, str, bool]]:
    """(index, table, valid), of all but the primary key's."""
    query = """SELECT x.relname, t.relname, i.indisvalid FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_class t ON t.oid = i.indrelid WHERE t.relnamespace = 'shop'::regnamespace AND NOT i.indisprimary
    ORDER BY 1"""
    return [(str(row[0]), str(row[1]), bool(row[2])) for row in shop.connection.execute(sql(query))]


def test_an_index_is_built_once_and_dropped(shop: Trial) -> None:
    indexes(shop).build(BUILD)
    assert indexes(shop).fault(BUILD) is None
    indexes(shop).build(BUILD)
    assert there(shop) == [("by_a", "items", True)]
    indexes(shop).drop(DROP, BUILD)
    assert there(shop) == []
    assert indexes(shop).fault(BUILD) == "the index by_a of items is gone"
    indexes(shop).drop(DROP, BUILD)


def test_what_a_killed_try_has_left_is_built_anew(shop: Trial) -> None:
    indexes(shop).build(BUILD)
    shop.connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shop.by_a'::regclass")
    assert indexes(shop).fault(BUILD) == "the index by_a of items is not valid"
    indexes(shop).build(BUILD)
    assert there(shop) == [("by_a", "items", True)]


@pytest.mark.parametrize(
    "foreign",
    [
        "CREATE INDEX by_a ON shop.items (b)",
        "CREATE UNIQUE INDEX by_a ON shop.items (a)",
        "CREATE INDEX by_a ON shop.items (a) WHERE id > 0",
        "CREATE INDEX by_a ON shop.m (a)",
        "CREATE VIEW shop.by_a AS SELECT 1 AS x",
    ],
)
def test_what_only_has_the_name_is_neither_taken_for_ours_nor_dropped(shop: Trial, foreign: str) -> None:
    shop.connection.execute(sql(foreign))
    before = shop.described()
    with pytest.raises(DatabaseError, match=r"something else is called shop\.by_a"):
        indexes(shop).build(BUILD)
    indexes(shop).drop(DROP, BUILD)
    assert shop.described() == before


def test_an_index_over_columns_that_are_gone_is_not_ours(shop: Trial) -> None:
    shop.connection.execute("CREATE INDEX by_a ON shop.items (b); ALTER TABLE shop.items DROP a")
    indexes(shop).drop(DROP, BUILD)
    assert there(shop) == [("by_a", "items", True)]


def test_every_partition_there_is_by_then_gets_its_part(shop: Trial) -> None:
    shop.connection.execute(
        "CREATE UNIQUE INDEX by_a ON ONLY shop.rooms (a, id)"
    )  # a killed try, before this one came:
    shop.connection.execute("CREATE TABLE shop.rooms_3 (id int, a text)")
    shop.connection.execute("ALTER TABLE shop.rooms ATTACH PARTITION shop.rooms_3 FOR VALUES IN (3)")
    shop.connection.execute("CREATE INDEX rooms_1_by_a ON shop.rooms_1 (a)")  # the name of a part is another's
    indexes(shop).build_parts(PARTS)
    indexes(shop).build_parts(PARTS)
    found = there(shop)
    assert [(table, valid) for name, table, valid in found if name != "rooms_1_by_a"] == [
        ("rooms", True), ("rooms_1", True), ("rooms_2", True), ("rooms_3", True),
    ]  # fmt: skip
    assert ("rooms_1_by_a_1", "rooms_1", True) in found
    indexes(shop).drop(DROP_PARTS, PARTS)
    assert there(shop) == [("rooms_1_by_a", "rooms_1", True)]


def test_parts_that_were_not_put_together_yet_are_dropped_too(shop: Trial) -> None:
    shop.connection.execute("CREATE UNIQUE INDEX by_a ON ONLY shop.rooms (a, id)")
    shop.connection.execute("CREATE UNIQUE INDEX rooms_2_by_a ON shop.rooms_2 (a, id)")
    assert indexes(shop).fault(PARTS) == "the index by_a of rooms is not valid"
    indexes(shop).drop(DROP_PARTS, PARTS)
    assert there(shop) == []


def test_an_index_that_waits_for_a_partition_that_left_is_not_taken_for_whole(each_database: str) -> None:
    with trial(each_database, SETUP) as made:
        made.connection.execute("CREATE UNIQUE INDEX by_a ON ONLY shop.rooms (a, id)")
        made.connection.execute("CREATE UNIQUE INDEX part ON shop.rooms_1 (a, id)")
        made.connection.execute("ALTER INDEX shop.by_a ATTACH PARTITION shop.part")
        made.connection.execute("ALTER TABLE shop.rooms DETACH PARTITION shop.rooms_2")
        with suppress(DatabaseError):  # not every release of the server looks at a part again
            indexes(made).build_parts(PARTS)
        if indexes(made).fault(PARTS):
            made.connection.execute("DROP INDEX shop.by_a")
            indexes(made).build_parts(PARTS)
        assert indexes(made).fault(PARTS) is None


def test_another_index_of_the_partitioned_table_is_not_added_to(shop: Trial) -> None:
    shop.connection.execute("CREATE INDEX by_a ON shop.rooms (a)")
    before = there(shop)
    with pytest.raises(DatabaseError, match="another index than the plan's of rooms"):
        indexes(shop).build_parts(PARTS)
    assert there(shop) == before


def test_parts_are_called_after_the_whole_where_that_is_free(shop: Trial) -> None:
    indexes(shop).build_parts(PARTS)
    shop.connection.execute("ALTER INDEX shop.by_a RENAME TO ruled; CREATE VIEW shop.rooms_2_ruled AS SELECT 1 AS x")
    indexes(shop).name_parts(Relation("shop", "ruled"))
    assert [name for name, _, _ in there(shop)] == ["rooms_1_ruled", "rooms_2_by_a", "ruled"]
