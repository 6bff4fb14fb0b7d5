"""What stands around a changed table: names, partitions, policies, keys, triggers and views of the user's own."""

import pytest
from psycopg import errors

from abreast.model.errors import DatabaseError
from abreast.postgres.consistency import check, mend
from abreast.postgres.patience import Patience
from abreast.postgres.roles import role_state
from tests.postgres.trials import Trial, prepare, refused, trial

ODD = """a"b.c%s\\d 'e' é"""
WILD = [ODD, "SELECT", "MiXed Case", "%", "\\", "x" * 63, "new", "writer", "é" * 31 + "x"]


@pytest.mark.parametrize("name", WILD)
def test_any_name_may_be_a_schemas_a_tables_a_columns_an_indexes(database: str, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    schema = name[:40]
    column = "c " + name.replace('"', "")[:8]
    setup = f"""CREATE TABLE {quoted} ({quoted} int PRIMARY KEY, "{column}" text,
      keep text CONSTRAINT "k%" CHECK (keep <> '%s'));
    CREATE INDEX "i%" ON {quoted} (keep); INSERT INTO {quoted} VALUES (1, 'one', 'k')"""
    table, text_of = f"table: {_yaml(name)}", _inside(column)
    text = f"""
  - alter_column:
      {table}
      column: {_yaml(column)}
      type: varchar(90)
      up: "{text_of} || '%'"
      down: "{text_of} || '\\\\\\\\'"
  - alter_column: {{{table}, column: keep, nullable: false, up: "coalesce(keep, '')", comment: {_yaml(name)}}}
  - rename_column: {{{table}, from: {_yaml(name)}, to: key}}
  - rename_table: {{from: {_yaml(name)}, to: things}}
"""
    with trial(database, setup, schema) as made:
        made.new_name = "2.0"
        before = made.described()
        made.expand(text)
        made.as_version("2.0", "INSERT INTO things VALUES (2, 'two', 'q')")
        made.as_version("v1", f"INSERT INTO {quoted} VALUES (3, 'three', 'p')")
        assert made.as_version("v1", f"SELECT * FROM {quoted} ORDER BY 1")[1] == (2, "two" + "\\" * 2, "q")
        assert made.as_version("2.0", "SELECT * FROM things ORDER BY key")[2] == (3, "three%", "p")
        made.undo()
        assert made.described() == before
        made.expand(text)
        made.contract()
        assert made.as_version("2.0", "SELECT count(*) FROM things") == [(3,)]


def test_policies_hold_for_both_versions(database: str) -> None:
    setup = """CREATE TABLE items (id int PRIMARY KEY, owner text, a text);
    INSERT INTO items VALUES (1, 'me', '1'), (2, 'you', '2');
    ALTER TABLE items ENABLE ROW LEVEL SECURITY; ALTER TABLE items FORCE ROW LEVEL SECURITY;
    CREATE POLICY mine ON items USING (owner = current_setting('app.who', true))"""
    with trial(database, setup) as items:
        items.expand("  - alter_column: {table: items, column: a, type: integer, up: a::integer, down: a::text}")
        assert items.connection.execute("SELECT _abreast_a FROM shop.items ORDER BY id").fetchall() == [(1,), (2,)]
        for version, wanted in (("v1", "2"), ("v2", 2)):
            assert items.as_version(version, "SELECT * FROM items") == []
            assert items.as_version(version, "SET app.who = 'you'", "SELECT a FROM items") == [(wanted,)]
            with pytest.raises(errors.InsufficientPrivilege):
                items.as_version(version, f"INSERT INTO items VALUES (9, 'me', '{wanted}')")
        items.contract()
        (fault,) = refused(items.next(), "  - drop_column: {table: items, column: owner}")
        assert "items.owner cannot be replaced: the policy mine reads it" in fault.message


def test_foreign_keys_go_on_in_both_directions(database: str) -> None:
    setup = """CREATE TABLE parents (id int PRIMARY KEY, n int); INSERT INTO parents VALUES (1, 1), (2, 2);
    CREATE TABLE items (id int PRIMARY KEY, parent int CONSTRAINT up REFERENCES parents ON DELETE CASCADE, a text);
    CREATE TABLE leaves (id int PRIMARY KEY, item int REFERENCES items ON UPDATE CASCADE);
    INSERT INTO items VALUES (1, 1, '1'), (2, 2, '2'); INSERT INTO leaves VALUES (1, 1)"""
    with trial(database, setup) as items:
        items.expand("  - alter_column: {table: items, column: parent, type: bigint, up: parent, down: parent}")
        for version in ("v1", "v2"):
            with pytest.raises(errors.ForeignKeyViolation):
                items.as_version(version, "INSERT INTO items (id, parent) VALUES (9, 99)")
        items.as_version("v2", "UPDATE items SET id = 10 WHERE id = 1", "DELETE FROM parents WHERE id = 2")
        assert items.as_version("v1", "SELECT * FROM leaves") == [(1, 10)]
        assert items.as_version("v1", "SELECT id, parent FROM items") == [(10, 1)]
        items.contract()
        assert ("items", "up", "f", "FOREIGN KEY (parent) REFERENCES parents(id) ON DELETE CASCADE", "True") in (
            items.described()["constraints"]
        )
        faults = refused(items.next(), "  - alter_column: {table: items, column: id, type: bigint, up: id, down: id}")
        assert [fault.message.partition(": ")[2] for fault in faults] == [
            "rows are found by it: it belongs to the key",
            "a foreign key of shop.leaves points to it",
        ]


TRIGGERED = """CREATE TABLE items (id int PRIMARY KEY, a text, log text);
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN new.log := coalesce(new.log, '') || lower(tg_op); new.a := upper(new.a); RETURN new; END $$;
INSERT INTO items VALUES (1, 'A', '');
CREATE TRIGGER {} BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION shout()"""


def test_a_users_before_trigger_runs_first_and_loses_nothing(database: str) -> None:
    with trial(database, TRIGGERED.format("zz")) as items:
        plan = items.expand("  - alter_column: {table: items, column: a, type: varchar(9), up: a, down: a}")
        assert any("the trigger zz of items runs before" in note for note in plan.notes)
        items.as_version("v1", "INSERT INTO items VALUES (2, 'b')")
        items.as_version("v2", "INSERT INTO items VALUES (3, 'c')", "UPDATE items SET a = 'd' WHERE id = 2")
        assert items.as_version("v1", "SELECT * FROM items ORDER BY id") == [
            (1, "A", ""), (2, "d", "insertupdate"), (3, "c", "insert"),
        ]  # fmt: skip
        items.as_version("v1", "UPDATE items SET a = 'e' WHERE id = 3")
        assert items.as_version("v2", "SELECT a FROM items ORDER BY id") == [("A",), ("d",), ("E",)]


def test_a_column_whose_domain_would_rewrite_the_table_is_refused(each_database: str) -> None:
    setup = """CREATE DOMAIN shop.loose AS varchar(5); CREATE DOMAIN shop.odd AS int CHECK (VALUE % 2 = 1);
    CREATE DOMAIN shop.must AS text NOT NULL; CREATE DOMAIN shop.strict AS shop.odd;
    CREATE TABLE items (id int PRIMARY KEY, a shop.strict, b text); INSERT INTO items VALUES (1, 3, 'x')"""
    text = """
  - add_column: {table: items, column: {name: c, type: must}, up: b}
  - alter_column: {table: items, column: a, nullable: false, up: "coalesce(a, 1)"}
  - alter_column: {table: items, column: b, type: "strict[]", up: "ARRAY[1]::strict[]", down: "b[1]::text"}
  - add_column: {table: items, column: {name: d, type: loose, nullable: true}}
"""
    with trial(each_database, setup) as items:
        first, second = refused(items, text)
        assert "the type shop.must of 'c' is a domain with constraints" in first.message
        assert "the type shop.strict of 'a' is a domain with constraints" in second.message
        assert (first.line, second.line) == (3, 4)


def test_the_applications_own_functions_find_their_names_whoever_writes(each_database: str) -> None:
    setup = """CREATE FUNCTION clean(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t)';
    CREATE FUNCTION slugify(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
      $$ BEGIN RETURN replace(clean(t), ' ', '-'); END $$;
    CREATE TABLE rates (currency text, rate numeric); INSERT INTO rates VALUES ('EUR', 2);
    CREATE FUNCTION rate(c text) RETURNS numeric LANGUAGE sql STABLE AS
      'SELECT rate FROM rates WHERE currency = c';
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.t := clean(new.t); RETURN new; END $$;
    CREATE TABLE items (id int PRIMARY KEY, a text, n numeric, t text); INSERT INTO items VALUES (1, 'A B', 3);
    CREATE TRIGGER touch BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch();
    ALTER TABLE items ENABLE ALWAYS TRIGGER touch"""
    text = """
  - alter_column: {table: items, column: a, type: varchar(9), up: slugify(a), down: slugify(a)}
  - alter_column: {table: items, column: n, type: integer, up: n * rate('EUR'), down: n / rate('EUR')}
"""
    with trial(each_database, setup) as items:
        plan = items.expand(text)
        items.as_version("v1", "INSERT INTO items VALUES (2, 'C D', 4)")
        items.connection.execute("SET abreast.version = '~'")
        items.connection.execute("SET search_path = shop")
        items.connection.execute("UPDATE shop.items SET _abreast_n = 9 WHERE id = 2")
        items.connection.execute("RESET search_path")
        (found,) = check(items.connection, plan.tables, 9, lambda _, __: None)
        assert [each.key for each in found.found] == [("2",)]
        assert mend(items.connection, plan.tables, "old", Patience()) == 1
        assert items.as_version("v2", "SELECT id, a, n FROM items ORDER BY id") == [(1, "a-b", 6), (2, "c-d", 8)]


def test_rows_are_found_by_a_key_whose_type_is_an_extensions(database: str) -> None:
    setup = """CREATE EXTENSION ltree SCHEMA public; CREATE EXTENSION citext SCHEMA shop;
    CREATE TABLE users (path public.ltree, name citext, a text, PRIMARY KEY (path, name));
    INSERT INTO users SELECT ('a.b' || n)::public.ltree, chr(65 + n % 2 * 32) || n, 'X'
      FROM generate_series(1, 1234) n"""
    with trial(database, setup) as users:
        text = "  - alter_column: {table: users, column: a, type: varchar(20), up: lower(a), down: upper(a)}"
        plan = users.expand(text)
        assert users.as_version("v2", "SELECT a, count(*) FROM users GROUP BY 1") == [("x", 1234)]
        (found,) = check(users.connection, plan.tables, 9, lambda _, __: None)
        assert (found.rows, found.divergent) == (1234, 0)


def test_a_trigger_that_would_run_after_ours_is_refused(database: str) -> None:
    with trial(database, TRIGGERED.format('"~z"')) as items:
        (fault,) = refused(items, "  - alter_column: {table: items, column: a, type: varchar(9), up: a, down: a}")
        assert (
            "the trigger '~z' of shop.items would run after the one that keeps both versions in step" in fault.message
        )


def test_views_of_the_users_own_keep_a_column_from_going(database: str) -> None:
    setup = "CREATE TABLE items (id int PRIMARY KEY, a text); CREATE VIEW short AS SELECT id, a FROM items"
    with trial(database, setup) as items:
        for operation in (
            "drop_column: {table: items, column: a}",
            "alter_column: {table: items, column: a, type: int, up: a::int, down: a::text}",
            "drop_table: {name: items}",
        ):
            assert any("the view shop.short reads" in str(fault) for fault in refused(items, f"  - {operation}"))


def test_a_table_without_a_key_is_refused_with_the_reason(database: str) -> None:
    with trial(database, "CREATE TABLE items (id int, a text)") as items:
        (fault,) = refused(items, "  - alter_column: {table: items, column: a, type: int, up: a::int, down: a::text}")
        assert "shop.items has no primary key and no unique key that is never NULL" in fault.message
        items.expand("  - add_column: {table: items, column: {name: n, type: integer, default: 1}}")  # fills itself
        items.as_version("v2", "INSERT INTO items VALUES (1, 'x', 2)")
        items.contract()
        assert items.as_version("v2", "SELECT n FROM items") == [(2,)]


def test_an_expression_that_cannot_be_used_is_told_with_its_line_and_all_at_once(database: str) -> None:
    setup = "CREATE TABLE items (id int PRIMARY KEY, a text, g int GENERATED ALWAYS AS (1) STORED)"
    text = """
  - alter_column: {table: items, column: a, type: integer, up: "nope(a)", down: "a +"}
  - add_column: {table: items, column: {name: b, type: text}, up: a || random()}
  - add_column: {table: items, column: {name: c, type: text}, up: "max(a)"}
  - add_column: {table: items, column: {name: d, type: integer}, up: g + 1}
  - add_column: {table: items, column: {name: e, type: date}, up: "current_date + length(a)"}
  - create_index: {table: items, name: i, columns: [{column: c, opclass: {name: int4_ops}}], predicate: z > 1}
  - create_table: {name: t, columns: [{name: id, type: nonsense}]}
"""
    with trial(database, setup) as items:
        told = [(fault.line, fault.message) for fault in refused(items, text)]
        wanted = {
            3: ("function nope(text) does not exist", "syntax error"),
            4: ("gives another value each time",),
            5: ("aggregate functions are not allowed",),
            6: ("reads g, which the server makes after all triggers have run",),
            7: ("gives another value each time",),
            8: ("int4_ops", 'column "z" does not exist'),
            9: ('type "nonsense" does not exist',),
        }
        for line, parts in wanted.items():
            for part in parts:
                assert any(number == line and part in said for number, said in told), (line, part, told)
        assert {line for line, _ in told} == set(wanted)


def test_two_rows_that_become_equal_stop_the_index_and_undo_takes_all_back(database: str) -> None:
    setup = "CREATE TABLE items (id int PRIMARY KEY, a text UNIQUE); INSERT INTO items VALUES (1, 'x'), (2, 'X')"
    text = "  - alter_column: {table: items, column: a, type: varchar(9), up: lower(a), down: a}"
    with trial(database, setup) as items:
        before = items.described()
        with pytest.raises(DatabaseError, match="could not create unique index") as raised:
            items.expand(text)
        assert "(x)" in str(raised.value)
        assert "abreast data undo" in str(raised.value)
        items.undo()
        assert items.described() == before
        items.connection.execute("UPDATE shop.items SET a = 'y' WHERE id = 2")
        items.expand(text)
        assert items.as_version("v2", "SELECT a FROM items ORDER BY id") == [("x",), ("y",)]


def test_a_column_dropped_and_another_added_under_its_name(database: str) -> None:
    setup = "CREATE TABLE items (id int PRIMARY KEY, a text NOT NULL); INSERT INTO items VALUES (1, 'old')"
    text = """
  - drop_column: {table: items, column: a, down: "'gone'"}
  - add_column: {table: items, column: {name: a, type: integer, nullable: true}}
"""
    with trial(database, setup) as items:
        items.expand(text)
        items.as_version("v2", "INSERT INTO items VALUES (2, 22)")
        items.as_version("v1", "INSERT INTO items VALUES (3, 'three')")
        assert items.as_version("v1", "SELECT a FROM items ORDER BY id") == [("old",), ("gone",), ("three",)]
        assert items.as_version("v2", "SELECT a FROM items ORDER BY id") == [(None,), (22,), (None,)]
        items.contract()
        assert items.as_version("v2", "SELECT * FROM items ORDER BY id") == [(1, None), (2, 22), (3, None)]


def test_a_deferrable_constraint_is_refused_and_what_is_proposed_instead_works(each_database: str) -> None:
    setup = """CREATE TABLE items (id int PRIMARY KEY, pos int NOT NULL,
      CONSTRAINT once UNIQUE (pos) DEFERRABLE INITIALLY DEFERRED); INSERT INTO items VALUES (1, 1), (2, 2), (3, 3)"""
    change = "  - alter_column: {table: items, column: pos, type: bigint, up: pos, down: pos}"
    with trial(each_database, setup) as items:
        (fault,) = refused(items, change)
        assert "the deferrable constraint once reads the changed column" in fault.message
        assert "drop_constraint" in fault.remedy
        items.expand(f"{change}\n  - drop_constraint: {{table: items, name: once, up: pos, down: pos}}")
        for version in ("v1", "v2"):
            items.as_version(version, "UPDATE items SET pos = pos + 1")
        items.contract()
        later = items.next()
        later.expand("""
  - create_constraint:
      {table: items, name: once, type: unique, columns: [pos], deferrable: true, up: {pos: pos}, down: {pos: pos}}""")
        later.contract()
        later.as_version("v3", "UPDATE items SET pos = pos + 1")
        later.leave()


def test_a_replica_identity_outlives_the_change(database: str) -> None:
    setup = """CREATE TABLE items (id int PRIMARY KEY, a text NOT NULL,
      CONSTRAINT plain UNIQUE (a) INCLUDE (id));
    ALTER TABLE items REPLICA IDENTITY USING INDEX plain"""
    with trial(database, setup) as items:
        prepare(items, "same", f"{setup}; ALTER TABLE items ALTER a TYPE varchar(9)")
        items.expand("  - alter_column: {table: items, column: a, type: varchar(9), up: a, down: a}")
        items.contract()
        assert items.described() == items.described("same")


def test_a_primary_key_is_made_of_the_unique_key_that_was_there(database: str) -> None:
    setup = "CREATE TABLE items (a text NOT NULL UNIQUE, n int); INSERT INTO items VALUES ('x', 1)"
    text = """
  - create_constraint: {table: items, name: items_pk, type: primary_key, columns: [a], up: {a: a}, down: {a: a}}
"""
    with trial(database, setup) as items:
        prepare(items, "plain", f"{setup}; ALTER TABLE items ADD CONSTRAINT items_pk PRIMARY KEY (a)")
        before = items.described()
        items.expand(text)
        items.undo()
        assert items.described() == before
        items.expand(text)
        items.as_version("v1", "INSERT INTO items VALUES ('y', 2)")
        items.contract()
        assert items.described() == items.described("plain")


def test_the_fence_does_not_hold_a_role_that_owns_the_table_and_that_is_said(database: str) -> None:
    with trial(database, "CREATE TABLE items (id int PRIMARY KEY)") as items:
        items.connection.execute('CREATE ROLE "app v1" LOGIN; ALTER TABLE shop.items OWNER TO "app v1"')
        items.expand("  - add_column: {table: items, column: {name: n, type: integer, default: 1}}")
        assert role_state(items.connection, items.old).beside == ("items",)
        assert role_state(items.connection, items.new).beside == ()


def test_a_serial_column_belongs_to_the_tables_owner(database: str) -> None:
    with trial(database, "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)") as items:
        items.connection.execute(
            b"DO $$ BEGIN CREATE ROLE group_of_it; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        items.connection.execute("GRANT CREATE ON SCHEMA shop TO group_of_it")
        items.connection.execute("ALTER TABLE shop.items OWNER TO group_of_it")
        items.expand("  - add_column: {table: items, column: {name: nr, type: serial}}")
        items.as_version("v1", "INSERT INTO items VALUES (2)")
        items.contract()
        assert items.as_version("v2", "SELECT count(DISTINCT nr) FROM items") == [(2,)]
        items.leave()
        items.connection.execute(
            "REASSIGN OWNED BY group_of_it TO postgres; DROP OWNED BY group_of_it; DROP ROLE group_of_it"
        )


def _yaml(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def _inside(name: str) -> str:
    """A quoted identifier within a double-quoted text of YAML."""
    return ('"' + name.replace('"', '""') + '"').replace("\\", "\\\\").replace('"', '\\"')


def test_a_trial_is_in_its_own_schema(database: str) -> None:
    with trial(database, "CREATE TABLE items (id int PRIMARY KEY)", "elsewhere") as items:
        assert isinstance(items, Trial)
        items.expand("  - add_column: {table: items, column: {name: n, type: integer, default: 1}}")
        assert items.as_version("v2", "SHOW search_path") == [("elsewhere_v2, elsewhere, public",)]
