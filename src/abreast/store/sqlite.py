"""The store in one SQLite file: durable after every write, and never waited for by the event loop.

All statements run in one thread of the store's own, so a slow disk or a lock holds up only who asked. The file
is in WAL mode with ``synchronous=FULL``: what `SqliteStore.save` has returned survives kill -9 and power loss.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from abreast.model.errors import StoreError
from abreast.model.event import Event
from abreast.model.rollout import Rollout
from abreast.ports import VersionCounts
from abreast.store import rows
from abreast.store.faults import damaged, explained
from abreast.store.schema import bring_up_to_date

KEEP_COUNTS_S: Final = 30 * 86_400.0
"""Counts per minute are kept this long: a month of looking back; events stay for ever."""

LOCK_WAIT_S: Final = 5.0
"""How long to wait for another process that has the file locked, such as a backup."""

APPLICATION_ID: Final = 0x61627265
"""Marks the file as a store of abreast's (``abre``); SQLite keeps it in the header for such marks."""

T = TypeVar("T")


class SqliteStore:
    """`abreast.ports.Store` over SQLite; made by `open_store`."""

    def __init__(self, path: Path, engine: Engine, thread: ThreadPoolExecutor, keep_counts_s: float) -> None:
        self._path = path
        self._engine = engine
        self._thread = thread
        self._keep_minutes = int(keep_counts_s // 60)
        self._closed = False

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    async def load(self, service: str) -> Rollout | None:
        """The newest rollout of the service. Raises StoreError, StoreCorruptError."""
        return await self.transact(lambda connection: rows.newest_rollout(connection, service))

    async def save(self, rollout: Rollout, events: Iterable[Event]) -> Rollout:
        """Write the rollout by compare-and-set, and its events, in one transaction: all or nothing.

        Only the newest rollout of a service can be written, or the one that follows it begun. Raises
        ConflictError when somebody else wrote in between, StoreError when nothing could be written.
        """
        listed = tuple(events)
        return await self.transact(lambda connection: rows.save_rollout(connection, rollout, listed), write=True)

    async def events(self, service: str, *, limit: int = 1000, after: int = 0) -> Sequence[tuple[int, Event]]:
        """The newest ``limit`` events with ids above ``after``, oldest first, each with its id."""
        return await self.transact(lambda connection: rows.newest_events(connection, service, limit, after))

    async def history(self, service: str) -> Sequence[Rollout]:
        """Every rollout of the service, oldest first, each in its last state."""
        return await self.transact(lambda connection: rows.all_rollouts(connection, service))

    async def add_counts(self, service: str, minute: int, counts: Mapping[str, VersionCounts]) -> None:
        """Add to the stored counts of that minute; drops a few minutes that are past keeping."""
        await self.transact(
            lambda connection: rows.add_counts(connection, service, minute, counts, keep_minutes=self._keep_minutes),
            write=True,
        )

    async def counts(self, service: str, since_minute: int) -> Sequence[tuple[int, str, VersionCounts]]:
        """Stored counts from that minute on: (minute, version, counts), oldest first."""
        return await self.transact(lambda connection: rows.counts_since(connection, service, since_minute))

    async def secret(self, name: str, fresh: str) -> str:
        """The secret of that name; ``fresh`` is stored and returned if there is none yet."""
        return await self.transact(lambda connection: rows.secret(connection, name, fresh), write=True)

    async def close(self) -> None:
        """Finish what was asked for before, then release the file; closing twice does nothing more."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
            self._thread.shutdown()

    async def transact(self, work: Callable[[Connection], T], *, write: bool = False) -> T:
        """Wait for one transaction in the store's thread. Cancelling the wait does not undo a begun one."""
        if self._closed:
            raise StoreError(f"{self._path}: the store is closed", "start abreast again: abreast up")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work, write)

    def _transact(self, work: Callable[[Connection], T], write: bool) -> T:
        with (
            explained(self._path),
            self._engine.connect().execution_options(write=write) as connection,
            connection.begin(),
        ):
            return work(connection)


async def open_store(path: Path, *, keep_counts_s: float = KEEP_COUNTS_S) -> SqliteStore:
    """Open the store at ``path``, made if there is none, checked and brought up to date if there is one.

    Raises StoreCorruptError when the file is damaged or not abreast's, StoreError when it cannot be read or
    written or a newer abreast wrote it; in none of these cases is the file changed.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="abreast-store")
    with ExitStack() as undo:
        undo.callback(thread.shutdown, wait=False)
        engine = await asyncio.get_running_loop().run_in_executor(thread, _open, path)
        undo.pop_all()
    return SqliteStore(path, engine, thread, keep_counts_s)


def _open(path: Path) -> Engine:
    with ExitStack() as undo:
        undo.enter_context(explained(path))
        _make_private(path)
        engine = create_engine(URL.create("sqlite", database=str(path)), pool_size=1, max_overflow=0)
        undo.callback(engine.dispose)
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
        with engine.connect().execution_options(write=True) as connection:
            with connection.begin():
                _check(connection, path)
            # Impossible inside a transaction, and not to be done before the file is known to be abreast's.
            raw = connection.connection.dbapi_connection
            if raw is not None:
                raw.execute("PRAGMA journal_mode = WAL")
            with connection.begin():
                if connection.exec_driver_sql("PRAGMA application_id").scalar() != APPLICATION_ID:
                    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
                bring_up_to_date(connection)
        undo.pop_all()
    return engine


def _make_private(path: Path) -> None:
    """Secrets are inside: only the owner may read the file (SQLite gives its -wal and -shm the same mode)."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _check(connection: Connection, path: Path) -> None:
    mark = connection.exec_driver_sql("PRAGMA application_id").scalar()
    tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
    if mark != APPLICATION_ID and (mark or tables):
        raise damaged(path, "it is an SQLite database of something else")
    found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check(3)")]
    if found != ["ok"]:
        raise damaged(path, "; ".join(found))


def _set_up(raw: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # Python's sqlite3 would begin transactions at moments of its own choice, and never for DDL.
    raw.isolation_level = None
    raw.execute(f"PRAGMA busy_timeout = {round(LOCK_WAIT_S * 1000)}")
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    # A write that began as a read could be refused when it comes to writing; so it waits for its turn first.
    immediate = connection.get_execution_options().get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
