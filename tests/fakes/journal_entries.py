"""Journal entries for tests, as short as a story's sentences."""

from datetime import UTC, datetime, timedelta

from abreast.schema.names import Relation
from abreast.schema.repair import Change

ITEMS = Relation("public", "items")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(
    seq: int,
    version: str,
    op: str,
    key: int = 1,
    *,
    old: str | None = None,
    new: str | None = None,
    moved_to: int | None = None,
    xid: int | None = None,
    relation: Relation = ITEMS,
    request_id: str = "",
) -> Change:
    """The ``seq``-th write; each has a transaction of its own unless ``xid`` says otherwise."""
    return Change(
        at=START + timedelta(seconds=seq),
        xid=seq if xid is None else xid,
        seq=seq,
        relation=relation,
        op=op,
        key="" if op == "t" else f'{{"id": {key}}}',
        moved_to="" if moved_to is None else f'{{"id": {moved_to}}}',
        old=old,
        new=new,
        version=version,
        request_id=request_id,
    )
