"""Partitioned tables: changed with their indexes, again and again, and with the partitions that come meanwhile."""

import pytest
from psycopg import errors

from tests.postgres.trials import refused, trial

ROOMS = """
CREATE TABLE rooms (id int, day date, price text, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE rooms_a PARTITION OF rooms FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE rooms_b PARTITION OF rooms DEFAULT;
CREATE INDEX rooms_price ON rooms (price);
CREATE TABLE people (id int PRIMARY KEY);
INSERT INTO people VALUES (1); INSERT INTO rooms VALUES (1, '2020-05-05', '10', 'a'), (2, '2022-02-02', '20', 'b');
"""

PARTED = """CREATE TABLE p (id int, day int, code text NOT NULL, PRIMARY KEY (id, day), UNIQUE (code, day))
PARTITION BY LIST (day); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); INSERT INTO p VALUES (1, 1, 'a')"""

CODE = "  - alter_column: {table: p, column: code, type: varchar(9), up: lower(code), down: code}"

P2 = """CREATE TABLE shop.p2 (LIKE shop.p INCLUDING ALL);
ALTER TABLE shop.p ATTACH PARTITION shop.p2 FOR VALUES IN (2)"""


def test_a_partitioned_table_is_changed_with_its_indexes(each_database: str) -> None:
    text = """
  - alter_column: {table: rooms, column: price, type: integer, nullable: false, up: price::integer, down: price::text}
  - add_column:
      table: rooms
      column: {name: guest, type: integer, nullable: true, references: {name: rooms_guest, table: people, column: id}}
  - create_index: {table: rooms, name: rooms_note, columns: [note]}
  - drop_index: {name: rooms_price}
"""
    with trial(each_database, ROOMS) as rooms:
        before = rooms.described()
        rooms.expand(text)
        rooms.as_version("v1", "INSERT INTO rooms VALUES (3, '2020-06-06', '30', 'c')")
        rooms.as_version("v2", "INSERT INTO rooms (id, day, price, guest) VALUES (4, '2030-01-01', 40, 1)")
        rooms.as_version("v2", "UPDATE rooms SET price = price + 1, day = '2024-04-04' WHERE id = 1")  # moves
        assert rooms.as_version("v1", "SELECT id, price FROM rooms ORDER BY id") == [
            (1, "11"), (2, "20"), (3, "30"), (4, "40"),
        ]  # fmt: skip
        assert rooms.as_version("v2", "SELECT id, price FROM rooms ORDER BY id") == [(1, 11), (2, 20), (3, 30), (4, 40)]
        with pytest.raises(errors.ForeignKeyViolation):
            rooms.as_version("v2", "UPDATE rooms SET guest = 9")
        rooms.undo()
        assert rooms.described() == before
        rooms.expand(text.replace("  - drop_index: {name: rooms_price}\n", ""))
        rooms.contract()
        valid = "SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indisvalid"
        query = f"{valid} AND NOT x.relispartition AND i.indrelid = 'shop.rooms'::regclass ORDER BY 1"
        assert rooms.connection.execute(query.encode()).fetchall() == [
            ("rooms_note",),
            ("rooms_pkey",),
            ("rooms_price",),
        ]


def test_what_is_unique_in_a_partitioned_table_holds_its_partitions_columns(database: str) -> None:
    text = "  - alter_column: {table: rooms, column: note, unique: {name: rooms_note_once}, up: note}"
    with trial(database, ROOMS) as rooms:
        (fault,) = refused(rooms, text)
        assert (fault.file, fault.line) == ("m.yaml", 2)
        assert "rooms is partitioned by day" in fault.message


def test_a_partition_attached_while_rows_are_filled_is_held_to_the_same_rules(each_database: str) -> None:
    with trial(each_database, PARTED) as parted:
        plan = parted.plan(CODE)
        parted.connection.execute(P2.encode())
        parted.migrator.expand(plan, parted.new)
        parted.contract()
        parted.as_version("v2", "INSERT INTO p VALUES (7, 2, 'same')")
        with pytest.raises(errors.UniqueViolation):
            parted.as_version("v2", "INSERT INTO p VALUES (8, 2, 'same')")


def test_an_indexed_column_of_a_partitioned_table_is_changed_again_and_again(database: str) -> None:
    with trial(database, PARTED) as parted:
        parted.expand(CODE)
        parted.contract()
        before = parted.described()
        again = parted.next()
        again.expand(CODE.replace("(9)", "(8)"))
        again.undo()
        assert parted.described() == before
        again.expand(CODE.replace("(9)", "(8)"))
        again.contract()
        assert [row[1] for row in parted.described()["indexes"]] == [
            "p_code_day_key",
            "p_pkey",
            "p1_p_code_day_key",
            "p1_pkey",
        ]
