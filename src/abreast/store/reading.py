"""A store read while a control plane runs on it, or none does: nothing is written, nobody waits."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, event, inspect
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from abreast.model.errors import StoreError
from abreast.store.faults import damaged, explained
from abreast.store.sqlite import APPLICATION_ID, LOCK_WAIT_S
from abreast.store.tables import EVENTS, EVIDENCE, ROLLOUTS, TICKS

_NEEDED: Final = (ROLLOUTS, EVENTS, TICKS, EVIDENCE)

HEADER: Final = b"SQLite format 3\0"
"""How every SQLite file begins: https://www.sqlite.org/fileformat.html."""


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """One view of the store at ``path``, as it was at the first statement.

    In WAL mode a reader neither waits for a writer nor holds one up (https://www.sqlite.org/wal.html). Raises
    StoreError where there is none, or an older abreast wrote it; StoreCorruptError.
    """
    if not path.is_file():
        raise StoreError(f"there is no store {str(path)!r}", "name a state directory, a store or a recording")
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(uri, uri=True), poolclass=StaticPool)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    try:
        with explained(path), engine.connect() as connection, connection.begin():
            _require_known(connection, path)
            yield connection
    finally:
        engine.dispose()


def _require_known(connection: Connection, path: Path) -> None:
    if connection.exec_driver_sql("PRAGMA application_id").scalar() != APPLICATION_ID:
        raise damaged(path, "it is an SQLite database of something else")
    there = set(inspect(connection).get_table_names())
    missing = [table.name for table in _NEEDED if table.name not in there]
    if missing:
        message = (
            f"{path} has no {', '.join(missing)}: an older abreast wrote it, which recorded nothing to decide anew"
        )
        raise StoreError(
            message, "run: abreast up (it brings the store up to date); rollouts from then on are recorded"
        )


def _set_up(raw: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    raw.isolation_level = None
    raw.execute(f"PRAGMA busy_timeout = {round(LOCK_WAIT_S * 1000)}")
