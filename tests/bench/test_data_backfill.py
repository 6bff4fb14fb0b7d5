"""A backfill under an application: all rows are filled, the application fails at nothing, and is timed."""

import time

import pytest

from abreast.bench.data_backfill import Application, Filling, filling
from abreast.postgres.connection import connected


def test_an_application_meets_the_backfill_and_fails_at_nothing(database: str) -> None:
    with connected(database) as connection:
        found = filling(connection, database, 3000, 0.2)
        left = connection.execute("SELECT count(*) FROM bench_fill.products WHERE _abreast_price IS NULL").fetchone()

    assert left == (0,)
    assert (found.rows, found.failed) == (3000, 0)
    assert found.rows_per_s > 300
    assert found.before_p99_ms > 0
    assert found.during_p99_ms > 0


def test_what_the_application_fails_at_is_counted_and_still_timed(database: str) -> None:
    deadline = time.monotonic() + 10
    with Application(database, "postgres", 10) as application:
        while application.failed < 3:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    assert len(application.latencies_s) == application.failed


def test_p99_is_of_the_statements_that_ended_meanwhile() -> None:
    application = Application("", "", 1)
    application.latencies_s = [(float(n), n / 1000) for n in range(1, 201)]

    assert application.p99_ms(1, 100) == pytest.approx(100.0)
    assert application.p99_ms(101, 200) == pytest.approx(200.0)
    assert application.p99_ms(300, 400) == 0.0


def test_the_ratio_says_how_many_times_as_long() -> None:
    assert Filling(1, 1.0, 2.0, 3.0, 0).p99_ratio == 1.5
