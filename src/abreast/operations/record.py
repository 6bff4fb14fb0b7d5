"""What happened: the audit log and the rollouts so far."""

from dataclasses import dataclass
from typing import Final

from abreast.model.event import sentence
from abreast.operations.control import Control

MOST_MINUTES: Final = 1440


@dataclass(frozen=True)
class EventRecord:
    """One row of the audit log; ``at`` is Unix seconds, ``sentence`` what happened and why in one line."""

    id: int
    at: float
    rollout: int
    kind: str
    actor: str
    reason: str
    data: dict[str, str | int | float | None]
    sentence: str


@dataclass(frozen=True)
class RolloutRecord:
    """One rollout in its last state; ``started_at`` is Unix seconds."""

    number: int
    stable: str
    candidate: str | None
    phase: str
    weight: int
    started_at: float
    reason: str


@dataclass(frozen=True)
class MinuteRecord:
    """What a version did in the minute that began ``at`` (Unix seconds)."""

    at: int
    version: str
    requests: int
    errors: int
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True)
class Series:
    """A row for each version in each minute in which it had requests."""

    minutes: list[MinuteRecord]


async def events(control: Control, *, limit: int, after: int) -> list[EventRecord]:
    """The newest events above the id ``after``, oldest first. Raises StoreError."""
    rows = await control.store.events(control.service.name, limit=limit, after=after)
    return [
        EventRecord(
            id=id_,
            at=event.at,
            rollout=event.rollout,
            kind=event.kind.value,
            actor=event.actor,
            reason=event.reason,
            data=dict(event.data),
            sentence=sentence(event.kind, event.reason, event.data),
        )
        for id_, event in rows
    ]


async def history(control: Control) -> list[RolloutRecord]:
    """Every rollout of the service, oldest first. Raises StoreError."""
    return [
        RolloutRecord(
            each.number, each.stable, each.candidate, each.phase.value, each.weight, each.started_at, each.reason
        )
        for each in await control.store.history(control.service.name)
    ]


async def series(control: Control, *, minutes: int) -> Series:
    """The last minutes that are over, oldest first: of the present one only a part is known. Raises StoreError."""
    present = int(control.clock.now() // 60)
    rows = await control.store.counts(control.service.name, present - minutes)
    return Series(
        [
            MinuteRecord(
                at=minute * 60,
                version=version,
                requests=counts.requests,
                errors=counts.errors,
                p50_ms=counts.latencies.quantile(0.5),
                p99_ms=counts.latencies.quantile(0.99),
            )
            for minute, version, counts in rows
            if minute < present
        ]
    )
