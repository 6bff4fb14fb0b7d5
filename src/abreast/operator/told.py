"""The status of a ParallelRun: always whole, in the shape that its schema, kubectl and Argo CD read. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from abreast.model.units import format_weight
from abreast.operator.course import Order
from abreast.operator.plane import Standing

_MOVING: Final = frozenset({"Waiting", "Starting", "Pending", "Progressing", "Promoting", "Baking", "RollingBack"})
_UNWELL: Final = frozenset({"RollingBack", "RolledBack", "Frozen", "Invalid"})
_DONE: Final = frozenset({"Completed", "Retiring"})
_HALTED: Final = frozenset({"Paused", "Frozen"})
_LONGEST: Final = 1024

Status = dict[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Told:
    """What is to be said. ``standing`` is None where it does not speak of this one's rollout, or is not known.

    ``away``: why the control plane is not reached; what was known last then goes on standing.
    """

    generation: int
    phase: str
    message: str
    order: Order | None = None
    standing: Standing | None = None
    away: str = ""


def phase_of(standing: Standing) -> str:
    """A control plane's phase as Kubernetes writes one: ``rolling-back`` is RollingBack."""
    return "".join(word.capitalize() for word in standing.phase.split("-"))


def status(told: Told, before: Mapping[str, Any], now: float) -> Status:
    """The whole status; ``before`` is the one that stands there, ``now`` Unix seconds.

    Every key is in it: a merge patch of it leaves nothing of an earlier one behind.
    """
    if told.away and before.get("phase"):
        # What is known of the rollout is as old as the last answer, and of the generation that it was asked for.
        conditions = _conditions({"Reachable": (False, "NoAnswer", told.away)}, before, now, keep=True)
        return {**before, "message": _short(told.away), "conditions": conditions}
    standing = told.standing
    return {
        "observedGeneration": told.generation,
        "phase": told.phase,
        "message": _short(told.message),
        "rollout": standing.rollout if standing else None,
        "stable": standing.stable if standing else None,
        "candidate": told.order.candidate if told.order else None,
        "step": f"{standing.step}/{standing.steps}" if standing else None,
        "weight": format_weight(standing.weight).replace(" ", "") if standing else None,
        "ordered": told.order.told() if told.order else None,
        "conditions": _conditions(_facts(told), before, now),
    }


def same(status: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether they say the same; a key without a value is none, for a merge takes it away."""
    return _valued(status) == _valued(other)


def bare(status: Mapping[str, Any]) -> Status:
    """The status without its sentences."""
    facts = [(each["type"], each["status"], each["reason"]) for each in status.get("conditions") or ()]
    return {**{name: value for name, value in _valued(status).items() if name != "message"}, "conditions": facts}


def _valued(found: Mapping[str, Any]) -> Status:
    """It without keys that have no value, also within."""
    return {
        name: _valued(value) if isinstance(value, dict) else value for name, value in found.items() if value is not None
    }


def _facts(told: Told) -> dict[str, tuple[bool, str, str]]:
    """Whether each condition holds, with a reason in one word and a sentence."""
    phase, message = told.phase, _short(told.message)
    approve = told.standing is not None and told.standing.kind == "approve" and phase == "Progressing"
    reached = (not told.away, "NoAnswer" if told.away else "Answers", told.away or "the control plane answers")
    return {
        "Reachable": reached,
        "InvalidSpec": (phase == "Invalid", phase, message),
        "Progressing": (phase in _MOVING and not approve, phase, message),
        "Paused": (phase in _HALTED or approve, "Approval" if approve else phase, message),
        "Healthy": (phase not in _UNWELL, phase, message),
        "Completed": (phase in _DONE, phase, message),
    }


def _conditions(
    facts: Mapping[str, tuple[bool, str, str]], before: Mapping[str, Any], now: float, *, keep: bool = False
) -> list[dict[str, Any]]:
    """The conditions in one order; a time says when the truth of one changed last. ``keep``: others as they were."""
    known = {each["type"]: each for each in before.get("conditions") or ()}
    found: dict[str, dict[str, Any]] = dict(known) if keep else {}
    for kind, (holds, reason, message) in facts.items():
        truth = "True" if holds else "False"
        same = known.get(kind, {}).get("status") == truth
        since = known[kind]["lastTransitionTime"] if same else _time(now)
        found[kind] = {
            "type": kind,
            "status": truth,
            "reason": reason,
            "message": _short(message),
            "lastTransitionTime": since,
        }
    return list(found.values())


def _short(message: str) -> str:
    return message if len(message) <= _LONGEST else message[: _LONGEST - 1] + "…"


def _time(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
