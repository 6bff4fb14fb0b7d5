"""What a version wrote, out of the journal."""

from collections.abc import Generator, Iterator
from datetime import datetime
from typing import Any, Final

from abreast.postgres.connection import Connection, sql
from abreast.postgres.journal import required
from abreast.schema.journal import JOURNAL
from abreast.schema.names import Relation
from abreast.schema.repair import Change

ROWS_AT_ONCE: Final = 1_000
COLUMNS: Final = (
    "j.at, j.xid::text::bigint, j.seq, j.table_schema, j.table_name, j.op, j.key::text, j.moved_to::text,"
    " j.old::text, j.new::text, j.texts, j.version, j.request_id"
)


def changes(
    connection: Connection, version: str, since: datetime | None = None, tables: tuple[Relation, ...] = ()
) -> Generator[Change, None, None]:
    """The writes of ``version`` (empty: of those who named none), oldest first, in ``tables`` or in all.

    Read through a server-side cursor in a transaction of its own, which lasts until the iterator is used up or closed.
    Only what was written before the oldest transaction still open: whatever commits later is later in the next
    reading too, so that who goes on from the last entry's time passes nothing over. RefusedError without a journal.
    """
    required(connection)
    wanted = ["coalesce(j.version, '') = %(version)s", "j.xid < pg_snapshot_xmin(pg_current_snapshot())"]
    if since is not None:
        wanted.append("j.at >= %(since)s")
    if tables:
        wanted.append(
            "(j.table_schema, j.table_name) IN (SELECT * FROM unnest(%(schemas)s::text[], %(names)s::text[]))"
        )
    query = f"SELECT {COLUMNS} FROM {JOURNAL.sql} j WHERE {' AND '.join(wanted)} ORDER BY j.seq"
    parameters = {
        "version": version,
        "since": since,
        "schemas": [table.schema for table in tables],
        "names": [table.name for table in tables],
    }
    yield from read_changes(connection, query, parameters)


def read_changes(connection: Connection, query: str, parameters: dict[str, Any]) -> Iterator[Change]:
    """The entries that ``query`` selects as ``COLUMNS``, a thousand at a time."""
    with connection.transaction(), connection.cursor(name="abreast_changes") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(sql(query), parameters)
        for at, xid, seq, schema, name, op, key, moved_to, old, new, texts, version, request_id in cursor:
            yield Change(
                at=at,
                xid=xid,
                seq=seq,
                relation=Relation(schema, name),
                op=op,
                key=key or "",
                moved_to=moved_to or "",
                old=old,
                new=new,
                texts=tuple(texts or ()),
                version=version or "",
                request_id=request_id or "",
            )
