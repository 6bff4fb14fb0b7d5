"""The sweep of one table with both representations."""

import psycopg
import pytest

from abreast.model.errors import DatabaseError
from abreast.postgres.connection import connected
from abreast.postgres.table_scan import Pair, scan_table
from abreast.schema.digest import Difference, Kind
from abreast.schema.names import Relation
from tests.postgres.planted import run

ITEMS = Relation("public", "items")
DIVERGENT = "new._abreast_cents IS DISTINCT FROM (new.price * 100)::bigint AND new.id % 1 = 0"
PAIRS = (Pair("cents", "(new.price * 100)::bigint", "new._abreast_cents"), Pair("id", "new.id", "new.id"))
ROWS = 1003


def fill(url: str) -> None:
    run(
        url,
        "CREATE TABLE items (id bigint PRIMARY KEY, price numeric(10,2), _abreast_cents bigint)",
        f"INSERT INTO items SELECT i * 7, i / 4.0, (i / 4.0)::numeric(10,2) * 100 FROM generate_series(1, {ROWS}) i",
    )


def scanned(url: str, batch_rows: int = 100) -> tuple[list[Difference], list[int]]:
    batches: list[int] = []
    with connected(url) as connection:
        found = scan_table(connection, ITEMS, ["id"], DIVERGENT, PAIRS, batch_rows=batch_rows, progress=batches.append)
        return list(found), batches


@pytest.mark.parametrize("batch_rows", [1, 17, 100, ROWS - 1, ROWS, ROWS + 1])
def test_every_divergent_row_is_met_once_whatever_the_batches(database: str, batch_rows: int) -> None:
    fill(database)
    planted = [7, 14, 7 * 100, 7 * 101, 7 * ROWS]
    run(database, f"UPDATE items SET _abreast_cents = -1 WHERE id = ANY ('{{{','.join(map(str, planted))}}}')")
    run(database, "UPDATE items SET _abreast_cents = NULL WHERE id = 14")
    found, batches = scanned(database, batch_rows)
    assert [each.key for each in found] == [(str(key),) for key in planted]
    assert found[0] == Difference(("7",), Kind.DIFFERS, ("25", "7"), ("-1", "7"), ("cents",))
    assert found[1].right == (None, "14")
    assert batches[-1] == ROWS
    assert len(batches) == ROWS // batch_rows + 1


def test_rows_in_step_and_an_empty_table_show_nothing(database: str) -> None:
    fill(database)
    assert scanned(database)[0] == []
    run(database, "TRUNCATE items")
    assert scanned(database) == ([], [0])


def test_keys_of_several_columns_odd_names_and_types(each_database: str) -> None:
    run(
        each_database,
        """CREATE TABLE "T %s" (b char(3), "A""%" timestamptz, v int, PRIMARY KEY (b, "A""%"))""",
        """INSERT INTO "T %s" SELECT b, timestamptz '2024-01-01 00:00+05' + i * interval '1 microsecond', i
           FROM unnest(ARRAY['x', 'x''', 'é']) b, generate_series(1, 30) i""",
    )
    with connected(each_database) as connection:
        relation, key = Relation("public", "T %s"), ["b", 'A"%']
        found = list(scan_table(connection, relation, key, "new.v % 10 = 0", batch_rows=7))
    expected = [
        (b, f"2023-12-31 19:00:00.0000{i}+00".replace("0+", "+")) for b in ("x", "x'", "é") for i in (10, 20, 30)
    ]
    assert [each.key for each in found] == expected
    assert found[0].columns == ()


def test_between_two_batches_nothing_is_locked_and_no_transaction_is_open(database: str) -> None:
    fill(database)
    seen = []
    with connected(database) as connection, psycopg.connect(database, autocommit=True) as other:

        def look(rows: int) -> None:
            other.execute("ALTER TABLE items ADD COLUMN IF NOT EXISTS more int")  # would wait for any reader
            seen.append((rows, connection.info.transaction_status))

        list(scan_table(connection, ITEMS, ["id"], DIVERGENT, batch_rows=300, progress=look))
    assert [rows for rows, _ in seen] == [300, 600, 900, ROWS]
    assert {status for _, status in seen} == {psycopg.pq.TransactionStatus.IDLE}


def test_rows_written_meanwhile_are_seen_as_they_are_when_their_batch_is_read(database: str) -> None:
    fill(database)
    with connected(database) as connection:

        def write(rows: int) -> None:
            if rows == 300:
                run(
                    database,
                    f"UPDATE items SET _abreast_cents = 0 WHERE id IN (7, {7 * 900})",
                    f"INSERT INTO items VALUES ({7 * ROWS + 1}, 1, 2)",
                )

        found = list(scan_table(connection, ITEMS, ["id"], DIVERGENT, batch_rows=300, progress=write))
    assert [each.key for each in found] == [(str(7 * 900),), (str(7 * ROWS + 1),)]


def test_no_statement_takes_longer_than_it_may(database: str) -> None:
    fill(database)
    with pytest.raises(DatabaseError, match="statement timeout"), connected(database) as connection:
        list(scan_table(connection, ITEMS, ["id"], "pg_sleep(1) IS NULL", statement_timeout_ms=100))
