"""The full sweep: two sides, in one database or two, compared whole in about the time it takes to read the larger.

Only reads: each side in one REPEATABLE READ snapshot (the same one where both are in one database), through its own
connection, both at once. What is found between two databases are suspects: rows on their way count. See ``settle``.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, TypeVar

import psycopg

from abreast.model.errors import RefusedError
from abreast.postgres.connection import Connection, connected, sql
from abreast.postgres.keyed_rows import KeyedRows, differences
from abreast.schema.digest import (
    BUCKET_ROWS,
    Algorithm,
    Difference,
    Entry,
    Key,
    Source,
    bucket_count,
    buckets_sql,
    differing_buckets,
    differing_keys,
    entries_sql,
)

Progress = Callable[[int, int], None]
"""Takes the rows digested so far and how many the planner expects, of both sides together; one call at a time."""

LIMIT: Final = 1000
LOCK_TIMEOUT: Final = "2s"
HALT_S: Final = 0.2
SLICES_MAX: Final = 50
SLICE_PAGES_MIN: Final = 1024
FETCHED_ROWS: Final = 2000
Result = TypeVar("Result")


@dataclass(frozen=True)
class Side:
    """One side of a comparison. ``search_path`` is what the source's own functions need beyond ``pg_catalog``."""

    url: str
    source: Source
    search_path: str = "pg_catalog"


@dataclass(frozen=True)
class Scan:
    """What a sweep found. ``more``: there are differences beyond the limit. ``rows``: of the left and right side."""

    differences: tuple[Difference, ...]
    more: bool
    rows: tuple[int, int]
    buckets: int
    differing_buckets: int
    algorithm: Algorithm


def scan(
    left: Side,
    right: Side,
    *,
    limit: int = LIMIT,
    bucket_rows: int = BUCKET_ROWS,
    statement_timeout_s: int = 600,
    progress: Progress = lambda _done, _expected: None,
) -> Scan:
    """Compare the sides; at most ``limit`` differences, in no particular order.

    RefusedError where a key is NULL or not unique, DatabaseError where a server does not let it be read in time.
    """
    with _both(left, right, statement_timeout_s) as both:
        algorithm = _algorithm(both)
        estimates = both.each(_estimate)
        buckets = bucket_count(max(estimates), bucket_rows)
        count = _Count(sum(estimates), progress)
        sums = both.each(lambda rows: _sums(rows, buckets, algorithm, count, both.halted))
        wanted = differing_buckets(*sums)
        # Each bucket holds a difference at least: none is needed beyond the limit.
        keys = _differing(both, buckets, algorithm, wanted[:limit], limit + 1) if wanted else []
        more = len(wanted) > limit or len(keys) > limit
        found = differences(both.left, both.right, keys[:limit])
    total = [sum(rows for rows, _ in side.values()) for side in sums]
    return Scan(found, more, (total[0], total[1]), buckets, len(wanted), algorithm)


class _Count:
    """Adds up the rows of both sides' threads."""

    def __init__(self, expected: int, progress: Progress) -> None:
        self._done = 0
        self._expected = expected
        self._progress = progress
        self._lock = threading.Lock()

    def add(self, rows: int) -> None:
        with self._lock:
            self._done += rows
            self._progress(self._done, max(self._expected, self._done))


@dataclass(frozen=True)
class _Both:
    left: KeyedRows
    right: KeyedRows
    pool: ThreadPoolExecutor
    halted: threading.Event

    def each(self, work: Callable[[KeyedRows], Result]) -> tuple[Result, Result]:
        """Do the work on both sides at once. When one fails, or the person gives up, nobody waits for the rest."""
        one, other = self.pool.submit(work, self.left), self.pool.submit(work, self.right)
        try:
            wait((one, other), return_when=FIRST_EXCEPTION)
            for side in sorted((one, other), key=lambda side: not side.done()):
                side.result()
            return one.result(), other.result()
        finally:
            # Again and again: a side that is between two statements does not hear it.
            while wait((one, other), HALT_S).not_done:
                self.halted.set()
                for rows in (self.left, self.right):
                    with suppress(psycopg.Error):
                        rows.connection.cancel_safe()


