"""Servers and data that were there before: running, ending, killed, cut short, broken, somebody else's."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import psycopg
import pytest

from abreast.model.errors import DatabaseError
from abreast.postgres.launcher import Cluster
from tests.fakes.postgres import DEADLINE_S, NEWEST, ask, wait_for_end, write_row
from tests.postgres.conftest import NewCluster

ROOT = os.geteuid() == 0


def test_a_server_that_runs_is_adopted(new_cluster: NewCluster) -> None:
    new_cluster().start()
    again = new_cluster()
    pid = again.pid()
    again.start()
    assert again.pid() == pid is not None


def state(cluster: Cluster, text: str) -> None:
    """Let the server's file say that this is its state: in place, as the server does, for whoever reads just then."""
    with (cluster.home / "data" / "postmaster.pid").open("r+b") as file:
        before = file.read().splitlines(keepends=True)[:-1]
        file.seek(len(b"".join(before)))
        file.write(text.ljust(8).encode())


def test_a_server_that_is_still_starting_is_waited_for(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    cluster.start()
    pid = cluster.pid()
    state(cluster, "starting")
    later = threading.Timer(0.2, state, (cluster, "ready"))
    later.start()
    cluster.start()
    later.join()
    assert cluster.pid() == pid


@pytest.mark.parametrize("said", ["starting", "stopping"])
def test_a_server_that_is_ending_or_never_ready_is_replaced(new_cluster: NewCluster, said: str) -> None:
    cluster = new_cluster()
    cluster.start()
    pid = cluster.pid()
    state(cluster, said)
    cluster.start(timeout_s=1)
    assert cluster.pid() != pid
    assert ask(cluster.url(), "SELECT 1") == 1


def test_a_server_with_other_settings_is_started_again_with_these(new_cluster: NewCluster) -> None:
    new_cluster({"work_mem": "5MB"}).start()
    cluster = new_cluster({"work_mem": "6MB"})
    pid = cluster.pid()
    cluster.start()
    assert cluster.pid() != pid
    assert ask(cluster.url(), "SHOW work_mem") == "6MB"


def test_it_outlives_the_killed_one_who_started_it_and_is_found_again(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from abreast.postgres.binaries import Binaries; from abreast.postgres.launcher import Cluster\n"
        "home, programs, *settings = sys.argv[1:]\n"
        "settings = dict(text.split('=') for text in settings)\n"
        f"Cluster.create(Path(home), Binaries(Path(programs), {NEWEST}), settings).start()\n"
        "os.killpg(0, signal.SIGKILL)\n"
    )
    settings = [f"{name}={value}" for name, value in cluster.settings]
    argv = [sys.executable, "-c", program, str(cluster.home), str(cluster.binaries.directory), *settings]
    ended = subprocess.run(argv, start_new_session=True, check=False, timeout=DEADLINE_S)
    assert ended.returncode == -signal.SIGKILL
    pid = cluster.pid()
    assert pid is not None
    cluster.start()
    assert cluster.pid() == pid
    assert ask(cluster.url(), "SELECT 1") == 1


def test_a_killed_server_starts_again_with_what_was_committed(new_cluster: NewCluster) -> None:
    cluster = new_cluster({"synchronous_commit": "on"})
    cluster.start()
    write_row(cluster.url())
    busy = psycopg.connect(cluster.url(), autocommit=True)
    # A session that computes does not see its server's end, and keeps the data's shared memory.
    busy.pgconn.send_query(b"DO $$ BEGIN WHILE clock_timestamp() < now() + interval '1 s' LOOP END LOOP; END $$")
    pid = cluster.pid()
    assert pid is not None
    server = psutil.Process(pid)
    server.kill()
    wait_for_end(server)
    assert (cluster.home / "data" / "postmaster.pid").exists()
    assert cluster.pid() is None
    cluster.start()
    busy.close()
    assert ask(cluster.url(), "SELECT answer FROM kept") == 42


def test_another_process_with_the_number_of_a_dead_server_is_not_taken_for_it(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    account = cluster.account
    uid, gid = (account.uid, account.gid) if account.switched else (None, None)
    with subprocess.Popen(["sleep", "60"], cwd="/", user=uid, group=gid) as other:
        try:
            for left in ("data/postmaster.pid", "socket/.s.PGSQL.5432.lock"):
                (cluster.home / left).write_text(f"{other.pid}\n", encoding="utf-8")
            assert cluster.pid() is None
            cluster.start()
            assert ask(cluster.url(), "SELECT 1") == 1
            assert other.poll() is None
        finally:
            other.kill()


def test_broken_data_is_told_in_the_servers_words(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    (cluster.home / "data" / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseError, match=r"(?s)does not start:.*pg_control.*No such file"):
        cluster.start()


def test_data_of_another_major_and_data_of_none_are_refused(new_cluster: NewCluster) -> None:
    version = new_cluster().home / "data" / "PG_VERSION"
    version.write_text("14\n", encoding="ascii")
    with pytest.raises(DatabaseError, match=rf"made by PostgreSQL 14, and .* is {NEWEST}"):
        new_cluster()
    version.unlink()
    with pytest.raises(DatabaseError, match="not the data of a PostgreSQL: it has no PG_VERSION"):
        new_cluster()


def test_an_initdb_that_was_cut_short_is_done_again(new_cluster: NewCluster, cluster_home: Path) -> None:
    unfinished = new_cluster().home / "data"
    (unfinished / "global" / "pg_control").unlink()
    unfinished.rename(cluster_home / "data.new")
    new_cluster().start()
    assert not (cluster_home / "data.new").exists()
