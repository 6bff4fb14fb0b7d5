"""Every operation on every major: expanded, written through both versions, undone, expanded again, contracted."""

from dataclasses import replace

import pytest

from abreast.postgres.catalog import read_catalog
from abreast.schema.catalog import Table
from abreast.schema.plan import TablePlan
from tests.postgres.operations.case import SETUP, Case
from tests.postgres.operations.column_cases import COLUMNS
from tests.postgres.operations.constraint_cases import CONSTRAINTS
from tests.postgres.operations.table_cases import TABLES
from tests.postgres.trials import Trial, prepare, trial


@pytest.mark.parametrize("case", [*COLUMNS, *TABLES, *CONSTRAINTS], ids=lambda case: case.name.replace(" ", "-"))
def test_both_versions_see_what_either_writes_and_either_end_leaves_its_own_side(
    each_database: str, case: Case
) -> None:
    with trial(each_database, SETUP) as books:
        prepare(books, "plain", f"{SETUP}; {case.plain}")
        before = books.described()
        tables = _tables(books)
        rows = _rows(books)

        books.expand(case.migration)
        assert _rows_of_old(books) == rows, "the old version sees no change"
        books.undo()
        assert books.described() == before
        assert _tables(books) == tables

        plan = books.expand(case.migration)
        assert not _divergent(books, plan.tables)
        for version, statement in case.writes:
            books.as_version(version, statement)
        for version, query, expected in case.reads:
            assert [_shown(row) for row in books.as_version(version, query)] == [_shown(row) for row in expected]
        assert not _divergent(books, plan.tables)
        seen = {query: books.as_version("v2", query) for version, query, _ in case.reads if version == "v2"}

        books.contract()
        assert books.described() == books.described("plain")
        for query, found in seen.items():
            assert books.as_version("v2", query) == found, "the new version sees no change"


def test_the_next_migration_begins_where_the_last_was_contracted(each_database: str) -> None:
    with trial(each_database, SETUP) as first:
        first.expand(
            """
  - alter_column: {table: books, column: price, type: bigint, up: (price * 100)::bigint, down: price / 100.0}
  - add_column: {table: books, column: {name: slug, type: text, default: "'none'"}, up: lower(title)}
"""
        )
        first.contract()
        second = first.next()
        before = second.described()
        text = """
  - alter_column: {table: books, column: price, type: numeric, up: price / 100.0, down: (price * 100)::bigint}
  - rename_column: {table: books, from: slug, to: link}
  - drop_column: {table: books, column: note}
"""
        second.expand(text)
        second.as_version("v3", "INSERT INTO books (id, title, price) VALUES (3, 'Three', 3.5)")
        second.as_version("v2", "INSERT INTO books (id, title, price) VALUES (4, 'Four', 444)")
        query = "SELECT id, price::text, {} FROM books ORDER BY id"
        assert second.as_version("v2", query.format("slug")) == [
            (1, "950", "orlando"), (2, "500", "waves"), (3, "350", "none"), (4, "444", "none"),
        ]  # fmt: skip
        assert [(row[0], float(row[1]), row[2]) for row in second.as_version("v3", query.format("link"))] == [
            (1, 9.5, "orlando"), (2, 5.0, "waves"), (3, 3.5, "none"), (4, 4.44, "none"),
        ]  # fmt: skip
        second.undo()
        assert second.described() == before
        second.expand(text)
        second.contract()
        names = [row[1] for row in second.described()["columns"] if row[0] == "books"]
        assert sorted(names) == ["author", "code", "id", "link", "price", "title"]


def _tables(made: Trial) -> list[Table]:
    """As they are read for a plan, without their estimated number of rows."""
    catalog = read_catalog(made.connection, "shop", ("shop_v1", "shop_v2"))
    return [replace(table, rows=0.0) for table in catalog.tables.values()]


def _rows(made: Trial) -> list[tuple[object, ...]]:
    return made.connection.execute("SELECT * FROM shop.books ORDER BY id").fetchall()


def _rows_of_old(made: Trial) -> list[tuple[object, ...]]:
    return made.as_version("v1", "SELECT * FROM books ORDER BY id")


def _divergent(made: Trial, tables: tuple[TablePlan, ...]) -> list[object]:
    """Rows whose two sides contradict each other, by the plan's own condition."""
    found: list[object] = []
    for table in tables:
        if table.divergent:
            query = f"SELECT new.* FROM {table.relation.sql} AS new WHERE {table.divergent}"
            found += made.connection.execute(query.encode()).fetchall()
    return found


def _shown(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(value if value is None else str(value) for value in row)
