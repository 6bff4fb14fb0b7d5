"""What gateways counted, on its way from the server that has it to those that do not; kept for two minutes."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from abreast.nodes.joined import KEPT_S
from abreast.nodes.second import NodeSecond
from abreast.store.signals import Signal, send
from abreast.store.tables import NODE_SECONDS


@dataclass(frozen=True)
class Told:
    """A second as it was read: under which id, and how long ago it ended, by nobody's clock against another's."""

    id: int
    ended_ago_s: float
    second: NodeSecond


log: Final = logging.getLogger(__name__)


def add_seconds(
    connection: Connection, service: str, seconds: Sequence[NodeSecond], now: float, database_now: ColumnElement[float]
) -> Sequence[NodeSecond]:
    """Write those that are not there yet, and tell which; ``now`` is the writer's clock. What is past keeping goes."""
    known = _known(connection, service, seconds)
    fresh = [each for each in seconds if (each.node, each.since, each.number) not in known]
    if fresh:
        rows = [
            {
                "service": service,
                "node": each.node,
                "since": each.since,
                "number": each.number,
                "late_s": max(0.0, now - each.at),
                "body": json.dumps(each.as_json(), separators=(",", ":")),
            }
            for each in fresh
        ]
        connection.execute(insert(NODE_SECONDS).values(written_at=database_now), rows)
        send(connection, service, Signal.SECONDS)
    connection.execute(delete(NODE_SECONDS).where(NODE_SECONDS.c.written_at < database_now - KEPT_S))
    return fresh


def seconds_after(
    connection: Connection, service: str, after: int, database_now: ColumnElement[float]
) -> Sequence[Told]:
    """Those written after the one with that id, in the order in which they were written."""
    ended_ago_s = database_now - NODE_SECONDS.c.written_at + NODE_SECONDS.c.late_s
    query = (
        select(NODE_SECONDS.c.id, ended_ago_s, NODE_SECONDS.c.body)
        .where(NODE_SECONDS.c.service == service, NODE_SECONDS.c.id > after)
        .order_by(NODE_SECONDS.c.id)
    )
    return [told for row in connection.execute(query) for told in _told(*row)]


def _known(connection: Connection, service: str, seconds: Sequence[NodeSecond]) -> set[tuple[str, float, int]]:
    """Which of them are there: a write whose end was not heard of is tried again."""
    if not seconds:
        return set()
    same = NODE_SECONDS.c.node.in_({each.node for each in seconds})
    later = NODE_SECONDS.c.number >= min(each.number for each in seconds)
    query = select(NODE_SECONDS.c.node, NODE_SECONDS.c.since, NODE_SECONDS.c.number).where(
        NODE_SECONDS.c.service == service, same, later
    )
    return {(row[0], row[1], row[2]) for row in connection.execute(query)}


def _told(id_: int, ended_ago_s: float, body: str) -> Iterator[Told]:
    """None where another release wrote what makes no sense here: that is missing then, as its number shows."""
    try:
        yield Told(id_, ended_ago_s, NodeSecond.from_json(json.loads(body)))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        log.warning("second %d of a gateway makes no sense: %r", id_, error)
