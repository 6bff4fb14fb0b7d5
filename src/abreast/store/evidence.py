"""Evidence in the store: ticks second by second, so that a rollout can be decided anew, and what they came to so far.

A tick is a row of 0.2 KB at 20 requests a second, 0.5 KB at 100 and 1.2 KB at 1,000, by how many buckets its latencies
fall into: 20, 40 and 100 MB for each day that a rollout is live. Saving one a second takes the store's thread 3 ms.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from abreast.analysis.tick import Tick
from abreast.model.errors import StoreCorruptError
from abreast.store.sql import SqlStore
from abreast.store.tables import EVIDENCE, TICKS

Damaged = Callable[[str], StoreCorruptError]
"""Makes the error for what is stored and makes no sense."""

KEPT_ROLLOUTS: Final = 10
"""Of so many rollouts of a service, the newest that have any, ticks and evidence are kept."""


class SqlEvidence:
    """`abreast.ports.EvidenceStore` in an open `SqlStore`, whose closing is this one's too."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def save_ticks(
        self,
        service: str,
        rollout: int,
        ticks: Sequence[Tick],
        state: Mapping[str, Any],  # Any: JSON
    ) -> None:
        """Add the ticks, and replace the state, in one transaction. A tick that is known stays as it was.

        Raises StoreError, also because there is no such rollout. What other rollouts but the newest ten left goes.
        """
        texts = {tick.at: _text(tick.as_json()) for tick in reversed(ticks)}
        text = _text(state)

        def save(connection: Connection) -> None:
            _add(connection, service, rollout, texts)
            if _replace(connection, service, rollout, text):
                _let_go(connection, service)

        await self._store.decide(save)

    async def load_evidence(self, service: str, rollout: int) -> Mapping[str, Any]:  # Any: JSON
        """The state that was saved last; empty where none was. Raises StoreError, StoreCorruptError."""
        place = (EVIDENCE.c.service == service, EVIDENCE.c.rollout == rollout)
        text = await self._store.transact(
            lambda connection: connection.execute(select(EVIDENCE.c.state).where(*place)).scalar()
        )
        return {} if text is None else _object(self._store.damaged, f"evidence of rollout {rollout}", text)

    async def last_tick(self, service: str, rollout: int) -> float | None:
        """When the last second ended that is on record of it, Unix seconds; None where none is. Raises StoreError."""
        query = select(func.max(TICKS.c.at)).where(TICKS.c.service == service, TICKS.c.rollout == rollout)
        return await self._store.transact(lambda connection: connection.execute(query).scalar())

    async def load_ticks(self, service: str, rollout: int) -> Sequence[Tick]:
        """Every tick of the rollout that is kept, oldest first. Raises StoreError, StoreCorruptError."""
        return await self._store.transact(
            lambda connection: ticks_of(connection, self._store.damaged, service, rollout)
        )


def ticks_of(connection: Connection, damaged: Damaged, service: str, rollout: int) -> list[Tick]:
    """Oldest first; raises what ``damaged`` makes of one that makes no sense."""
    query = (
        select(TICKS.c.at, TICKS.c.data)
        .where(TICKS.c.service == service, TICKS.c.rollout == rollout)
        .order_by(TICKS.c.at)
    )
    return [_tick(damaged, f"tick of rollout {rollout} at {row.at}", row.data) for row in connection.execute(query)]


def rollouts_with_ticks(connection: Connection, service: str) -> list[int]:
    """Numbers of the rollouts that can be decided anew, oldest first."""
    query = select(EVIDENCE.c.rollout).where(EVIDENCE.c.service == service).order_by(EVIDENCE.c.rollout)
    return list(connection.execute(query).scalars())


def _add(connection: Connection, service: str, rollout: int, texts: Mapping[float, str]) -> None:
    if not texts:
        return
    place = {"service": service, "rollout": rollout}
    known = select(TICKS.c.at).where(TICKS.c.service == service, TICKS.c.rollout == rollout, TICKS.c.at >= min(texts))
    fresh = texts.keys() - set(connection.execute(known).scalars())
    if fresh:
        connection.execute(insert(TICKS), [{**place, "at": at, "data": texts[at]} for at in sorted(fresh)])


def _replace(connection: Connection, service: str, rollout: int, text: str) -> bool:
    """Whether it is the rollout's first."""
    place = (EVIDENCE.c.service == service, EVIDENCE.c.rollout == rollout)
    if connection.execute(update(EVIDENCE).where(*place).values(state=text)).rowcount:
        return False
    connection.execute(insert(EVIDENCE).values(service=service, rollout=rollout, state=text))
    return True


def _let_go(connection: Connection, service: str) -> None:
    """Of the rollouts that are past keeping: each that has ticks has evidence, written with them."""
    for number in rollouts_with_ticks(connection, service)[:-KEPT_ROLLOUTS]:
        for table in (TICKS, EVIDENCE):
            connection.execute(delete(table).where(table.c.service == service, table.c.rollout == number))


def _text(data: Mapping[str, Any]) -> str:  # Any: JSON
    return json.dumps(data, separators=(",", ":"))


def _object(damaged: Damaged, what: str, text: str) -> dict[str, Any]:  # Any: JSON
    try:
        data = json.loads(text)
    except ValueError as error:
        raise damaged(f"the {what} is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise damaged(f"the {what} is {text[:40]!r}, no object")
    return data


def _tick(damaged: Damaged, what: str, text: str) -> Tick:
    data = _object(damaged, what, text)
    try:
        return Tick.from_json(data)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise damaged(f"the {what} makes no sense: {error!r}") from error
