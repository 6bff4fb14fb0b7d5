"""Contract is asked for as a whole before its first step: what would stop half-way changes nothing."""

import pytest

from abreast.model.errors import DatabaseError, RefusedError
from abreast.postgres import records
from abreast.postgres.connection import sql
from tests.postgres.trials import Trial, trial

SETUP = """CREATE TABLE items (id int PRIMARY KEY, a text, b text UNIQUE); CREATE INDEX by_a ON items (a);
INSERT INTO items VALUES (1, '1', 'x')"""
CHANGE = """
  - alter_column: {table: items, column: a, type: integer, up: a::integer, down: a::text}
  - add_column: {table: items, column: {name: slug, type: text, nullable: true}, up: b}
"""


def kept(made: Trial, what: str) -> RefusedError:
    """Contract is refused with these words, and everything is as it was."""
    before = made.described()
    with pytest.raises(RefusedError, match=what) as raised:
        made.contract()
    assert made.described() == before
    found = records.under_way(made.connection, "shop")
    assert found
    assert (found.phase, found.step) == ("expanded", 0)
    assert "nothing was changed; or take the migration back: abreast data undo" in str(raised.value)
    made.as_version("v1", "UPDATE items SET b = b")
    return raised.value


@pytest.mark.parametrize(
    ("meanwhile", "mended", "said"),
    [
        ("CREATE VIEW shop.v AS SELECT a FROM shop.items", "DROP VIEW shop.v", r"the view shop\.v reads items\.a"),
        ("CREATE INDEX hot ON shop.items (a)", "DROP INDEX shop.hot", r"the index hot on items\.a is new"),
        (
            "ALTER TABLE shop.items ADD CONSTRAINT sane CHECK (a <> '')",
            "ALTER TABLE shop.items DROP CONSTRAINT sane",
            r"the check constraint sane on items\.a is new",
        ),
        (
            "CREATE STATISTICS shop.both_of ON a, b FROM shop.items",
            "DROP STATISTICS shop.both_of",
            r"the statistics both_of reads items\.a",
        ),
        (
            "CREATE PUBLICATION cols FOR TABLE shop.items (id, a)",
            "DROP PUBLICATION cols",
            r"the publication cols reads items\.a",
        ),
        (
            "ALTER TABLE shop.items ADD slug text",
            "ALTER TABLE shop.items DROP slug",
            'column "slug" of relation "items"',
        ),
        ("CREATE VIEW shop_v1.mine AS SELECT 1 AS x", "DROP VIEW shop_v1.mine", "view shop_v1.mine depends on schema"),
    ],
)
def test_what_came_meanwhile_and_would_stop_it_or_be_lost_is_told(
    database: str, meanwhile: str, mended: str, said: str
) -> None:
    with trial(database, SETUP) as made:
        made.expand(CHANGE)
        made.connection.execute(sql(meanwhile))
        kept(made, said)
        made.connection.execute(sql(mended))
        made.contract()
        assert made.as_version("v2", "SELECT * FROM items") == [(1, 1, "x", "x")]


def test_all_that_was_added_is_told_at_once(database: str) -> None:
    with trial(database, SETUP) as made:
        made.expand(CHANGE)
        made.connection.execute("CREATE INDEX hot ON shop.items (a); CREATE VIEW shop.v AS SELECT a FROM shop.items")
        assert "the index hot" in kept(made, "the view shop.v").message


def test_sql_of_the_end_that_would_break_the_new_version_is_tried_first(database: str) -> None:
    with trial(database, SETUP) as made:
        made.expand(f"{CHANGE}  - sql: {{up: ALTER TABLE items DROP b, onComplete: true}}\n")
        kept(made, "cannot drop column b of table items")
        made.undo()


def test_sql_of_the_end_that_takes_long_is_not_waited_for(database: str) -> None:
    with trial(database, SETUP) as made:
        made.expand(f"{CHANGE}  - sql: {{up: SELECT pg_sleep(1), onComplete: true}}\n")
        made.contract()
        assert made.as_version("v2", "SELECT a FROM items") == [(1,)]


def test_an_index_that_is_gone_or_not_valid_is_told(database: str) -> None:
    with trial(database, SETUP) as made:
        made.expand(CHANGE)
        made.connection.execute("DROP INDEX shop._abreast_by_a")
        kept(made, "the index _abreast_by_a of items is gone")
        made.undo()


def test_half_way_through_only_the_way_on_is_offered(database: str) -> None:
    with trial(database, SETUP) as made:
        made.expand(CHANGE)
        found = records.under_way(made.connection, "shop")
        assert found
        made.connection.execute("CREATE VIEW shop.v AS SELECT a FROM shop.items")
        for statement in found.plan.contract[0].statements:
            made.connection.execute(sql(statement))
        records.done(made.connection, records.turn_to(made.connection, found, "contracting"), 1)
        with pytest.raises((RefusedError, DatabaseError), match="view v depends on column a") as raised:
            made.contract()
        assert "undo" not in str(raised.value)
        made.connection.execute("DROP VIEW shop.v")
        made.contract()


def test_rights_on_a_column_and_its_settings_outlive_the_change(each_database: str) -> None:
    with trial(each_database, SETUP) as made:
        made.connection.execute(
            """DO $$ BEGIN CREATE ROLE "re'port"; EXCEPTION WHEN duplicate_object THEN NULL; END $$"""
        )
        made.connection.execute("""GRANT SELECT (id, a), UPDATE (a) ON shop.items TO "re'port" """)
        made.connection.execute("GRANT REFERENCES (a) ON shop.items TO PUBLIC")
        made.connection.execute("ALTER TABLE shop.items ALTER a SET STATISTICS 70, ALTER a SET (n_distinct = -0.5)")
        query = (
            "SELECT attacl::text, attstattarget, attoptions FROM pg_attribute WHERE attrelid = 'shop.items'::regclass"
        )
        wanted = made.connection.execute(f"{query} AND attname = 'a'").fetchall()
        made.expand(CHANGE)
        made.contract()
        assert made.connection.execute(f"{query} AND attname = 'a'").fetchall() == wanted
        made.connection.execute("""DROP OWNED BY "re'port" """)
