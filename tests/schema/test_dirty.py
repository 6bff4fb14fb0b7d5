"""The SQL that notes dirty keys; what it does is tested in tests/postgres/test_dirty.py."""

from abreast.schema.dirty import REMOVE, SETUP, TRIGGER, TRUNCATE_TRIGGER, disable_sql, enable_sql, read_sql
from abreast.schema.names import NAME_BYTES, Relation

ITEMS = Relation("shop", "It'ems")
FINAL = "xid < pg_snapshot_xmin(pg_current_snapshot())"


def test_only_what_is_final_is_read_or_removed() -> None:
    assert FINAL in REMOVE
    assert FINAL in read_sql(["id"], ["integer"])


def test_a_key_is_read_as_text_of_its_own_types() -> None:
    query = read_sql(["id", "a'%"], ["integer", "timestamp with time zone"])
    assert "ARRAY[(key ->> 'id')::integer::text, (key ->> 'a''%%')::timestamp with time zone::text]" in query
    assert query.count("%s") == 3


def test_triggers_sort_last_and_fire_always() -> None:
    assert min(TRIGGER, TRUNCATE_TRIGGER) > "zzz"
    statements = enable_sql(ITEMS, ["id"])
    assert statements[-1].count("ENABLE ALWAYS TRIGGER") == 2
    assert any('AFTER TRUNCATE ON "shop"."It\'ems" FOR EACH STATEMENT' in each for each in statements)


def test_everything_can_be_given_again() -> None:
    assert all("IF NOT EXISTS" in each or each.startswith("REVOKE") for each in SETUP)
    enabling = [each for each in enable_sql(ITEMS, ["id"]) if each.startswith("CREATE")]
    assert all(each.startswith("CREATE OR REPLACE") for each in enabling)
    dropping = [each for each in disable_sql(ITEMS) if each.startswith("DROP")]
    assert len(dropping) == 3
    assert all("IF EXISTS" in each for each in dropping)


def test_the_function_runs_nothing_that_the_writer_s_search_path_names() -> None:
    body = enable_sql(ITEMS, ["id", "nr"])[0]
    assert "SECURITY DEFINER" in body
    for name in ("jsonb_build_object", "pg_current_xact_id", "clock_timestamp"):
        assert body.count(name) == body.count(f"pg_catalog.{name}") > 0
    plain = body.replace("OPERATOR(pg_catalog.=)", "").replace("OPERATOR(pg_catalog.<>)", "")
    assert "=" not in plain
    assert "<" not in plain


def test_tables_with_long_names_get_functions_of_their_own() -> None:
    one, other = (Relation("s" * 40, "t" * 40 + end) for end in "ab")
    names = [enable_sql(each, ["id"])[0].split("FUNCTION ")[1].split("(")[0] for each in (one, other)]
    assert names[0] != names[1]
    assert all(len(name.split(".")[1].strip('"')) <= NAME_BYTES for name in names)
