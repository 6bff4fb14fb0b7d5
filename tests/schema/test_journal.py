"""The journal's SQL, as text: what matters about names and what it must not do. That it works: tests/postgres."""

from datetime import date

from abreast.schema.journal import (
    Equality,
    JournalColumn,
    JournalTable,
    day_of,
    disable_sql,
    function_body,
    function_of,
    function_sql,
    image,
    key_of,
    names,
    partition_of,
    partition_sql,
    triggers_sql,
)
from abreast.schema.names import NAME_BYTES, Relation

PLAIN = JournalTable(
    Relation("public", "items"),
    (JournalColumn("id", "integer"), JournalColumn("name", "text")),
    (Equality("id", "OPERATOR(pg_catalog.=)"),),
)
ODD = JournalTable(
    Relation('my "schema"', "it's\\"),
    (
        JournalColumn("It's", "integer"),
        JournalColumn("doc", "json", as_text=True, is_json=True),
        JournalColumn("sum", "integer", generated=True, virtual=True),
    ),
    (Equality("It's", "OPERATOR(pg_catalog.=)"),),
)


def test_a_plain_row_is_its_json() -> None:
    assert image(PLAIN, "t") == "(pg_catalog.to_jsonb(t.*))"
    assert image(PLAIN, "NEW", variable=True) == "(pg_catalog.to_jsonb(NEW))"
    assert "?&" not in function_body(PLAIN)


def test_texts_stand_in_for_json_and_virtual_columns_are_left_out() -> None:
    assert ODD.texts == ("doc",)
    made = image(ODD, "t")
    assert "- ARRAY['sum']::text[]" in made
    assert """jsonb_build_object('doc', (t)."doc"::text)""" in made
    assert "doc" not in image(ODD, "t", ())


def test_a_column_that_is_gone_stops_no_write() -> None:
    body = function_body(ODD)
    guard = body.index("IF before ?& ARRAY['doc']::text[] THEN")
    assert guard < body.index('(OLD)."doc"')
    # Not before a guard, and the key is read out of the image, never out of the row.
    assert 'OLD."It' not in body
    assert 'NEW."It' not in body


def test_a_function_takes_no_more_than_100_arguments() -> None:
    wide = JournalTable(
        Relation("s", "wide"), tuple(JournalColumn(f"c{n}", "real", as_text=True) for n in range(120)), PLAIN.key
    )
    made = image(wide, "t")
    calls = made.split("pg_catalog.jsonb_build_object(")[1:]
    assert [call.count("::text") for call in calls] == [50, 50, 20]


def test_keys_are_objects_of_their_columns() -> None:
    assert key_of(ODD, "image") == "pg_catalog.jsonb_build_object('It''s', image -> 'It''s')"


def test_names_as_an_array() -> None:
    assert names(()) == "ARRAY[]::text[]"
    assert names(("a", "b'c")) == "ARRAY['a', 'b''c']::text[]"


def test_the_function_is_definers_with_everything_pinned() -> None:
    made = function_sql(PLAIN)
    assert made.startswith('CREATE OR REPLACE FUNCTION "abreast"."journal:public.items"() RETURNS trigger')
    assert "SECURITY DEFINER" in made
    assert "SET search_path = pg_catalog, pg_temp" in made
    assert "SET TimeZone = 'UTC'" in made
    assert '"abreast"."kept"' in function_sql(PLAIN, Relation("abreast", "kept"))


def test_long_names_make_functions_that_differ() -> None:
    one, two = (function_of(Relation("s", "x" * 62 + end)) for end in "ab")
    assert one != two
    assert max(len(each.name.encode()) for each in (one, two)) <= NAME_BYTES


def test_truncate_has_a_trigger_on_each_partition_rows_only_on_the_table() -> None:
    part = Relation("public", "items_1")
    made = triggers_sql(PLAIN, (part,))
    on_part = [step for step in made if part.sql in step]
    assert len(on_part) == 2
    assert all("~abreast_journal_truncate" in step for step in on_part)
    assert sum("ENABLE ALWAYS" in step for step in made) == 3


def test_disabling_takes_everything_away() -> None:
    part = Relation("public", "items_1")
    made = disable_sql(PLAIN.relation, (part,), function_of(PLAIN.relation))
    assert [step.split(" IF EXISTS")[0] for step in made] == ["DROP TRIGGER"] * 3 + ["DROP FUNCTION"]


def test_days_and_partitions_name_each_other() -> None:
    day = date(2026, 12, 31)
    assert partition_of(day).name == "journal_20261231"
    assert day_of("journal_20261231") == day
    assert day_of("journal_default") is None


def test_a_partition_is_attached_and_ends_where_the_next_begins() -> None:
    made = partition_sql(date(2026, 12, 31))
    assert "PARTITION OF" not in made[0]
    assert made[-1].endswith("FOR VALUES FROM ('2026-12-31 00:00:00+00') TO ('2027-01-01 00:00:00+00')")
    locked = next(index for index, step in enumerate(made) if step.startswith("LOCK"))
    assert made[locked + 1].startswith("WITH moved AS (DELETE FROM")
