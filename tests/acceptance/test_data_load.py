"""Two hundred thousand rows migrate under load: no error, no deadlock, no wait longer than twice the lock time-out."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from abreast.postgres.binaries import find_binaries
from abreast.postgres.launcher import Cluster
from tests.postgres.data_load import LONGEST_MS, migrate_under_load

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]


@pytest.fixture(params=[15, 16, 18], ids=["pg15", "pg16", "pg18"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    major: int = request.param
    made = Cluster.create(tmp_path / "pg", find_binaries(os.environ, major), {"jit": "off"})
    made.start()
    yield made
    made.remove()


def test_nobody_notices_a_migration_of_many_rows(cluster: Cluster) -> None:
    told = migrate_under_load(cluster.url(), cluster.home / "log", rows=200_000, spell_s=3.0, tell=print)

    print(
        f"PostgreSQL {cluster.binaries.major}: {told.statements:,} statements, {len(told.errors)} errors, "
        f"{told.deadlocks} deadlocks, {len(told.waits)} waits for locks over {LONGEST_MS} ms; "
        f"the client waited {told.longest_ms:.0f} ms at most, p99 {told.p99_ms:.1f} ms"
    )
    assert told.errors == ()
    assert told.deadlocks == 0
    assert told.waits == ()
    assert told.counted == told.stock > 5000
    assert (told.divergent, told.unlike) == (0, 0)
