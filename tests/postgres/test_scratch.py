from abreast.postgres.connection import connected
from abreast.postgres.scratch import ROW, Scratch
from abreast.schema.catalog import Column
from abreast.schema.place import Place

HERE = Place("m.yaml", 4, "operations[0].add_column.up")


def test_what_the_server_refuses_becomes_a_fault_and_the_rest_goes_on(database: str) -> None:
    with connected(database) as connection:
        scratch = Scratch(connection, "public")
        with scratch.undone():
            with scratch.trying(HERE, "this"):
                scratch.run("SELECT nope")
            with scratch.trying(HERE, "that"):
                scratch.run("SELECT 1")
            with scratch.trying(HERE, "a hint of the server's"):
                scratch.run("SELECT lower(1, 2)")
        first, second = scratch.faults
        assert (first.file, first.line, first.path) == ("m.yaml", 4, "operations[0].add_column.up")
        assert first.message == 'this cannot be used: column "nope" does not exist'
        assert "test it with" in first.remedy
        assert second.remedy.startswith("No function matches")


def test_nothing_remains_of_what_was_tried(database: str) -> None:
    with connected(database) as connection:
        scratch = Scratch(connection, "public")
        with scratch.undone():
            scratch.run("CREATE TABLE public.kept ()")
            with scratch.trying(HERE, "x"):
                scratch.make_row({"a": Column("a", "text")})
            assert scratch.one("SELECT to_regclass(%(name)s)", name=ROW) == "None"
            assert scratch.one("SELECT to_regclass('public.kept')") == "public.kept"
        assert scratch.one("SELECT to_regclass('public.kept')") == "None"
        assert scratch.one("SELECT 1 WHERE false") == ""


def test_a_persons_sql_finds_their_schema_and_ours_finds_the_systems_alone(database: str) -> None:
    with connected(database) as connection:
        connection.execute('CREATE SCHEMA "my ""own"; CREATE DOMAIN "my ""own".short AS text')
        scratch = Scratch(connection, 'my "own')
        with scratch.undone():
            scratch.written("CREATE TEMP TABLE x (a short)")
            assert scratch.one("SHOW search_path") == "pg_catalog"


def test_a_rows_columns_swap_their_names(database: str) -> None:
    with connected(database) as connection:
        scratch = Scratch(connection, "public")
        with scratch.undone():
            scratch.make_row({"a": Column("a", "integer"), 'b"%': Column('b"%', "text", collation='pg_catalog."C"')})
            scratch.rename_row({"a": 'b"%', 'b"%': "a"})
            query = "SELECT string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attnum) FROM pg_attribute"
            found = scratch.one(f"{query} WHERE attrelid = %(row)s::regclass AND attnum > 0", row=ROW)
            assert found == 'b"% integer, a text'
