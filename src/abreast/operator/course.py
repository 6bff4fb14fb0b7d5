"""What is to be done for a ParallelRun, from what it asks for, what was ordered, and how things stand. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from abreast.operator.plane import Standing
from abreast.operator.resource import Wanted

RESTING: Final = frozenset({"completed", "rolled-back"})
"""Phases in which another rollout may begin."""

_BACK: Final = frozenset({"rolled-back", "rolling-back"})

Move = Literal["wait", "order", "follow", "served", "superseded"]


@dataclass(frozen=True)
class Order:
    """What was ordered, as the status keeps it *before* it is given: a restart then knows whether it was.

    ``after`` is the newest rollout until then, ``rollout`` the one that came of it; None: not known yet.
    """

    candidate: str
    attempt: int
    after: int
    rollout: int | None = None

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> "Order | None":
        """As a status has it."""
        told = status.get("ordered")
        return None if not told else cls(told["candidate"], told["attempt"], told["after"], told.get("rollout"))

    def told(self) -> dict[str, Any]:
        """For a status."""
        return {"candidate": self.candidate, "attempt": self.attempt, "after": self.after, "rollout": self.rollout}


def course(wanted: Wanted, order: Order | None, standing: Standing) -> tuple[Move, Order | None]:
    """The next move, and the order as it is to be kept.

    - wait: another rollout is under way
    - order: give the command, once the order is kept
    - follow: it is under way, or ended
    - served: it has all users without a rollout of its own, for that of its successor was rolled back
    - superseded: another rollout came after it
    """
    if standing.phase == "rolled-back" and standing.stable == wanted.candidate:
        return "served", Order(wanted.candidate, wanted.attempt, standing.rollout - 1, standing.rollout)
    if order is None or (order.candidate, order.attempt) != (wanted.candidate, wanted.attempt):
        return _begun(wanted, order, standing)
    return _going_on(wanted, order, standing)


def _begun(wanted: Wanted, before: Order | None, standing: Standing) -> tuple[Move, Order | None]:
    """Of what has not been ordered yet."""
    if _there_already(wanted, standing):
        return "follow", Order(wanted.candidate, wanted.attempt, standing.rollout - 1, standing.rollout)
    if standing.phase not in RESTING:
        return "wait", before
    return "order", Order(wanted.candidate, wanted.attempt, standing.rollout)


def _going_on(wanted: Wanted, order: Order, standing: Standing) -> tuple[Move, Order]:
    """Of what is ordered, or was about to be when the operator ended."""
    if order.rollout == standing.rollout:
        return "follow", order
    if order.rollout is None and standing.rollout <= order.after:
        return ("order" if standing.phase in RESTING else "wait"), order
    if order.rollout is None and wanted.candidate in {standing.candidate, standing.serving}:
        return "follow", Order(order.candidate, order.attempt, order.after, standing.rollout)
    return "superseded", order


def _there_already(wanted: Wanted, standing: Standing) -> bool:
    """Whether it serves all users, or is being rolled out, by whoever it was."""
    if standing.phase == "completed":
        return standing.serving == wanted.candidate
    return standing.candidate == wanted.candidate and standing.phase not in _BACK