@contextmanager
def _both(left: Side, right: Side, statement_timeout_s: int) -> Iterator[_Both]:
    settings = {
        "statement_timeout": f"{statement_timeout_s:d}s",
        "lock_timeout": LOCK_TIMEOUT,
        "idle_in_transaction_session_timeout": "0",  # the quicker side waits for the other
    }
    with (
        connected(left.url, **settings, search_path=left.search_path) as one,
        connected(right.url, **settings, search_path=right.search_path) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        _begin(one, other, shared=left.url == right.url)
        yield _Both(KeyedRows(one, left.source), KeyedRows(other, right.source), pool, threading.Event())


def _begin(one: Connection, other: Connection, *, shared: bool) -> None:
    for connection in (one, other):
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    if shared:
        snapshot = _value(one, "SELECT pg_export_snapshot()")
        other.execute(sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'"))
    else:
        for connection in (one, other):
            connection.execute("SELECT pg_current_snapshot()")  # the first statement takes it: both at about one time


def _algorithm(both: _Both) -> Algorithm:
    """The quick hash where both servers are seen to have the same one over the same bytes."""
    query = (
        "SELECT concat_ws(' ', current_setting('server_version_num')::int / 10000, "
        "current_setting('server_encoding'), hashtextextended('two versions, one truth', 0))"
    )
    one, other = (_value(rows.connection, query) for rows in (both.left, both.right))
    return Algorithm.HASH if one == other else Algorithm.MD5


def _estimate(rows: KeyedRows) -> int:
    """How many rows the planner expects: enough to choose a number of buckets by."""
    plan = _value(rows.connection, f"EXPLAIN (FORMAT JSON) SELECT FROM {rows.source.rows} AS t")
    return int(plan[0]["Plan"]["Plan Rows"])


def _sums(
    rows: KeyedRows, buckets: int, algorithm: Algorithm, count: _Count, halted: threading.Event
) -> dict[int, tuple[int, int]]:
    """(count, sum of digests) by bucket, slice by slice of the table so that something can be told meanwhile."""
    sums: dict[int, tuple[int, int]] = {}
    for pages in _slices(rows):
        if halted.is_set():
            break
        done = 0
        query = buckets_sql(rows.source, buckets, algorithm, pages)
        for bucket, counted, digest in rows.connection.execute(sql(query)):
            if bucket is None:
                raise RefusedError(
                    f"{counted} rows of {rows.source.rows} have NULL in their key ({', '.join(rows.source.key)})",
                    "compare by columns that are unique and never NULL",
                )
            before = sums.get(bucket, (0, 0))
            sums[bucket] = (before[0] + counted, before[1] + int(digest))
            done += counted
        count.add(done)
    return sums


def _slices(rows: KeyedRows) -> list[tuple[int, int | None] | None]:
    """Ranges of pages that cover the table, the last one open; no range where there is nothing to slice."""
    if rows.source.relation is None:
        return [None]
    size = _value(
        rows.connection,
        "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int",
        rows.source.relation.sql,
    )
    step = max(SLICE_PAGES_MIN, -(-size // SLICES_MAX))
    starts = list(range(0, size, step))
    return list(zip(starts, [*starts[1:], None], strict=True)) if size > step else [None]


def _differing(both: _Both, buckets: int, algorithm: Algorithm, wanted: list[int], most: int) -> list[Key]:
    """Keys of the wanted buckets that differ; a few thousand rows in memory at a time."""

    def opened(rows: KeyedRows) -> Iterator[Entry]:
        cursor = one if rows is both.left else other
        cursor.itersize = FETCHED_ROWS
        cursor.execute(sql(entries_sql(rows.source, buckets, algorithm, wanted)))
        # The first fetch is the one that reads and sorts.
        return _unique(rows.source, chain(cursor.fetchmany(FETCHED_ROWS), cursor))

    with both.left.connection.cursor(name="left") as one, both.right.connection.cursor(name="right") as other:
        return list(islice(differing_keys(*both.each(opened)), most))


def _unique(source: Source, rows: Iterator[tuple[Any, ...]]) -> Iterator[Entry]:
    last = None
    for bucket, text, key, digest in rows:
        if text == last:
            raise RefusedError(
                f"{source.rows} has more than one row with {', '.join(source.key)} = {', '.join(key)}",
                "compare by columns that are unique together",
            )
        last = text
        yield Entry(bucket, text, tuple(key), digest)


def _value(connection: Connection, query: str, *parameters: str) -> Any:  # noqa: ANN401 - whatever the one column is
    row = connection.execute(sql(query), parameters or None).fetchone()
    return row[0] if row else None
