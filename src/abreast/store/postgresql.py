"""The store on a PostgreSQL that several servers share.

All tables are in the schema `SCHEMA`. Writers come one after the other, as in SQLite, by an advisory lock that each
write takes: so what is read within a write stays true until it is done, whichever server writes. A server that stands
still in a transaction is cut off after `STILL_S`, and holds nobody up for longer.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from abreast.model.errors import UsageError
from abreast.model.spec_variables import replaced
from abreast.store.postgresql_faults import ServerFaults
from abreast.store.schema import bring_up_to_date
from abreast.store.sql import KEEP_COUNTS_S, SqlStore
from abreast.store.transactions import Transactions

SCHEMA: Final = "abreast_store"
"""Not ``abreast``, which is the data side's own in a service's database: both may be in one."""

WRITERS: Final = 0x61627265
"""The advisory lock of all writers (``abre``)."""

CONNECT_S: Final = 5
STILL_S: Final = 2.0

_FORM: Final = "such as: postgresql://abreast:${STORE_PASSWORD}@db.example.com/abreast?sslmode=verify-full"


@dataclass(frozen=True)
class Patience:
    """The longest that the server lets a statement take, a lock be waited for, a transaction stand still; seconds."""

    statement_s: float = 10.0
    lock_s: float = 5.0
    still_s: float = STILL_S


MIGRATING: Final = Patience(300.0, 300.0, 60.0)
"""Another server may be migrating: it is waited for."""


@dataclass(frozen=True)
class Address:
    """Where the store is, by libpq's names; ``name`` is what people are shown."""

    parts: Mapping[str, str]
    name: str

    @classmethod
    def of(cls, text: str, environment: Mapping[str, str]) -> "Address":
        """The address of ``postgresql://…``, with ``${NAME}`` replaced from the environment.

        Where no ``sslmode`` is said and the server is not on this machine, its certificate is verified. Raises
        UsageError, which never quotes what may be the password.
        """
        url, problems = replaced(text, "--store", environment)
        if problems:
            message = "; ".join(message for message, _ in problems)
            raise UsageError(message, "; ".join(remedy for _, remedy in problems))
        if not url.startswith(("postgresql://", "postgres://")):
            raise UsageError("--store: that is no address of a PostgreSQL", _FORM)
        try:
            parts: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            message = "--store: PostgreSQL does not understand that address"
            raise UsageError(message, f"write signs like @ or / in a part as %40, %2F; {_FORM}") from None
        host = parts.get("host") or parts.get("hostaddr") or "the local socket"
        if "sslmode" not in parts and not _local(host):
            parts["sslmode"] = "verify-full"
        port = f":{parts['port']}" if parts.get("port") else ""
        return cls(parts, f"{parts.get('dbname') or 'the default database'} at {host}{port}")


def _local(host: str) -> bool:
    """Whether the bytes stay on this machine: a socket, or loopback."""
    if host == "the local socket" or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Server:
    """An open store; ``lease`` has a connection and a thread of its own, so that no write holds a renewal up."""

    store: SqlStore
    lease: Transactions
    name: str

    async def close(self) -> None:
        """Let both go."""
        await self.lease.close()
        await self.store.close()


async def open_server(address: Address, *, keep_counts_s: float = KEEP_COUNTS_S) -> Server:
    """Open the store, made if there is none and the role may, and brought up to date.

    Several servers may open it at once: one migrates, the others wait for it. Raises StoreError.
    """
    faults = ServerFaults(address.name)
    threads = [ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"abreast-{name}") for name in ("store", "lease")]
    with ExitStack() as undo:
        for thread in threads:
            undo.callback(thread.shutdown, wait=False)
        await asyncio.get_running_loop().run_in_executor(threads[0], _prepare, address, faults)
        undo.pop_all()
    store, lease = (Transactions(_engine(address), faults, thread) for thread in threads)
    return Server(SqlStore(store, keep_counts_s), lease, address.name)


def _prepare(address: Address, faults: ServerFaults) -> None:
    """Make the schema if it is not there, and run the migrations that it has not seen."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: connect(address, MIGRATING), poolclass=NullPool)
    with faults.explained(), engine.begin() as connection:
        _take_turn(connection)
        there = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s"
        # Asked first: CREATE SCHEMA IF NOT EXISTS wants the right to make one even where it is there.
        if connection.exec_driver_sql(there, (SCHEMA,)).first() is None:
            connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        bring_up_to_date(connection)


def _engine(address: Address) -> Engine:
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(address, Patience()),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,  # a server that was restarted meanwhile is met anew, unseen
    )
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("write"):
        _take_turn(connection)


def _take_turn(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (WRITERS,))


def connect(address: Address, patience: Patience) -> psycopg.Connection[Any]:
    """A connection to the store, outside any pool. Raises psycopg.Error."""
    return psycopg.connect(connection_words(address, patience))


def connection_words(address: Address, patience: Patience) -> str:
    """The address with what every connection of a server's needs, for psycopg."""
    settings = {
        "search_path": SCHEMA,
        "statement_timeout": f"{patience.statement_s:g}s",
        "lock_timeout": f"{patience.lock_s:g}s",
        "idle_in_transaction_session_timeout": f"{patience.still_s:g}s",
    }
    options = " ".join([address.parts.get("options", ""), *(f"-c {name}={value}" for name, value in settings.items())])
    defaults = {
        "connect_timeout": str(CONNECT_S),
        "application_name": "abreast server",
        # A server that is cut off must notice: its lease depends on it.
        "keepalives_idle": "3",
        "keepalives_interval": "1",
        "keepalives_count": "3",
        "tcp_user_timeout": "5000",
    }
    parts = {**defaults, **address.parts, "options": options.strip()}
    return psycopg.conninfo.make_conninfo("", **parts)
