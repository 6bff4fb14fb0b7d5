from dataclasses import replace

from abreast.schema.catalog import Catalog
from abreast.schema.expression import Expression
from abreast.schema.facts import CopiedConstraint, CopiedIndex, TableFacts
from abreast.schema.planning import adoption_steps, arrival_step
from tests.schema.catalogs import BOOKS, CATALOG, LOOSE, NEW, OLD, plan_of, shape_of

PRICE = "  - alter_column: {table: books, column: price, type: bigint, up: price * 100, down: price / 100}\n"
FACTS = {
    BOOKS: TableFacts(
        expressions={
            "_abreast_price": Expression("up", '(new."price" * 100)', '(old."price" * 100)', frozenset({"price"})),
            "price": Expression(
                "down",
                'down(new."_abreast_price")',
                'down(old."_abreast_price")',
                frozenset({"_abreast_price"}),
                "stable",
            ),
        },
        indexes=(CopiedIndex("books_price", unique=False, constraint=False, tail="USING btree (_abreast_price)"),),
        constraints=(
            CopiedConstraint("price_ok", "CHECK (_abreast_price > 0)"),
            CopiedConstraint("late", "CHECK (x)", validated=False),
        ),
    )
}


def test_a_changed_column_is_added_filled_then_ruled_then_shown() -> None:
    plan = plan_of(PRICE, FACTS)
    assert [step.name for step in plan.expand] == [
        "views and role of v1",
        "add to books what v2 needs, and keep both in step",
        "backfill books",
        "from now on keep what v2 changes in books",
        "add the constraint _abreast_not_null_abreast_price",
        "prove the constraint _abreast_not_null_abreast_price",
        "add the constraint _abreast_price_ok",
        "prove the constraint _abreast_price_ok",
        "add the constraint _abreast_late",
        "build the index _abreast_books_price",
        "views and role of v2",
    ]
    assert {step.kind for step in plan.expand} == {"views", "transaction", "backfill", "index"}
    (table,) = plan.tables
    assert table.assignments == (("_abreast_price", '(new."price" * 100)'),)
    assert (table.key, table.key_types) == (("id",), ("integer",))
    assert table.divergent is not None
    assert any("hangs on settings of the session" in note for note in plan.notes)


def test_steps_say_what_they_lock() -> None:
    locks = {step.name: [one.mode for one in step.locks] for step in plan_of(PRICE, FACTS).expand}
    assert locks["add to books what v2 needs, and keep both in step"] == ["ACCESS EXCLUSIVE"]
    assert locks["prove the constraint _abreast_price_ok"] == ["SHARE UPDATE EXCLUSIVE"]
    assert locks["build the index _abreast_books_price"] == ["SHARE UPDATE EXCLUSIVE"]


def test_nothing_is_filled_or_kept_in_step_where_the_table_does_it() -> None:
    plan = plan_of("  - add_column: {table: loose, column: {name: n, type: integer, default: 1, nullable: true}}\n")
    assert [step.kind for step in plan.expand] == ["views", "transaction", "views"]
    assert plan.expand[1].statements == ('ALTER TABLE "shop"."loose" ADD COLUMN "_abreast_n" integer DEFAULT 1',)
    assert plan.tables[0].relation == LOOSE
    assert plan.tables[0].unfilled is None


def test_a_serial_may_be_used_by_the_old_versions_writer_from_the_start() -> None:
    plan = plan_of("  - add_column: {table: books, column: {name: n, type: serial}}\n")
    statements = plan.expand[1].statements
    assert statements[:2] == (
        'CREATE SEQUENCE "shop"."books_n_seq" AS integer',
        'GRANT USAGE, SELECT, UPDATE ON SEQUENCE "shop"."books_n_seq" TO "shop_v1~writer"',
    )


