"""What happened: the audit log and the rollouts so far."""

from dataclasses import dataclass

from abreast.operations.control import Control


@dataclass(frozen=True)
class EventRecord:
    """One row of the audit log; ``at`` is Unix seconds."""

    id: int
    at: float
    rollout: int
    kind: str
    actor: str
    reason: str
    data: dict[str, str | int | float | None]


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


async def events(control: Control, *, limit: int, after: int) -> list[EventRecord]:
    """The newest events above the id ``after``, oldest first. Raises StoreError."""
    rows = await control.store.events(control.service.name, limit=limit, after=after)
    return [
        EventRecord(id_, event.at, event.rollout, event.kind.value, event.actor, event.reason, dict(event.data))
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
