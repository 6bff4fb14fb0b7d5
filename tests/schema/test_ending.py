from dataclasses import replace

import pytest

from abreast.schema.carrying import carried_over
from abreast.schema.catalog import Catalog, Constraint
from abreast.schema.facts import CopiedConstraint, CopiedIndex, TableFacts
from abreast.schema.names import Relation
from abreast.schema.plan import Lock, Plan, Step, lock
from tests.schema.catalogs import AUTHORS, BOOKS, CATALOG, ROOMS, plan_of

PRICE = "  - alter_column: {table: books, column: price, type: bigint, up: price * 100, down: price / 100}\n"


def step(plan: Plan, end: str, name: str) -> Step:
    steps = {"expand": plan.expand, "contract": plan.contract, "undo": plan.undo}[end]
    (found,) = [one for one in steps if one.name.startswith(name)]
    return found


def test_contract_fences_the_old_version_before_anything_goes() -> None:
    first = plan_of(PRICE).contract[0]
    assert first.statements[0].startswith('DO \'BEGIN REVOKE "shop_v1~writer" FROM "shop_v1";')
    assert first.statements[-1] == 'DROP SCHEMA IF EXISTS "shop_v1"'


def test_contract_gives_the_column_its_name_default_rule_and_comment() -> None:
    facts = TableFacts(
        indexes=(
            CopiedIndex("books_price", unique=False, constraint=False, tail=""),
            CopiedIndex("once", unique=True, constraint=True, tail=""),
        ),
        constraints=(CopiedConstraint("price_ok", "CHECK (true)"),),
    )
    made = step(plan_of(PRICE, {BOOKS: facts}), "contract", "make books").statements
    assert made[4] == carried_over(BOOKS, "price", "_abreast_price")
    assert [text.removeprefix('ALTER TABLE "shop"."books" ') for text in made[5:]] == [
        'DROP COLUMN "price"',
        'RENAME COLUMN "_abreast_price" TO "price"',
        'ALTER COLUMN "price" SET DEFAULT 1',
        'ALTER COLUMN "price" SET NOT NULL',
        'DROP CONSTRAINT "_abreast_not_null_abreast_price"',
        """COMMENT ON COLUMN "shop"."books"."price" IS 'in euros'""",
        'RENAME CONSTRAINT "_abreast_price_ok" TO "price_ok"',
        'ALTER INDEX "shop"."_abreast_books_price" RENAME TO "books_price"',
        'ADD CONSTRAINT "once" UNIQUE USING INDEX "_abreast_once"',
    ]


def test_swapped_names_are_given_in_two_steps() -> None:
    text = """  - rename_column: {table: books, from: note, to: x}
  - rename_column: {table: books, from: title, to: note}
  - rename_column: {table: books, from: x, to: title}
"""
    made = step(plan_of(text), "contract", "make books").statements
    assert [text.partition("RENAME COLUMN ")[2] for text in made if "RENAME COLUMN" in text] == [
        '"title" TO "_abreast_0"',
        '"note" TO "_abreast_1"',
        '"_abreast_0" TO "note"',
        '"_abreast_1" TO "title"',
    ]


@pytest.mark.parametrize(("table", "constraint"), [("books", True), ("rooms", False)])
def test_a_unique_index_becomes_a_constraint_unless_the_table_is_partitioned(table: str, constraint: bool) -> None:
    key = "id" if table == "books" else "id, day"
    same = ", ".join(f"{name}: {name}" for name in key.split(", "))
    rest = f"columns: [{key}], up: {{{same}}}, down: {{{same}}}"
    plan = plan_of(f"  - create_constraint: {{table: {table}, name: u, type: unique, {rest}}}\n")
    made = step(plan, "contract", f"make {table}").statements
    assert any(text.endswith('ADD CONSTRAINT "u" UNIQUE USING INDEX "u"') for text in made) is constraint
    assert any("becomes a unique index" in note for note in plan.notes) is not constraint
    assert step(plan, "undo", "drop the index u").index in (Relation("shop", "u"), None)


def test_a_serials_sequence_goes_over_to_its_successor_before_the_column_goes() -> None:
    books = CATALOG.tables["books"]
    columns = tuple(replace(one, sequence='"shop"."q"') if one.name == "price" else one for one in books.columns)
    catalog = Catalog("shop", {"books": replace(books, columns=columns)})
    made = step(plan_of(PRICE, catalog=catalog), "contract", "make books").statements
    owned = made.index('ALTER SEQUENCE "shop"."q" OWNED BY "shop"."books"."_abreast_price"')
    assert owned < made.index('ALTER TABLE "shop"."books" DROP COLUMN "price"')