def test_a_foreign_key_of_a_partitioned_table_cannot_wait_for_its_proof() -> None:
    column = "{name: a, type: integer, nullable: true, references: {name: f, table: authors, column: id}}"
    for name, proven_later in (("books", True), ("rooms", False)):
        plan = plan_of(f"  - add_column: {{table: {name}, column: {column}}}\n")
        (added,) = [step for step in plan.expand if step.name == "add the constraint f"]
        assert added.statements[1].endswith(" NOT VALID") is proven_later
        assert any(step.name == "prove the constraint f" for step in plan.expand) is proven_later
        assert [one.relation.name for one in added.locks] == [name, "authors"]


def test_a_new_table_locks_those_it_refers_to() -> None:
    plan = plan_of(
        """  - create_table:
      name: loans
      comment: "it's"
      columns:
        - {name: id, type: int, pk: true, comment: key}
        - {name: author, type: int, references: {name: f, table: authors, column: id}}
        - {name: up, type: int, nullable: true, references: {name: g, table: loans, column: id}}
"""
    )
    step = plan.expand[1]
    assert [str(one).partition(":")[0] for one in step.locks] == ["SHARE ROW EXCLUSIVE on shop.authors"]
    assert step.statements[1:] == (
        """COMMENT ON TABLE "shop"."loans" IS 'it''s'""",
        """COMMENT ON COLUMN "shop"."loans"."id" IS 'key'""",
    )
    assert plan.tables == ()


def test_sql_of_ones_own_runs_before_the_views_and_what_undo_cannot_take_back_is_said() -> None:
    plan = plan_of("  - sql: {up: CREATE TABLE x ()}\n")
    assert plan.opaque
    assert plan.expand[1].statements == ("CREATE TABLE x ()",)
    assert plan.notes == ("undo cannot take the SQL of m.yaml:2 back: it has no `down`",)
    assert plan_of("  - sql: {up: A, down: B}\n").notes == ()


def test_what_goes_with_a_column_and_what_a_trigger_does_not_see_is_said() -> None:
    plan = plan_of("""  - drop_column: {table: books, column: title, down: "''"}\n""")
    assert plan.notes == (
        "the index books_title of books goes with title",
        "the constraint two_ok of books goes with title",
        "the constraint apart of books goes with title",
    )
    rooms = CATALOG.tables["rooms"]
    catalog = Catalog("shop", {"rooms": replace(rooms, before_triggers=("stamp", "~abreast_sync_insert"))})
    plan = plan_of("  - alter_column: {table: rooms, column: note, type: int, up: note, down: note}\n", catalog=catalog)
    (note,) = plan.notes
    assert note.startswith("the trigger stamp of rooms runs before the versions are put in step")


def test_views_of_each_side_are_steps_of_their_own() -> None:
    shape = shape_of("  - rename_table: {from: books, to: works}\n")
    (step,) = adoption_steps(shape, OLD)
    assert any('"shop_v1"."books"' in text for text in step.statements)
    assert any('"shop_v2"."works"' in text for text in arrival_step(shape, NEW).statements)


def test_subscribers_of_a_publication_are_thought_of() -> None:
    books = replace(CATALOG.tables["books"], publications=("pub",), owner="keepers")
    catalog = replace(CATALOG, tables={**CATALOG.tables, "books": books})
    plan = plan_of("  - add_column: {table: books, column: {name: nr, type: serial}}\n", catalog=catalog)
    (note,) = [note for note in plan.notes if "publication" in note]
    assert note.startswith('books is in the publication pub: before expand its subscribers need "_abreast_nr" integer')
    assert 'before contract "nr" with the new type' in note
    statements = [statement for step in plan.expand for statement in step.statements]
    owned = 'ALTER SEQUENCE "shop"."books_nr_seq" OWNER TO "keepers"'
    assert statements.index(owned) < next(n for n, one in enumerate(statements) if "OWNED BY" in one)


def test_a_plan_knows_what_goes_and_what_was_there() -> None:
    plan = plan_of("  - alter_column: {table: books, column: note, type: int, up: note, down: note}\n")
    (books,) = plan.tables
    assert books.gone == ("note",)
    assert set(books.known) >= {"books_pkey", "books_title", "two_ok"}
