from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from abreast.schema.names import Relation, ident
from abreast.schema.shape import unchanged
from abreast.schema.views import (
    Version,
    drop_views,
    fence_statement,
    first_writes,
    role_statements,
    unfence_statement,
    view_schema,
    view_statements,
)
from tests.schema.catalogs import CATALOG, NEW, OLD, shape_of

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=63)


def test_each_version_sees_its_own_columns_under_its_own_names() -> None:
    shape = shape_of(
        """  - rename_table: {from: rooms, to: halls}
  - alter_column: {table: halls, column: note, type: integer, up: note::int, down: note::text}
  - alter_column: {table: halls, column: note, default: 4, comment: "it's"}
  - drop_table: {name: loose}
"""
    )
    old = view_statements(shape, OLD, "old")
    assert old[0] == 'CREATE SCHEMA IF NOT EXISTS "shop_v1"'
    assert any(
        text.endswith(
            '"shop_v1"."rooms" WITH (security_invoker = true) AS SELECT "id", "day", "note" FROM "shop"."rooms"'
        )
        for text in old
    )
    assert any('"shop_v1"."loose"' in text for text in old)
    new = view_statements(shape, NEW, "new")
    made = next(text for text in new if '"halls"' in text)
    assert made.endswith('AS SELECT "id", "day", "_abreast_note" AS "note" FROM "shop"."rooms"')
    assert 'ALTER VIEW "shop_v2"."halls" ALTER COLUMN "note" SET DEFAULT 4' in new
    assert """COMMENT ON COLUMN "shop_v2"."halls"."note" IS 'it''s'""" in new
    assert not any("loose" in text for text in new)


def test_a_view_that_is_there_keeps_its_order_for_it_can_only_grow() -> None:
    view = Relation("shop_v1", "rooms")
    grown = unchanged(replace(CATALOG, views={view: ("note", "id")}))
    (made,) = [text for text in view_statements(grown, OLD, "old") if view.sql in text]
    assert 'SELECT "note", "id", "day" FROM' in made
    other = unchanged(replace(CATALOG, views={view: ("elsewhere",)}))
    _, made = [text for text in view_statements(other, OLD, "old") if view.sql in text]
    assert 'SELECT "id", "day", "note" FROM' in made


def test_a_view_whose_column_went_by_hand_is_made_anew() -> None:
    view = Relation("shop_v1", "rooms")
    other = unchanged(replace(CATALOG, views={view: ("id", "elsewhere")}))
    texts = [text for text in view_statements(other, OLD, "old") if view.sql in text]
    assert texts[0] == 'DROP VIEW IF EXISTS "shop_v1"."rooms"'
    assert texts[1].startswith('CREATE OR REPLACE VIEW "shop_v1"."rooms"')


def test_a_version_that_is_there_is_not_given_its_writes_back_by_adopting_it() -> None:
    assert not any(unfence_statement(OLD, 15) in text for text in role_statements(unchanged(CATALOG), OLD, "old"))
    assert "nspname = ''shop_v1''" in first_writes(OLD, 15)
    assert unfence_statement(OLD, 15) in first_writes(OLD, 15)


def test_a_role_reads_by_itself_and_writes_by_another_so_that_the_fence_is_one_statement() -> None:
    statements = role_statements(unchanged(CATALOG), OLD, "new")
    (reads,) = [text for text in statements if text.startswith('GRANT SELECT ON "')]
    (writes,) = [text for text in statements if text.startswith("GRANT INSERT")]
    assert reads.endswith('TO "shop_v1"')
    assert writes.endswith('TO "shop_v1~writer"')
    assert '"shop"."books"' in reads
    assert '"shop_v1"."books"' in writes
    assert unfence_statement(OLD, 15) == 'GRANT "shop_v1~writer" TO "shop_v1"'
    assert statements[-1] == unfence_statement(OLD, CATALOG.major)
    assert unfence_statement(OLD, 16) == 'GRANT "shop_v1~writer" TO "shop_v1" WITH INHERIT TRUE'
    assert fence_statement(OLD) == 'REVOKE "shop_v1~writer" FROM "shop_v1"'


def test_a_schema_without_tables_has_a_role_all_the_same() -> None:
    statements = role_statements(unchanged(replace(CATALOG, tables={})), OLD, "old")
    assert not any(" ON  " in text for text in statements)
    assert any("CREATE ROLE" in text for text in statements)


def test_views_go_one_by_one_so_that_what_others_put_there_stops_it() -> None:
    assert drop_views(["a", 'b"c'], OLD) == (
        'DROP VIEW IF EXISTS "shop_v1"."a"',
        'DROP VIEW IF EXISTS "shop_v1"."b""c"',
        'DROP SCHEMA IF EXISTS "shop_v1"',
    )


@given(NAMES, NAMES)
def test_no_name_of_a_version_is_cut_by_the_server_or_leaves_its_quotes(name: str, schema: str) -> None:
    version = Version(name, name, schema)
    for made in (version.views, version.writer):
        assert len(made.encode()) <= 63
    assert view_schema(schema, name) == version.views
    assert fence_statement(version) == f"REVOKE {ident(version.writer)} FROM {ident(version.role)}"
    for text in role_statements(unchanged(CATALOG), version, "old"):
        quoted = text.removeprefix("DO ").strip()
        assert not text.startswith("DO ") or quoted.count("'") % 2 == 0
