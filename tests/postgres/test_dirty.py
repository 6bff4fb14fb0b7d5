"""Dirty keys: noted by a trigger, read once they are final, removed with what came of them."""

from datetime import UTC, datetime

import psycopg
import pytest

from abreast.model.errors import DatabaseError
from abreast.postgres import dirty, drift
from abreast.postgres.connection import connected, sql
from abreast.postgres.dirty import Dirty, disable, enable, read, remove
from abreast.postgres.drift import State, Table
from abreast.postgres.keyed_rows import KeyedRows, differences
from abreast.postgres.patience import Patience
from abreast.postgres.settle import Flows, Waiting, settle
from abreast.schema.digest import Source
from abreast.schema.names import Relation, ident, idents
from tests.postgres.planted import run

ITEMS = Relation("public", "items")
SOURCE = Source.of(ITEMS, ["id"], ["v"])


def prepare(url: str) -> None:
    run(url, "CREATE TABLE items (id int PRIMARY KEY, v text)", "INSERT INTO items VALUES (1, 'a'), (2, 'a'), (3, 'a')")
    with connected(url) as connection:
        enable(connection, ITEMS, ["id"])


def noted(url: str) -> Dirty:
    with connected(url) as connection:
        return read(KeyedRows(connection, SOURCE), ITEMS, ["id"])


def test_every_written_key_is_noted(each_database: str) -> None:
    prepare(each_database)
    assert noted(each_database) == Dirty((), everything=False, notes=())
    run(
        each_database,
        "INSERT INTO items VALUES (4, 'b')",
        "UPDATE items SET v = 'c' WHERE id = 1",
        "DELETE FROM items WHERE id = 2",
        "UPDATE items SET id = 30 WHERE id = 3",
        "UPDATE items SET v = 'd' WHERE id = 1",
    )
    found = noted(each_database)
    assert found.keys == (("4",), ("1",), ("2",), ("3",), ("30",))
    assert not found.everything
    assert len(found.notes) == 6


def test_a_rolled_back_write_is_not_noted_and_one_under_way_not_yet(database: str) -> None:
    prepare(database)
    with psycopg.connect(database) as slow:
        slow.execute("UPDATE items SET v = 'slow' WHERE id = 1")
        run(database, "UPDATE items SET v = 'quick' WHERE id = 2")
        # The quick one is later than one that still runs: it waits too, so that nothing is passed over.
        assert noted(database).keys == ()
        slow.rollback()
        assert noted(database).keys == (("2",),)


def test_a_replica_s_apply_is_noted(each_database: str) -> None:
    prepare(each_database)
    with psycopg.connect(each_database) as applier:
        applier.execute("SET session_replication_role = replica")
        applier.execute("UPDATE items SET v = 'applied' WHERE id = 2")
    assert noted(each_database).keys == (("2",),)


def test_a_writer_needs_no_right_on_the_notes_and_runs_nothing_of_its_own_with_ours(database: str) -> None:
    prepare(database)
    run(database, "CREATE ROLE writer LOGIN", "GRANT ALL ON items TO writer", "CREATE SCHEMA trap AUTHORIZATION writer")
    raising = "LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''run by %'', current_user; END'"
    with psycopg.connect(database, user="writer", autocommit=True) as writer:
        for kind in ("jsonb", "text"):
            writer.execute(sql(f"CREATE FUNCTION trap.f({kind}, {kind}) RETURNS boolean {raising}"))
            for operator in ("=", "<>"):
                takes = f"LEFTARG = {kind}, RIGHTARG = {kind}"
                writer.execute(sql(f"CREATE OPERATOR trap.{operator} ({takes}, FUNCTION = trap.f)"))
        writer.execute(sql(f"CREATE FUNCTION trap.jsonb_build_object(text, int) RETURNS jsonb {raising}"))
        writer.execute("SET search_path = trap, pg_catalog, public")
        with pytest.raises(psycopg.errors.RaiseException, match="run by writer"):
            writer.execute("SELECT '1'::jsonb <> '2'::jsonb")  # the trap works
        writer.execute("INSERT INTO items VALUES (8, 'w')")
        writer.execute("UPDATE items SET id = 9 WHERE id OPERATOR(pg_catalog.=) 8")
        writer.execute("DELETE FROM items WHERE id OPERATOR(pg_catalog.=) 9")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            writer.execute("DELETE FROM abreast.dirty")
    assert noted(database).keys == (("8",), ("9",))


def test_truncate_asks_for_all_to_be_compared(database: str) -> None:
    prepare(database)
    run(database, "INSERT INTO items VALUES (5, 'x')", "TRUNCATE items")
    found = noted(database)
    assert (found.keys, found.everything, len(found.notes)) == ((("5",),), True, 2)


