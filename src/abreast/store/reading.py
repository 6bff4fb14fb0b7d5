"""A store read while control planes run on it, or none does: nothing is written, nobody waits."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, event, inspect
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, StaticPool

from abreast.model.errors import StoreError
from abreast.store.faults import damaged, explained
from abreast.store.postgresql import SCHEMA, Address, Patience, connect
from abreast.store.postgresql_faults import ServerFaults
from abreast.store.sqlite import APPLICATION_ID, LOCK_WAIT_S
from abreast.store.tables import EVENTS, EVIDENCE, ROLLOUTS, TICKS

_NEEDED: Final = (ROLLOUTS, EVENTS, TICKS, EVIDENCE)

READING: Final = Patience(300.0, 5.0, 60.0)
"""A long record takes a while, and holds no server up."""

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


@contextmanager
def reading_server(address: Address) -> Iterator[Connection]:
    """One view of the store that servers share, as it was at the first statement; a role that may only read is enough.

    Raises StoreError where there is none or it is not reached, or an older abreast wrote it; StoreCorruptError.
    """
    engine = create_engine("postgresql+psycopg://", creator=lambda: connect(address, READING), poolclass=NullPool)
    one_view = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with (
        ServerFaults(address.name).explained(),
        engine.connect().execution_options(**one_view) as connection,
        connection.begin(),
    ):
        there = inspect(connection).get_table_names(SCHEMA)
        if not there:
            message = f"{address.name} has no store of a fleet: there is nothing in the schema {SCHEMA}"
            raise StoreError(message, "name in --store what the servers are told there")
        _require_tables(there, address.name, "abreast server")
        # A schema that the role may not use is passed over as if it had no tables, unless it is named.
        connection.exec_driver_sql(f"SELECT FROM {SCHEMA}.{ROLLOUTS.name} LIMIT 1")
        yield connection


def _require_known(connection: Connection, path: Path) -> None:
    if connection.exec_driver_sql("PRAGMA application_id").scalar() != APPLICATION_ID:
        raise damaged(path, "it is an SQLite database of something else")
    _require_tables(inspect(connection).get_table_names(), str(path), "abreast up")


def _require_tables(there: Sequence[str], name: str, verb: str) -> None:
    missing = [table.name for table in _NEEDED if table.name not in there]
    if missing:
        message = (
            f"{name} has no {', '.join(missing)}: an older abreast wrote it, which recorded nothing to decide anew"
        )
        raise StoreError(message, f"run: {verb} (it brings the store up to date); rollouts from then on are recorded")


def _set_up(raw: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    raw.isolation_level = None
    raw.execute(f"PRAGMA busy_timeout = {round(LOCK_WAIT_S * 1000)}")