def test_a_replica_identity_by_an_index_that_is_made_anew_is_given_again() -> None:
    books = replace(CATALOG.tables["books"], replica_identity='USING INDEX "once"')
    facts = {BOOKS: TableFacts(indexes=(CopiedIndex("once", unique=True, constraint=False, tail=""),))}
    made = step(plan_of(PRICE, facts, Catalog("shop", {"books": books})), "contract", "make books").statements
    assert made[-1] == 'ALTER TABLE "shop"."books" REPLICA IDENTITY USING INDEX "once"'


def test_tables_go_at_once_and_sql_runs_at_the_end() -> None:
    plan = plan_of(
        """  - drop_table: {name: loose}
  - drop_table: {name: rooms}
  - drop_index: {name: books_title}
  - sql: {up: SELECT 1, onComplete: true}
"""
    )
    assert [one.kind for one in plan.contract] == ["transaction", "drop index", "transaction", "transaction"]
    assert plan.contract[2].statements == ('DROP TABLE IF EXISTS "shop"."loose", "shop"."rooms"',)
    assert plan.contract[3].statements == ("SELECT 1",)
    assert all("DROP TABLE" not in text for one in plan.undo for text in one.statements)


def test_undo_leaves_nothing_of_what_was_made() -> None:
    plan = plan_of(
        f"""{PRICE}  - create_table: {{name: t, columns: [{{name: id, type: int, pk: true}}]}}
  - create_index: {{table: books, name: i, columns: [id]}}
  - create_constraint: {{table: rooms, name: c, type: check, check: id > 0, up: {{note: note}}, down: {{note: note}}}}
  - set_replica_identity: {{table: rooms, identity: {{type: full}}}}
""",
        {ROOMS: TableFacts(conditions={"id > 0": "(id > 0)"})},
    )
    text = "\n".join(statement for one in plan.undo for statement in one.statements)
    for part in (
        'DROP VIEW IF EXISTS "shop_v2"."books"',
        'DROP SCHEMA IF EXISTS "shop_v2"',
        'DROP TRIGGER IF EXISTS "~abreast_sync_insert" ON "shop"."books"',
        'ALTER TABLE "shop"."books" DROP COLUMN IF EXISTS "_abreast_price"',
        'ALTER TABLE "shop"."rooms" DROP CONSTRAINT IF EXISTS "c"',
        'ALTER TABLE "shop"."rooms" REPLICA IDENTITY DEFAULT',
        'DROP INDEX CONCURRENTLY IF EXISTS "shop"."i"',
        'DROP TABLE IF EXISTS "shop"."t"',
    ):
        assert part in text
    assert "shop_v1" not in text


def test_undo_runs_the_way_back_of_sql_of_ones_own() -> None:
    plan = plan_of("  - sql: {up: CREATE TABLE x (), down: DROP TABLE x}\n")
    assert plan.undo[1].statements == ("DROP TABLE x",)
    assert plan_of("  - sql: {up: CREATE TABLE x ()}\n").undo[1:] == ()


def test_what_a_foreign_key_points_to_is_locked_wherever_that_comes_or_goes() -> None:
    facts = TableFacts(constraints=(CopiedConstraint("books_author", "FOREIGN KEY (x)", target=AUTHORS),))
    constraint = Constraint("books_author", "foreign key", ("author",), "FOREIGN KEY (author)", target=AUTHORS)
    books = replace(CATALOG.tables["books"], constraints=(constraint,), readers=())
    catalog = replace(CATALOG, tables={**CATALOG.tables, "books": books})
    change = "  - alter_column: {table: books, column: author, type: bigint, up: author, down: author}\n"
    plan = plan_of(change, {BOOKS: facts}, catalog)
    for phase, name, mode in (
        ("expand", "add the constraint _abreast_books_author", "SHARE ROW EXCLUSIVE"),
        ("contract", "make books", "ACCESS EXCLUSIVE"),
        ("undo", "take from books", "ACCESS EXCLUSIVE"),
    ):
        assert Lock(AUTHORS, mode) in step(plan, phase, name).locks
    dropped = plan_of("  - drop_table: {name: books}\n", {}, catalog)
    assert step(dropped, "contract", "drop the table books").locks == lock("ACCESS EXCLUSIVE", AUTHORS, BOOKS)


def test_the_parts_of_a_partitioned_tables_index_are_named_after_it() -> None:
    facts = TableFacts(indexes=(CopiedIndex("noted", unique=False, constraint=False, tail=""),))
    change = "  - alter_column: {table: rooms, column: note, type: varchar(9), up: note, down: note}\n"
    made = step(plan_of(change, {ROOMS: facts}), "contract", "name the parts of noted")
    assert (made.kind, made.index) == ("name parts", Relation("shop", "noted"))
