"""A role and a schema of views are one version's: whoever would take them for another is refused."""

import psycopg
import pytest

from abreast.model.errors import RefusedError
from abreast.postgres.belonging import refuse_others_role, refuse_strangers
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
