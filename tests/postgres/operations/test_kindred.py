"""Rows that others have a hand in: partitions, tables that inherit, policies, triggers that change old columns."""

import psycopg

from abreast.postgres.connection import connected
from tests.postgres.trials import Trial, refused, trial

MOVING = """
CREATE TABLE orders (id int, state text NOT NULL, note text NOT NULL DEFAULT 'none', price numeric(12,4),
  PRIMARY KEY (id, state)) PARTITION BY LIST (state);
CREATE TABLE orders_open PARTITION OF orders FOR VALUES IN ('open', 'new');
CREATE TABLE orders_done (price numeric(12,4), state text NOT NULL, id int NOT NULL, note text NOT NULL DEFAULT 'none');
ALTER TABLE orders ATTACH PARTITION orders_done FOR VALUES IN ('done');
INSERT INTO orders SELECT n, 'open', 'keep ' || n, 1.2345 FROM generate_series(1, 6) n;
INSERT INTO orders VALUES (7, 'open', DEFAULT, 1.2345);"""


def test_a_row_that_moves_to_another_partition_keeps_what_only_one_version_knows(each_database: str) -> None:
    text = """
  - drop_column: {table: orders, column: note, down: "'-'"}
  - alter_column: {table: orders, column: price, type: integer, up: (price * 100)::integer, down: price / 100.0}
  - add_column: {table: orders, column: {name: slug, type: text, nullable: true}, up: "'order ' || id"}
"""
    with trial(each_database, MOVING) as orders:
        orders.expand(text)
        done = "UPDATE orders SET state = 'done'"
        orders.as_version("v2", "UPDATE orders SET slug = nullif('own', repeat('own', id - 3)) WHERE id IN (3, 4)")
        orders.as_version("v1", f"{done} WHERE id IN (1, 3)", f"{done}, note = 'n', price = 2 WHERE id = 5")
        orders.as_version("v2", f"{done} WHERE id IN (2, 4, 7)", f"{done}, price = 300 WHERE id = 6")
        assert orders.as_version("v1", "SELECT id, note, price::text FROM orders ORDER BY id") == [
            (1, "keep 1", "1.2345"), (2, "keep 2", "1.2345"), (3, "keep 3", "1.2345"), (4, "keep 4", "1.2345"),
            (5, "n", "2.0000"), (6, "keep 6", "3.0000"), (7, "none", "1.2345"),
        ]  # fmt: skip
        assert orders.as_version("v2", "SELECT id, price, slug FROM orders WHERE state = 'done' ORDER BY id") == [
            (1, 123, "order 1"), (2, 123, "order 2"), (3, 123, "own"), (4, 123, None),
            (5, 200, "order 5"), (6, 300, "order 6"), (7, 123, "order 7"),
        ]  # fmt: skip


def test_an_insert_is_no_move_though_the_row_has_been_there_in_the_same_statement(database: str) -> None:
    text = "  - drop_column: {table: orders, column: note, down: \"'-'\"}"
    with trial(database, MOVING) as orders:
        orders.expand(text)
        for first in ("new", "done"):
            orders.as_version(
                "v2",
                f"""DO $$ BEGIN UPDATE orders SET state = '{first}' WHERE id = 1;
                DELETE FROM orders WHERE id = 1; INSERT INTO orders (id, state) VALUES (1, '{first}'); END $$""",
            )
            assert orders.as_version("v1", "SELECT note FROM orders WHERE id = 1") == [("-",)]


def test_policies_that_hide_rows_from_abreasts_own_role_are_refused_with_the_remedy(database: str) -> None:
    setup = """CREATE TABLE items (id int PRIMARY KEY, a text); INSERT INTO items VALUES (1, 'x');
    ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON items USING (false);
    CREATE ROLE "ro'le" LOGIN CREATEROLE; ALTER TABLE items OWNER TO "ro'le"; GRANT ALL ON SCHEMA shop TO "ro'le";
    GRANT SET ON PARAMETER "abreast.version" TO "ro'le";
    DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO "ro''le"', current_database()); END$$"""
    text = """
  - add_column: {table: items, column: {name: b, type: text}, up: a}
  - rename_column: {table: items, from: a, to: c}
"""
    with trial(database, setup) as items, connected(psycopg.conninfo.make_conninfo(database, user="ro'le")) as role:
        owned = Trial(database, role, "shop")
        owned.plan(text)  # the owner's policies do not hold for itself
        items.connection.execute("ALTER TABLE shop.items FORCE ROW LEVEL SECURITY")
        (fault,) = refused(owned, text)
        assert fault.line == 3
        assert "policies of shop.items hide rows from ro'le" in fault.message
        items.connection.execute(fault.remedy.partition(", or ")[0].encode())
        owned.expand(text)
        assert owned.as_version("v1", "SELECT a FROM items") == []
        assert items.connection.execute("SELECT _abreast_b FROM shop.items").fetchall() == [("x",)]
        owned.leave()


def test_tables_whose_columns_are_others_too_are_refused_with_the_reason(each_database: str) -> None:
    setup = """CREATE TABLE base (id int PRIMARY KEY, a text); CREATE TABLE child (b text) INHERITS (base);
    CREATE TYPE kind AS (id int, a text); CREATE TABLE typed OF kind (PRIMARY KEY (id))"""
    with trial(each_database, setup) as tables:
        for name, reason in (
            ("base", "shop.child inherits from it"),
            ("child", "it inherits from shop.base"),
            ("typed", "it is of the type shop.kind"),
        ):
            for operation in (
                f"alter_column: {{table: {name}, column: a, type: varchar(9), up: a, down: a}}",
                f"rename_column: {{table: {name}, from: a, to: c}}",
                f"drop_column: {{table: {name}, column: a}}",
                f"drop_constraint: {{table: {name}, name: {name}_pkey, up: a, down: a}}",
            ):
                fault = refused(tables, f"  - {operation}")[0]
                assert fault.message == f"the columns of shop.{name} cannot be changed side by side: {reason}"
        tables.expand("  - create_index: {table: base, name: base_a, columns: [a]}")


def test_what_a_trigger_puts_into_an_old_column_gives_way_to_what_the_new_version_writes_itself(database: str) -> None:
    setup = """CREATE TABLE items (id int PRIMARY KEY, n int, price numeric(10,2), size text);
    CREATE FUNCTION norm() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF new.n > 10 THEN new.price := 99; new.size := 'xxx'; END IF; RETURN new; END $$;
    CREATE TRIGGER norm BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION norm();
    INSERT INTO items VALUES (1, 1, 5, 'x'), (2, 1, 5, 'x')"""
    text = """
  - alter_column: {table: items, column: price, type: int, up: (price * 100)::int, down: price / 100.0}
  - alter_column: {table: items, column: size, type: int, up: length(size), down: "repeat('x', size)"}
"""
    with trial(database, setup) as items:
        plan = items.expand(text)
        assert any("what it puts there then is made again of that" in note for note in plan.notes)
        items.as_version(
            "v2", "UPDATE items SET n = 11 WHERE id = 1", "UPDATE items SET n = 11, price = 7 WHERE id = 2"
        )
        items.as_version("v2", "INSERT INTO items VALUES (3, 11, 700, 1)")
        items.as_version("v1", "INSERT INTO items VALUES (4, 11, 7, 'x')")
        seen = [(1, 9900, 3), (2, 7, 3), (3, 700, 1), (4, 9900, 3)]
        assert items.as_version("v2", "SELECT * FROM (SELECT id, price, size FROM items) i ORDER BY id") == seen
        assert items.as_version("v1", "SELECT id, (price * 100)::int, length(size) FROM items ORDER BY id") == seen
