"""Connections: the session's settings pinned, so that values read the same whoever asks; errors in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, LiteralString

import psycopg

from abreast.model.errors import DatabaseError
from abreast.schema.names import OWN, ident

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_S: Final = 10
PINNED: Final = {
    "application_name": OWN,
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "row_security": "off",  # a policy that hides rows from us is an error, not a smaller table
    "search_path": "pg_catalog",
}


@contextmanager
def connected(url: str, *, version: str = "", **settings: str) -> Iterator[Connection]:
    """A connection that commits each statement by itself, closed at the end.

    ``version`` is what it writes as (``abreast.version``); names that begin with ``~`` are abreast's own work, which
    triggers let pass. ``settings`` are the server's, over ``PINNED``, which is over the URL's own ``options``.
    DatabaseError with the server's words, without the password.
    """
    own = _parts(url).get("options") or ""
    wanted = {**PINNED, **settings, **({"abreast.version": version} if version else {})}
    pinned = (f"-c {name}={_escaped(value)}" for name, value in wanted.items())
    options = " ".join([str(own), *pinned]).strip()
    with _told(f"connecting to {shown(url)}"):
        connection = psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_S, client_encoding="UTF8", options=options
        )
    with connection, _told("the database"):
        yield connection


@contextmanager
def looking_in(connection: Connection, schema: str) -> Iterator[None]:
    """Within a transaction: functions of the application's find their names as they do for the versions' roles.

    Temporary objects come last: nobody's are taken for those of the schema.
    """
    connection.execute(sql(f"SET LOCAL search_path = {ident(schema)}, pg_temp"))
    yield
    connection.execute(sql(f"SET LOCAL search_path = {PINNED['search_path']}"))


def sql(text: str) -> LiteralString:
    """Text made by us, whose names and values are quoted, as psycopg wants to be told."""
    return text


def shown(url: str) -> str:
    """The address for people: host, port and database, never the password. DatabaseError where it is no address."""
    parts = _parts(url)
    host = parts.get("host") or parts.get("hostaddr") or "the local socket"
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"{parts.get('dbname') or 'its default database'} at {host}{port}"


def _parts(url: str) -> dict[str, Any]:
    """What the address says, by libpq's names. Its words about a wrong one are kept back: they quote the password."""
    try:
        return psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise DatabaseError(
            "the database's address is not one that PostgreSQL understands",
            "write `data.url` as postgresql://USER@HOST:PORT/DATABASE (signs like @ or / in a part as %40, %2F)",
        ) from None


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        # Without a state of the server's the trouble is on the way to it.
        lost = isinstance(error, psycopg.OperationalError) and (error.sqlstate or "08")[:2] in {"08", "57"}
        remedy = (
            "see that PostgreSQL runs and that `data.url` of the spec is right"
            if lost
            else "mend what the server names, then give the command again"
        )
        raise DatabaseError(f"{what}: {str(error).strip()}", remedy) from error
