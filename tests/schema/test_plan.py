from hypothesis import given
from hypothesis import strategies as st

from abreast.schema.facts import TableFacts
from abreast.schema.names import NAME_BYTES, Relation
from abreast.schema.plan import (
    EXCLUSIVE,
    PART,
    PARTITION,
    Lock,
    copied_name,
    drop_index_step,
    facts_of,
    index_steps,
    lock,
    not_null_name,
    plan_from_json,
    plan_to_json,
    sync_of,
    targets_of,
)
from tests.schema.catalogs import BOOKS, ROOMS, plan_of, shape_of

TEXT = """  - add_column: {table: books, column: {name: n, type: serial}}
  - rename_table: {from: loose, to: "t'i\\"ght"}
  - create_index: {table: rooms, name: i, columns: [note]}
  - sql: {up: "SELECT 'ü%'", onComplete: true}
"""


def test_a_plan_is_the_same_after_it_was_kept_as_json() -> None:
    plan = plan_of(TEXT)
    assert plan.expand
    assert plan.contract
    assert plan.undo
    assert plan_from_json(plan_to_json(plan)) == plan


def test_a_lock_says_what_it_means_for_others() -> None:
    assert str(Lock(BOOKS, EXCLUSIVE)).startswith("ACCESS EXCLUSIVE on shop.books: nobody reads or writes it")
    assert str(Lock(BOOKS, "EXCLUSIVE")).endswith("see the documentation of PostgreSQL")
    assert lock(EXCLUSIVE, BOOKS, ROOMS) == (Lock(BOOKS, EXCLUSIVE), Lock(ROOMS, EXCLUSIVE))


def test_an_index_is_built_concurrently_on_a_partitioned_table_part_by_part() -> None:
    shape = shape_of("  - rename_table: {from: loose, to: x}\n")
    books, rooms = shape.by_new_name("books"), shape.by_new_name("rooms")
    assert books is not None
    assert rooms is not None
    (step,) = index_steps(books, "i", unique=True, tail="USING btree (a)")
    assert (step.kind, step.index) == ("index", Relation("shop", "i"))
    assert step.statements == ('CREATE UNIQUE INDEX CONCURRENTLY "i" ON "shop"."books" USING btree (a)',)
    (step,) = index_steps(rooms, "i", unique=False, tail="USING btree (a)")
    assert (step.kind, step.table, step.index) == ("parts", ROOMS, Relation("shop", "i"))
    assert step.statements == (
        'CREATE INDEX "i" ON ONLY "shop"."rooms" USING btree (a)',
        f"CREATE INDEX CONCURRENTLY {PART} ON {PARTITION} USING btree (a)",
        f'ALTER INDEX "shop"."i" ATTACH PARTITION {PART}',
    )
    index = Relation("shop", "i")
    assert drop_index_step(rooms, index).statements == ('DROP INDEX IF EXISTS "shop"."i"',)
    assert drop_index_step(books, index).statements == ('DROP INDEX CONCURRENTLY IF EXISTS "shop"."i"',)
    assert {drop_index_step(table, index).kind for table in (books, rooms, None)} == {"drop index"}


def test_a_serial_is_derived_by_its_sequence() -> None:
    shape = shape_of("  - add_column: {table: books, column: {name: n, type: serial}}\n")
    books = shape.by_new_name("books")
    assert books is not None
    sync = sync_of(books, facts_of({}, books), "v1", "v2")
    (kept,) = sync.new
    assert kept.expression is not None
    assert kept.expression.over_new == """nextval('"shop"."books_n_seq"'::regclass)"""
    assert not kept.expression.repeatable
    facts = TableFacts(conditions={"a": "b"})
    assert facts_of({BOOKS: facts}, books) is facts


def test_targets_have_the_new_versions_names_for_what_the_table_calls_otherwise() -> None:
    targets = targets_of(shape_of("  - rename_column: {table: books, from: id, to: key}\n"))
    assert targets["books"].listed(("key",)) == '"id"'


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=63))
def test_made_names_are_kept_whole_by_the_server(name: str) -> None:
    for made in (copied_name(name), not_null_name(name)):
        assert len(made.encode()) <= NAME_BYTES
        assert made != name
