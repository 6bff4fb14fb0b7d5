"""What happened: the audit log's rows, never changed once written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from abreast.model.units import format_weight


class EventKind(StrEnum):
    """Every kind of event, named by what happened."""

    STARTED = "started"
    PHASE = "phase"
    WEIGHT = "weight"
    SHADOW = "shadow"
    STEP = "step"
    APPROVED = "approved"
    HELD = "held"
    VERDICT = "verdict"
    REFUSED = "refused"
    SHELTERED = "sheltered"
    UNSHELTERED = "unsheltered"
    RELEASED = "released"
    INSTANCE = "instance"
    GATEWAY = "gateway"
    NACK = "nack"
    SPEC = "spec"
    RELAY = "relay"
    FINDING = "finding"
    SILENT = "silent"
    CHECK = "check"
    DATA = "data"
    FLAG = "flag"
    LEASE = "lease"
    TOKEN = "token"  # noqa: S105  # a kind of event, no secret


EVENT_DOCS: Mapping[EventKind, str] = {
    EventKind.STARTED: "a rollout began, or the service was put up for the first time",
    EventKind.PHASE: "the rollout went from one phase to another",
    EventKind.WEIGHT: "the share of users on the candidate was ordered to change",
    EventKind.SHADOW: "the share of requests that is copied to the candidate was ordered to change",
    EventKind.STEP: "a step was entered",
    EventKind.APPROVED: "a person approved, or skipped the rest of a step",
    EventKind.HELD: "a step took longer than `at_most` and is held, or goes on unproven",
    EventKind.VERDICT: "a gate decided, with its sentence",
    EventKind.REFUSED: "a command was refused, with the reason",
    EventKind.SHELTERED: "a side has no ready instance; its users are served by the other side meanwhile",
    EventKind.UNSHELTERED: "the side is ready again and has its users back",
    EventKind.RELEASED: "the side that lost the traffic was taken out of the gateway, before it is stopped",
    EventKind.INSTANCE: "an instance started, became ready or unready, failed or was stopped",
    EventKind.GATEWAY: "Envoy started, restarted, crashed or was lost",
    EventKind.NACK: "Envoy refused a snapshot; the last good one stays",
    EventKind.SPEC: "the spec changed, or a change of it was refused",
    EventKind.RELAY: "a relay, which copies and compares, started, ended or was lost",
    EventKind.SILENT: "the candidate gets no request although it has weight, with the cause; or it does again",
    EventKind.CHECK: "a webhook was told something and failed, which decides nothing",
    EventKind.DATA: "the side of a version in the database was made, fenced or dropped, or could not be",
    EventKind.LEASE: "another server of a fleet decides from here on",
    EventKind.TOKEN: "a token of the API, or of an agent, was created, used to join, or revoked",
    EventKind.FLAG: "a feature flag was switched on or off, or the spec changed it",
    EventKind.FINDING: "a finding appeared, was accepted, reopened or resolved",
}


def sentence(kind: str, reason: str, data: Mapping[str, str | int | float | None]) -> str:
    """What happened and why, in one line: a move says from where to where."""
    before, after = data.get("before"), data.get("after")
    if kind in {EventKind.WEIGHT, EventKind.SHADOW} and isinstance(before, int) and isinstance(after, int):
        return f"{format_weight(before)} → {format_weight(after)}: {reason}"
    if kind == EventKind.PHASE:
        return f"{before} → {after}: {reason}"
    return reason


@dataclass(frozen=True)
class Event:
    """One row of the audit log: when (Unix seconds), which rollout, who (``actor``), what and why (``reason``)."""

    at: float
    rollout: int
    kind: EventKind
    actor: str
    reason: str
    data: Mapping[str, str | int | float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.actor or not self.reason:
            message = f"event {self.kind} needs an actor and a reason, got {self.actor!r} and {self.reason!r}"
            raise ValueError(message)
