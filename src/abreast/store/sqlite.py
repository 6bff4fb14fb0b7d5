"""The store in one SQLite file: durable after every write, and never waited for by the event loop.

All statements run in one thread of the store's own, so a slow disk or a lock holds up only who asked. The file
is in WAL mode with ``synchronous=FULL``: what `SqlStore.save` has returned survives kill -9 and power loss.
"""

import asyncio
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from abreast.model.errors import StoreCorruptError, StoreError
from abreast.store.faults import damaged, explained
from abreast.store.schema import bring_up_to_date
from abreast.store.sql import KEEP_COUNTS_S, SqlStore
from abreast.store.transactions import Transactions

LOCK_WAIT_S: Final = 5.0
"""How long to wait for another process that has the file locked, such as a backup."""

APPLICATION_ID: Final = 0x61627265
"""Marks the file as a store of abreast's (``abre``); SQLite keeps it in the header for such marks."""


@dataclass(frozen=True)
class FileFaults:
    """`abreast.store.transactions.Faults` of the file at ``path``."""

    path: Path

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self.path)

    def explained(self) -> AbstractContextManager[None]:
        """Turns whatever the file runs into into a StoreError or a StoreCorruptError."""
        return explained(self.path)

    def damaged(self, what: str) -> StoreCorruptError:
        """What is in the file makes no sense."""
        return damaged(self.path, what)

    def away(self, error: StoreError) -> bool:  # noqa: ARG002  # a file is asked again each time: that costs nothing
        """Never: a file is not far."""
        return False


async def open_store(path: Path, *, keep_counts_s: float = KEEP_COUNTS_S) -> SqlStore:
    """Open the store at ``path``, made if there is none, checked and brought up to date if there is one.

    Raises StoreCorruptError when the file is damaged or not abreast's, StoreError when it cannot be read or
    written or a newer abreast wrote it; in none of these cases is the file changed.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="abreast-store")
    with ExitStack() as undo:
        undo.callback(thread.shutdown, wait=False)
        engine = await asyncio.get_running_loop().run_in_executor(thread, _open, path)
        undo.pop_all()
    return SqlStore(Transactions(engine, FileFaults(path), thread), keep_counts_s)


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
