"""A role and a schema of views are one version's: whoever would take them for another is refused."""

import re
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from abreast.model.errors import RefusedError
from abreast.postgres.belonging import excluding_policies, refuse_others_role, refuse_strangers
from abreast.postgres.connection import Connection, connected, sql
from abreast.postgres.migrate import Migrator
from abreast.postgres.roles import fence
from abreast.schema.migration import read_migration
from abreast.schema.views import Version
from tests.fakes.postgres import Databases

V1 = Version("v1", "shop_v1", "public")
V2 = Version("v2", "shop_v2", "public")
SLUG = "operations: [{add_column: {table: items, column: {name: slug, type: text}, up: name}}]"


def items(connection: Connection, schema: str = "public") -> Migrator:
    connection.execute(sql(f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {schema}.items (id int, name text)"))
    connection.execute(sql(f"ALTER TABLE {schema}.items ADD PRIMARY KEY (id)"))
    return Migrator(connection, turn_s=0.0, sleep=lambda _: None)


def expanded(connection: Connection) -> Migrator:
    migrator = items(connection)
    plan = migrator.plan("public", read_migration("m.yaml", SLUG).operations, V1, V2)
    migrator.expand(plan, V2)
    return migrator


def test_a_role_serves_one_database_until_its_version_has_ended(databases: Databases) -> None:
    with connected(databases()) as shop, connected(databases()) as tenant:
        one, other = expanded(shop), items(tenant)
        for act in (
            lambda: other.adopt(V1),
            lambda: other.plan(
                "public", read_migration("m.yaml", SLUG).operations, Version("v0", "zero", "public"), V2
            ),
        ):
            with pytest.raises(RefusedError, match="is that of a version in the database") as raised:
                act()
            assert "data: {roles: {v" in raised.value.remedy
        one.contract("public", V1, 0.0)
        refuse_others_role(tenant, V1)
        other.adopt(V1)
        refuse_others_role(shop, V2)
        with pytest.raises(RefusedError, match="is that of a version in the database"):
            refuse_others_role(tenant, V2)


def test_a_role_that_two_databases_share_already_is_not_fenced_nor_ended_by_one_of_them(databases: Databases) -> None:
    with connected(databases()) as shop, connected(databases()) as tenant:
        one = expanded(shop)
        for role in (V1.role, V2.role):
            _set_up(tenant, role)
        for act in (
            lambda: one.contract("public", V1, 0.0),
            lambda: one.undo("public", V2, 0.0),
            lambda: fence(shop, V2),
        ):
            with pytest.raises(RefusedError, match="is that of a version in the database"):
                act()


def _set_up(connection: Connection, role: str) -> None:
    connection.execute(
        sql(f"""DO $$BEGIN EXECUTE format('ALTER ROLE "{role}" IN DATABASE %I SET abreast.version = v',
                               current_database()); END$$""")
    )


def test_a_role_sees_the_views_of_one_schema(database: str) -> None:
    with connected(database) as connection:
        items(connection, "a").adopt(Version("v1", "shop_v1", "a"))
        with pytest.raises(RefusedError, match="the role shop_v1 sees the views a_v1, so it cannot see b_v1"):
            items(connection, "b").adopt(Version("v1", "shop_v1", "b"))
        Migrator(connection).adopt(Version("v1", "shop_b_v1", "b"))


def test_views_are_one_services(each_database: str) -> None:
    with connected(each_database) as connection:
        migrator = items(connection)
        migrator.adopt(V1)
        other = Version("v1", 'bill"v1', "public")
        with pytest.raises(RefusedError, match="the views public_v1 are those of the role shop_v1") as raised:
            migrator.adopt(other)
        with pytest.raises(RefusedError, match="the views public_v1 are those of the role shop_v1"):
            migrator.plan("public", read_migration("m.yaml", SLUG).operations, other, V2)
        connection.execute(sql(raised.value.remedy.rsplit(": ", 1)[1]))
        migrator.adopt(other)
        refuse_strangers(connection, other)


def test_the_role_of_a_version_that_ended_finds_no_table_and_may_serve_again(database: str) -> None:
    with connected(database) as connection:
        migrator = expanded(connection)
        migrator.contract("public", V1, 0.0)
        with psycopg.connect(database, user=V1.role) as ended, pytest.raises(psycopg.errors.UndefinedTable):
            ended.execute("SELECT * FROM items")
        again = Version("v3", V1.role, "public")
        migrator.adopt(again)
        with psycopg.connect(database, user=V1.role) as user:
            user.execute("INSERT INTO items VALUES (1, 'a', 'b')")


@pytest.mark.parametrize("tail", ["NOINHERIT", "INHERIT"])
def test_a_role_that_inherits_nothing_has_its_writes_or_is_refused(each_database: str, tail: str) -> None:
    with connected(each_database) as connection:
        connection.execute(sql(f"CREATE ROLE shop_v1 LOGIN {tail}"))
        migrator = items(connection)
        if tail == "NOINHERIT" and connection.info.server_version < 160_000:
            with pytest.raises(RefusedError, match="shop_v1 is NOINHERIT") as raised:
                migrator.adopt(V1)
            connection.execute(sql(raised.value.remedy.split(": ", 1)[1]))
        migrator.adopt(V1)
        with psycopg.connect(each_database, user=V1.role) as user:
            user.execute("INSERT INTO items VALUES (1, 'a')")
        fence(connection, V1)
        with psycopg.connect(each_database, user=V1.role) as user, pytest.raises(psycopg.errors.InsufficientPrivilege):
            user.execute("INSERT INTO items VALUES (2, 'a')")


def test_views_of_the_users_own_can_be_read_and_written_until_the_fence(each_database: str) -> None:
    with connected(each_database) as connection:
        migrator = items(connection)
        connection.execute(
            'CREATE VIEW public."so%me" AS SELECT id FROM public.items;'
            " CREATE MATERIALIZED VIEW public.total AS SELECT count(*) FROM public.items"
        )
        migrator.adopt(Version("v1", "100% v1", "public"))
        with psycopg.connect(each_database, user="100% v1", autocommit=True) as user:
            user.execute(b'INSERT INTO "so%me" VALUES (1)')
            assert user.execute("SELECT * FROM total").fetchall() == [(0,)]
            fence(connection, Version("v1", "100% v1", "public"))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                user.execute(b'INSERT INTO "so%me" VALUES (2)')
            assert user.execute(b'SELECT * FROM "so%me"').fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("before", "schema", "path"),
    [
        ("", "public", "public_v1, public"),
        ("", "app", "app_v1, app, public"),
        ("CREATE ROLE shop_v1 LOGIN; ALTER ROLE shop_v1 SET search_path = app, tools, public", "app",
         "app_v1, app, tools, public"),
        ("CREATE ROLE shop_v1 LOGIN; ALTER ROLE shop_v1 SET search_path = ''", "app", "app_v1, app"),
        ("DATABASE", "public", 'public_v1, public, "a%b", "$user"'),
    ],
)  # fmt: skip
def test_what_was_looked_in_before_comes_behind(database: str, before: str, schema: str, path: str) -> None:
    with connected(database) as connection:
        if before == "DATABASE":
            name = connection.info.dbname
            before = f'ALTER DATABASE "{name}" SET search_path = "a%b", "$user"'
        connection.execute(sql(before or "SELECT 1"))
        migrator = items(connection, schema)
        for _ in range(2):
            migrator.adopt(Version("v1", "shop_v1", schema))
            with psycopg.connect(database, user="shop_v1") as user:
                row = user.execute("SHOW search_path").fetchone()
                assert row is not None
                assert row[0] == path


def test_policies_that_are_for_others_are_told_with_what_lets_the_version_in(database: str) -> None:
    with connected(database) as connection:
        migrator = items(connection)
        connection.execute(
            "CREATE ROLE app; ALTER TABLE public.items ENABLE ROW LEVEL SECURITY;"
            " CREATE POLICY mine ON public.items TO app USING (true); INSERT INTO public.items VALUES (1, 'a')"
        )
        migrator.adopt(V1)
        (said,) = excluding_policies(connection, V1)
        assert said.startswith("shop_v1 sees no row of items: the row-level policy mine there is for app alone")
        connection.execute(sql(said.rsplit(": ", 1)[1]))
        assert excluding_policies(connection, V1) == ()
        with psycopg.connect(database, user=V1.role) as user:
            assert user.execute("SELECT id FROM items").fetchall() == [(1,)]


def test_an_ended_role_is_dropped_as_the_documentation_says_also_by_no_superuser(each_database: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
    match = re.search(r'`(GRANT "shop_v1", .*?DROP ROLE.*?)`', text, re.DOTALL)
    assert match
    with connected(each_database) as connection:
        name = connection.info.dbname
        connection.execute(sql(f'CREATE ROLE hand LOGIN CREATEROLE; GRANT CREATE ON DATABASE "{name}" TO hand'))
        connection.execute('GRANT SET ON PARAMETER "abreast.version" TO hand; GRANT ALL ON SCHEMA public TO hand')
        connection.execute("CREATE TABLE public.items (id int PRIMARY KEY, name text)")
        connection.execute("ALTER TABLE public.items OWNER TO hand")
    with connected(make_conninfo(each_database, user="hand")) as connection:
        migrator = Migrator(connection, turn_s=0.0, sleep=lambda _: None)
        migrator.expand(migrator.plan("public", read_migration("m.yaml", SLUG).operations, V1, V2), V2)
        migrator.contract("public", V1, 0.0)
        connection.execute(sql(match[1]))
        found = connection.execute("SELECT count(*) FROM pg_roles WHERE starts_with(rolname, 'shop_v1')").fetchone()
        assert found == (0,)


LOOKUP = """operations:
- add_column: {table: items, column: {name: country, type: text, nullable: true},
               up: "(SELECT c.label || ref.f() FROM ref.country c WHERE c.code = name)"}
- add_column: {table: items, column: {name: nr, type: serial}}"""


def test_expressions_that_a_version_may_not_use_are_refused_with_the_grants(each_database: str) -> None:
    with connected(each_database) as connection:
        migrator = items(connection)
        connection.execute(
            "CREATE SCHEMA ref; CREATE TABLE ref.country (code text PRIMARY KEY, label text);"
            " INSERT INTO ref.country VALUES ('de', 'Germany'); CREATE FUNCTION ref.f() RETURNS text LANGUAGE sql"
            " IMMUTABLE RETURN '!'; REVOKE EXECUTE ON FUNCTION ref.f() FROM PUBLIC; CREATE ROLE app LOGIN;"
            " GRANT USAGE ON SCHEMA ref TO app; GRANT SELECT ON ref.country TO app;"
            " GRANT EXECUTE ON FUNCTION ref.f() TO app; GRANT INSERT, SELECT ON public.items TO app"
        )
        migrator.adopt(V1)
        operations = read_migration("m.yaml", LOOKUP).operations
        with pytest.raises(RefusedError, match=r"shop_v1: ref.country; shop_v1: ref.f\(\); shop_v2: ref.c") as raised:
            migrator.plan("public", operations, V1, V2)
        connection.execute(sql(raised.value.remedy.split(": ", 1)[1]))
        migrator.expand(migrator.plan("public", operations, V1, V2), V2)
        for number, role in enumerate((V1.role, V2.role, "app")):
            with psycopg.connect(each_database, user=role) as user:
                user.execute("INSERT INTO items (id, name) VALUES (%s, 'de')", [number])
        found = connection.execute("SELECT id, country, nr FROM public_v2.items ORDER BY id").fetchall()
        assert found == [(0, "Germany!", 1), (1, None, 2), (2, "Germany!", 3)]
