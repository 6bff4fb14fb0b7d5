"""The rules as data; what the functions do is tried on servers in tests/postgres/operations."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from abreast.schema.catalog import Column
from abreast.schema.expression import Expression
from abreast.schema.names import Relation, ident
from abreast.schema.sync import (
    ON_INSERT,
    ON_UPDATE,
    Kept,
    Sync,
    divergent,
    drop_sync,
    function_name,
    sync_functions,
    sync_triggers,
    unfilled,
)

ITEMS = Relation("shop", "items")


def expression(text: str, *columns: str, volatile: bool = False) -> Expression:
    sides = [text.replace("$", side) for side in ("new.", "old.")]
    return Expression(text, sides[0], sides[1], frozenset(columns), "volatile" if volatile else "immutable")


PRICE = Column("price", "numeric(10,2)")
CENTS = Column("_abreast_cents", "bigint")
TITLE = Column("title", "text")
SLUG = Column("_abreast_slug", "text")
PAIR = Sync(
    ITEMS,
    ("id",),
    {column.name: column for column in (PRICE, CENTS, TITLE, SLUG)},
    old=(Kept(PRICE, expression('($"_abreast_cents" / 100.0)', "_abreast_cents")),),
    new=(Kept(CENTS, expression('($"price" * 100)', "price")), Kept(SLUG, expression('lower($"title")', "title"))),
    old_version="v1",
    new_version="v2",
)


def test_only_what_derives_something_is_watched() -> None:
    assert PAIR.watched == {"price", "_abreast_cents", "title"}
    assert PAIR.needed
    assert not replace(PAIR, old=(Kept(PRICE),), new=(Kept(CENTS),)).needed


def test_a_way_back_is_one_that_reads_each_other() -> None:
    assert [PAIR.has_way_back(kept) for kept in PAIR.new] == [True, False]
    assert PAIR.has_way_back(PAIR.old[0])


def test_a_value_without_a_way_back_is_left_where_it_was_customised_but_not_while_it_is_filled() -> None:
    customised = 'record_image_eq(ROW(old."_abreast_slug"), ROW(lower(old."title")))'
    _, update = sync_functions(PAIR, filling=False)
    assert update.count("record_image_eq") == 1
    assert customised in update
    _, filling = sync_functions(PAIR, filling=True)
    assert "record_image_eq" not in filling


def test_changes_are_seen_by_value_only_where_equal_values_are_the_same_bytes() -> None:
    created, enabled = sync_triggers(PAIR)[2:]
    assert "BEFORE UPDATE" in created
    assert 'old."_abreast_cents" IS DISTINCT FROM new."_abreast_cents"' in created
    assert 'record_image_ne(ROW(old."price"), ROW(new."price"))' in created
    assert "ENABLE ALWAYS" in enabled


def test_a_table_whose_derived_values_hang_on_nothing_needs_no_trigger_on_update() -> None:
    token = Kept(SLUG, expression("gen_random_uuid()", volatile=True))
    sync = replace(PAIR, old=(), new=(token,))
    assert sync.watched == frozenset()
    assert len(sync_triggers(sync)) == 2
    assert unfilled(sync) == 'new."_abreast_slug" IS NULL AND gen_random_uuid() IS NOT NULL'
    assert divergent(sync) is None


def test_rows_to_fill_and_rows_that_contradict_each_other() -> None:
    filled = unfilled(PAIR)
    assert filled is not None
    assert filled.split(" OR ") == [
        'record_image_ne(ROW(new."_abreast_cents"), ROW((new."price" * 100)))',
        'record_image_ne(ROW(new."_abreast_slug"), ROW(lower(new."title")))',
    ]
    apart = divergent(PAIR)
    assert apart is not None
    assert "_abreast_slug" not in apart, "what goes one way only may be customised"
    assert 'ROW((new."_abreast_cents" / 100.0)::numeric(10,2))' in apart, "compared as the column would hold it"


def test_columns_that_hang_together_contradict_as_one_group() -> None:
    first, last = Column("first", "text"), Column("last", "text")
    name = Column("_abreast_name", "text")
    sync = Sync(
        ITEMS,
        ("id",),
        {column.name: column for column in (first, last, name)},
        old=(Kept(first, expression("a($n)", "_abreast_name")), Kept(last, expression("b($n)", "_abreast_name"))),
        new=(Kept(name, expression("c($f, $l)", "first", "last")),),
        old_version="v1",
        new_version="v2",
    )
    apart = divergent(sync)
    assert apart is not None
    assert " OR " not in apart
    assert 'ROW(new."first", new."last"), ROW(a(new.n), b(new.n))' in apart


def test_a_column_that_the_tables_default_fills_tells_nothing_of_the_writer() -> None:
    filled = Kept(SLUG, None, filled=True)
    insert, _ = sync_functions(replace(PAIR, new=(PAIR.new[0], filled)), filling=False)
    assert 'from_new := new."_abreast_cents" IS NOT NULL;' in insert


def test_an_old_column_that_holds_its_default_was_not_supplied() -> None:
    defaults = (("1", True), ("now()", False), (None, False))
    for default, told in defaults:
        old = Kept(replace(PRICE, default=default), PAIR.old[0].expression)
        insert, _ = sync_functions(replace(PAIR, old=(old,)), filling=False)
        assert ('record_image_ne(ROW(new."price"), ROW(1::numeric(10,2)))' in insert) is told


def test_only_where_a_row_may_move_its_moves_are_noted() -> None:
    assert "abreast.moved" not in " ".join(sync_functions(PAIR, filling=False))
    day = Column("day", "date")
    parted = replace(PAIR, columns={**PAIR.columns, "day": day}, partition_key=("day",))
    insert, update = sync_functions(parted, filling=False)
    mark = 'concat(statement_timestamp(), ROW(new."id", new."day"))'
    assert mark in insert
    assert 'IF old."day" IS DISTINCT FROM new."day" THEN\n    PERFORM set_config(' in update
    assert mark in update
    assert 'old."day" IS DISTINCT FROM new."day"' in sync_triggers(parted)[2]
    assert parted.watched == PAIR.watched, "for nothing is derived from it"


def test_abreasts_own_work_is_let_pass_by_both_functions() -> None:
    for function in sync_functions(PAIR, filling=False):
        assert "IF left(writer, 1) = ''~'' THEN RETURN new; END IF;" in function


def test_what_is_made_is_taken_away() -> None:
    gone = " ".join(drop_sync(ITEMS))
    for name in (ident(ON_INSERT), ident(ON_UPDATE), function_name(ITEMS, "insert"), function_name(ITEMS, "update")):
        assert name in gone
    assert gone.count("IF EXISTS") == 4


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=80))
def test_names_of_functions_fit_and_differ_by_event(name: str) -> None:
    names = {function_name(Relation("shop", name), event) for event in ("insert", "update")}
    assert len(names) == 2
    for quoted in names:
        inner = quoted.removeprefix('"abreast".')[1:-1].replace('""', '"')
        assert len(inner.encode()) <= 63


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_no_name_of_a_version_or_column_leaves_its_quotes(name: str) -> None:
    odd = Column(name, "text")
    sync = Sync(
        ITEMS, ("id",), {name: odd, "_abreast_slug": SLUG},
        old=(Kept(odd),), new=(Kept(SLUG, expression("x", name)),), old_version=name, new_version="v2",
    )  # fmt: skip
    insert, update = sync_functions(sync, filling=False)
    for text in (insert, update):  # all between the quotes of its body
        _, _, body = text.partition("LANGUAGE plpgsql AS ")
        assert body.removeprefix("E").startswith("'")
        assert body.removeprefix("E")[1:-1].replace("''", "").count("'") == 0
    assert f"old.{ident(name)} IS DISTINCT FROM new.{ident(name)}" in " ".join(sync_triggers(sync))