def test_keys_are_told_as_the_reader_writes_them(each_database: str) -> None:
    relation, key = Relation("public", 'It%s "x"'), ["At %", "b'\\", "n"]
    at, data, number = map(ident, key)
    run(
        each_database,
        f"CREATE TABLE {relation.sql} ({at} timestamptz, {data} bytea, {number} numeric, v int, "
        f"PRIMARY KEY ({idents(key)}))",
    )
    elsewhere = "-c TimeZone=Asia/Tokyo -c DateStyle=German -c bytea_output=escape"
    with connected(each_database) as connection:
        enable(connection, relation, key)
        with psycopg.connect(each_database, options=elsewhere) as writer:
            values = r"('2024-05-01 09:00:00.123456', '\x41ff', 12345678901234567890.10)"
            writer.execute(sql(f"INSERT INTO {relation.sql} VALUES {values}"))
        rows = KeyedRows(connection, Source.of(relation, key, ["v"]))
        found = read(rows, relation, key)
        assert found.keys == (("2024-05-01 00:00:00.123456+00", "\\x41ff", "12345678901234567890.10"),)
        assert rows.read(found.keys)[found.keys[0]].row == (None,)
        assert read(rows, ITEMS, key).notes == ()


def test_partitions_note_their_parent_s_keys(each_database: str) -> None:
    run(
        each_database,
        "CREATE TABLE items (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
        "CREATE TABLE items_1 PARTITION OF items FOR VALUES FROM (0) TO (100)",
    )
    with connected(each_database) as connection:
        enable(connection, ITEMS, ["id"])
        enable(connection, ITEMS, ["id"])
    run(each_database, "CREATE TABLE items_2 PARTITION OF items FOR VALUES FROM (100) TO (200)")
    run(each_database, "INSERT INTO items VALUES (1, 'a'), (100, 'b')", "UPDATE items SET id = 101 WHERE id = 1")
    run(each_database, "DELETE FROM items_2 WHERE id = 100")
    assert set(noted(each_database).keys) == {("1",), ("100",), ("101",)}


def test_notes_are_read_in_turns_and_removed_only_as_read(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dirty, "NOTES_AT_ONCE", 2)
    prepare(database)
    run(database, *(f"UPDATE items SET v = 'x' WHERE id = {key}" for key in (1, 2, 1, 3)))
    first = noted(database)
    assert (first.keys, first.full) == ((("1",), ("2",)), True)
    assert noted(database) == first  # reading takes nothing away
    with connected(database) as connection:
        remove(connection, first)
        second = noted(database)
        assert second.keys == (("1",), ("3",))
        remove(connection, first)
        assert noted(database) == second
        remove(connection, second)
    assert (noted(database).notes, noted(database).full) == ((), False)


def test_enabling_again_doubles_nothing_and_disabling_forgets(database: str) -> None:
    prepare(database)
    with connected(database) as connection:
        enable(connection, ITEMS, ["id"])
        run(database, "UPDATE items SET v = 'x' WHERE id = 1")
        assert len(noted(database).notes) == 1
        disable(connection, ITEMS)
        run(database, "UPDATE items SET v = 'y' WHERE id = 1")
        assert noted(database).notes == ()
        disable(connection, ITEMS)
        left = connection.execute("SELECT count(*) FROM pg_proc WHERE proname LIKE 'dirty%'").fetchone()
    assert left == (0,)


def test_a_busy_table_is_waited_for_only_so_long(database: str) -> None:
    run(database, "CREATE TABLE items (id int PRIMARY KEY, v text)")
    pauses: list[float] = []
    patience = Patience(lock_timeout_ms=20, longest_s=1, sleep=pauses.append, clock=lambda: sum(pauses))
    with psycopg.connect(database) as holder, connected(database) as connection:
        holder.execute("INSERT INTO items VALUES (1, 'a')")
        with pytest.raises(DatabaseError, match=r"noting dirty keys of public\.items: the lock was not free"):
            enable(connection, ITEMS, ["id"], patience)
        assert sum(pauses) >= 1
        holder.rollback()
        enable(connection, ITEMS, ["id"], patience)


def test_from_a_write_to_drift_and_a_killed_reader_begins_again(database: str) -> None:
    prepare(database)
    run(database, "CREATE TABLE copies (LIKE items INCLUDING ALL)", "INSERT INTO copies SELECT * FROM items")
    run(database, "UPDATE items SET v = 'lost' WHERE id = 2", "UPDATE items SET v = v WHERE id = 3")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    table = Table(ITEMS, ("id",), ("v",))
    copies = Source.of(Relation("public", "copies"), ["id"], ["v"])

    def pass_once(url: str, *, killed: bool) -> None:
        with connected(url) as connection:
            drift.prepare(connection)
            left, right = KeyedRows(connection, SOURCE), KeyedRows(connection, copies)
            found = read(left, ITEMS, ["id"])
            suspects = [each.key for each in differences(left, right, found.keys)]
            settled = settle(left, right, suspects, Flows(), Waiting(lambda: 0.0, lambda _s: None))
            with connection.transaction():
                drift.record(connection, table, settled.drift, now)
                remove(connection, found)
                if killed:
                    connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseError):
        pass_once(database, killed=True)
    with connected(database) as connection:
        assert drift.counts(connection, now)[State.OPEN] == 0
    assert len(noted(database).notes) == 2
    pass_once(database, killed=False)
    with connected(database) as connection:
        assert [each.key for each in drift.drifts(connection, now)] == [{"id": "2"}]
    assert noted(database).notes == ()
