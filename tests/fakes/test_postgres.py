"""The servers of tests themselves: what one test leaves behind, the next does not meet."""

import subprocess
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.fakes.postgres import MAJORS, NEWEST, QUICK, Databases, Servers, wait_for_end


def everything(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database UNION ALL SELECT slot_name FROM pg_replication_slots"
            " UNION ALL SELECT roname FROM pg_replication_origin UNION ALL SELECT rolname FROM pg_roles"
            " WHERE rolname !~ '^pg_' ORDER BY 1"
        ).fetchall()
    return [name for (name,) in rows]


@pytest.mark.parametrize("major", MAJORS)
def test_databases_slots_origins_and_roles_are_gone_even_while_they_are_used(servers: Servers, major: int) -> None:
    servers.clean()
    first, second = servers.new_database(major), servers.new_database(major)
    with psycopg.connect(first, autocommit=True) as one, psycopg.connect(second, autocommit=True) as two:
        one.execute('CREATE ROLE "v 1" LOGIN')
        for session in (one, two):
            session.execute('CREATE TABLE kept AS SELECT 1; ALTER TABLE kept OWNER TO "v 1"')
        one.execute(
            'CREATE ROLE v2; GRANT "v 1" TO v2; ALTER DEFAULT PRIVILEGES FOR ROLE v2 GRANT SELECT ON TABLES TO v2'
        )
        one.execute("SELECT pg_create_logical_replication_slot('captured', 'pgoutput')")
        one.execute("SELECT pg_replication_origin_create('applied')")
        servers.clean()
        assert everything(servers[major].url()) == ["postgres", "postgres", "template0", "template1"]


def test_a_server_that_a_test_ended_is_there_for_the_next(servers: Servers) -> None:
    servers[NEWEST].stop()
    servers.clean()
    assert everything(servers.new_database())


def test_two_databases_of_one_test_are_two(databases: Databases) -> None:
    with psycopg.connect(databases()) as one, psycopg.connect(databases()) as two:
        assert one.info.dbname != two.info.dbname


def test_each_database_is_on_its_own_major(each_database: str, request: pytest.FixtureRequest) -> None:
    with psycopg.connect(each_database) as connection:
        assert f"[pg{connection.info.server_version // 10000}]" in request.node.name


def test_servers_of_a_killed_worker_are_swept_away(servers: Servers) -> None:
    with subprocess.Popen(["true"]) as worker:
        worker.wait()
    home = Path(tempfile.gettempdir()) / f"abpg-{worker.pid}-{NEWEST}"
    made = servers[NEWEST]
    orphan = type(made).create(home, made.binaries, QUICK)
    orphan.start()
    pid = orphan.pid()
    assert pid is not None
    server = psutil.Process(pid)
    Servers(servers.binaries)
    assert not home.exists()
    assert made.pid() is not None
    wait_for_end(server)
