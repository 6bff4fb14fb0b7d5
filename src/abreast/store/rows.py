"""The statements, in terms that SQLite and PostgreSQL share; each function runs inside one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, exists, insert, select, update

from abreast.model.errors import ConflictError
from abreast.model.event import Event, EventKind
from abreast.model.rollout import ROLLOUT_JSON, Rollout
from abreast.ports import VersionCounts
from abreast.store.tables import COUNTS, EVENTS, ROLLOUTS, SECRETS

COUNTS_JSON: Final[TypeAdapter[VersionCounts]] = TypeAdapter(VersionCounts)

PRUNED_MINUTES: Final = 5
"""At most so many old minutes go with each write of counts: that catches up, and no write is slow."""

_READ_AGAIN: Final = "look at its present state (abreast status), then give the command again"


def newest_rollout(connection: Connection, service: str) -> Rollout | None:
    """The rollout of the service with the highest number. Raises pydantic's ValidationError."""
    newest = select(ROLLOUTS.c.body).where(ROLLOUTS.c.service == service).order_by(ROLLOUTS.c.number.desc()).limit(1)
    body = connection.execute(newest).scalar()
    return None if body is None else ROLLOUT_JSON.validate_json(body)


def all_rollouts(connection: Connection, service: str) -> Sequence[Rollout]:
    """Every rollout of the service, oldest first. Raises pydantic's ValidationError."""
    query = select(ROLLOUTS.c.body).where(ROLLOUTS.c.service == service).order_by(ROLLOUTS.c.number)
    return [ROLLOUT_JSON.validate_json(body) for body in connection.execute(query).scalars()]


def save_rollout(connection: Connection, rollout: Rollout, events: Iterable[Event]) -> Rollout:
    """Write a rollout by compare-and-set, and its events. Returns it with its new revision.

    Raises ConflictError; then the caller must roll the transaction back.
    """
    saved = replace(rollout, revision=rollout.revision + 1)
    if rollout.revision:
        _update(connection, saved, rollout.revision)
    else:
        _begin(connection, saved)
    add_events(connection, rollout.service, events)
    return saved


def add_events(connection: Connection, service: str, events: Iterable[Event]) -> None:
    """Append to the audit log of the service."""
    rows = [
        {
            "service": service,
            "rollout": event.rollout,
            "at": event.at,
            "kind": event.kind.value,
            "actor": event.actor,
            "reason": event.reason,
            "data": dict(event.data),
        }
        for event in events
    ]
    if rows:
        connection.execute(insert(EVENTS), rows)


def _begin(connection: Connection, saved: Rollout) -> None:
    """Insert a rollout that follows the newest one (the first is number 0).

    The writer has read no revision of this row, so what it must have read of the newest one is compared: that
    it rests, and which version serves.
    """
    newest = newest_rollout(connection, saved.service)
    due = 0 if newest is None else newest.number + 1
    reason = None
    if saved.number != due:
        reason = f"the next one is number {due}"
    elif newest is not None and newest.active:
        reason = f"rollout {newest.number} is {newest.phase}"
    elif newest is not None and newest.serving != saved.stable:
        reason = f"{newest.serving} serves since rollout {newest.number}, not {saved.stable}"
    if reason:
        message = f"{saved.service}: rollout {saved.number} cannot begin: {reason}"
        raise ConflictError(message, _READ_AGAIN)
    connection.execute(
        insert(ROLLOUTS).values(
            service=saved.service,
            number=saved.number,
            revision=saved.revision,
            phase=saved.phase.value,
            body=ROLLOUT_JSON.dump_json(saved).decode(),
        )
    )


def _update(connection: Connection, saved: Rollout, read: int) -> None:
    """Replace the row if it still has the revision that was read and no newer rollout has begun."""
    later = ROLLOUTS.alias("later")
    written = connection.execute(
        update(ROLLOUTS)
        .where(
            ROLLOUTS.c.service == saved.service,
            ROLLOUTS.c.number == saved.number,
            ROLLOUTS.c.revision == read,
            ~exists().where(later.c.service == saved.service, later.c.number > saved.number),
        )
        .values(
            revision=saved.revision,
            phase=saved.phase.value,
            body=ROLLOUT_JSON.dump_json(saved).decode(),
        )
    )
    if written.rowcount != 1:
        message = (
            f"{saved.service}: rollout {saved.number} is no longer at revision {read}:"
            " somebody changed it, or began another, in between"
        )
        raise ConflictError(message, _READ_AGAIN)


def newest_events(connection: Connection, service: str, limit: int, after: int) -> Sequence[tuple[int, Event]]:
    """The newest ``limit`` events with ids above ``after``, oldest first."""
    query = (
        select(EVENTS).where(EVENTS.c.service == service, EVENTS.c.id > after).order_by(EVENTS.c.id.desc()).limit(limit)
    )
    found = [
        (
            row.id,
            Event(
                at=row.at,
                rollout=row.rollout,
                kind=EventKind(row.kind),
                actor=row.actor,
                reason=row.reason,
                data=row.data,
            ),
        )
        for row in connection.execute(query)
    ]
    return found[::-1]


def add_counts(
    connection: Connection,
    service: str,
    minute: int,
    counts: Mapping[str, VersionCounts],
    *,
    keep_minutes: int,
) -> None:
    """Add to the counts of the minute, and drop a few of those that are older than ``keep_minutes``."""
    for version, more in counts.items():
        place = (
            COUNTS.c.minute == minute,
            COUNTS.c.service == service,
            COUNTS.c.version == version,
        )
        body = connection.execute(select(COUNTS.c.body).where(*place).with_for_update()).scalar()
        total = more if body is None else COUNTS_JSON.validate_json(body) + more
        text = COUNTS_JSON.dump_json(total).decode()
        if body is None:
            connection.execute(insert(COUNTS).values(minute=minute, service=service, version=version, body=text))
        else:
            connection.execute(update(COUNTS).where(*place).values(body=text))
    old = (
        select(COUNTS.c.minute)
        .where(COUNTS.c.minute < minute - keep_minutes)
        .distinct()
        .order_by(COUNTS.c.minute)
        .limit(PRUNED_MINUTES)
    )
    connection.execute(delete(COUNTS).where(COUNTS.c.minute.in_(old)))


def counts_since(connection: Connection, service: str, minute: int) -> Sequence[tuple[int, str, VersionCounts]]:
    """Counts of the minute and all later ones, oldest first, by version's name within a minute."""
    query = (
        select(COUNTS.c.minute, COUNTS.c.version, COUNTS.c.body)
        .where(COUNTS.c.minute >= minute, COUNTS.c.service == service)
        .order_by(COUNTS.c.minute, COUNTS.c.version)
    )
    return [(row.minute, row.version, COUNTS_JSON.validate_json(row.body)) for row in connection.execute(query)]


def secret(connection: Connection, name: str, fresh: str) -> str:
    """The stored secret of that name, or ``fresh`` once it is stored."""
    value = connection.execute(select(SECRETS.c.value).where(SECRETS.c.name == name)).scalar()
    if value is not None:
        return str(value)
    connection.execute(insert(SECRETS).values(name=name, value=fresh))
    return fresh
