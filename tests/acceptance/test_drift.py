"""Ten planted differences in a million rows are found, exactly those, within three seconds."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from abreast.postgres.binaries import find_binaries
from abreast.postgres.launcher import Cluster
from abreast.postgres.scan import scan
from tests.postgres.planted import fill, plant, told

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

ROWS = 1_000_000
LONGEST_S = 3.0
RUNS = 3


@pytest.fixture
def cluster(short_tmp: Path) -> Iterator[Cluster]:
    """A server with its default settings, but for the time that a crash-safe filling would take."""
    made = Cluster.create(short_tmp / "pg", find_binaries(os.environ), {"fsync": "off"})
    made.start()
    yield made
    made.remove()


def test_ten_differences_in_a_million_rows(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE stable")
        connection.execute("CREATE DATABASE candidate")
    left, right = fill(cluster.url("stable"), ROWS), fill(cluster.url("candidate"), ROWS)
    planted = plant(right.url, ROWS)
    times_s = []
    for _ in range(RUNS):
        began = time.monotonic()
        found = scan(left, right)
        times_s.append(time.monotonic() - began)
        assert told(found.differences) == planted
        assert (found.rows, found.more) == ((ROWS, ROWS), False)
    print(f"ten differences in {ROWS} rows: {', '.join(f'{each:.2f}' for each in times_s)} s")
    assert sorted(times_s)[RUNS // 2] <= LONGEST_S
