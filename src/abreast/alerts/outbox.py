"""What is still to be told to one address: each alert once, or all that stand, again and again."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final, Protocol

from abreast.alerts.alert import FINDING, Alert, Name

WAITING: Final = 100
"""Alerts kept for an address that does not take them; the oldest are dropped then."""

Batch = tuple[Alert, ...]
"""Alerts that are told in one message; at least one."""


class Outbox(Protocol):
    """Used by one thread."""

    def put(self, alert: Alert) -> None:
        """One more to tell."""

    def standing(self, alerts: Sequence[Alert], now: float) -> None:
        """These findings stand, known from before; all other findings are over since ``now``."""

    def batches(self) -> Sequence[Batch]:
        """What to tell now, a message each."""

    def delivered(self, batch: Batch) -> None:
        """This one has arrived."""


class Once:
    """Each alert is told once, in order; what did not arrive waits.

    What waits is one message for each service and rollout. With ``ends`` also the end of a finding is told.
    """

    def __init__(self, *, ends: bool = False) -> None:
        self._ends = ends
        self._waiting: deque[Alert] = deque(maxlen=WAITING)

    def put(self, alert: Alert) -> None:
        """Queue it, unless it is known already, or nobody cares for its end."""
        if alert.change == "known" or (alert.over and alert.name.cause == FINDING and not self._ends):
            return
        if alert.change == "reminder" and any(each.name == alert.name for each in self._waiting):
            return
        self._waiting.append(alert)

    def standing(self, alerts: Sequence[Alert], now: float) -> None:
        """They were told when they came up."""

    def batches(self) -> Sequence[Batch]:
        """Those of one service and rollout that follow each other, the oldest first."""
        return [tuple(batch) for _, batch in groupby(self._waiting, key=lambda alert: alert.name[:2])]

    def delivered(self, batch: Batch) -> None:
        """Never told again."""
        for alert in batch:
            self._waiting.remove(alert)


class Standing:
    """All that stand in one message; what is over is in it until that has arrived once."""

    def __init__(self) -> None:
        self._alerts: dict[Name, Alert] = {}

    def put(self, alert: Alert) -> None:
        """Its newest state replaces the one before."""
        self._alerts[alert.name] = alert

    def standing(self, alerts: Sequence[Alert], now: float) -> None:
        """Replace the findings that stand; the other ones are told as resolved."""
        named = {alert.name: alert for alert in alerts}
        kept = {
            name: alert if alert.over or name.cause != FINDING else replace(alert, change="resolved", told_at=now)
            for name, alert in self._alerts.items()
            if name not in named
        }
        self._alerts = kept | named

    def batches(self) -> Sequence[Batch]:
        """All in one, or nothing."""
        return [tuple(self._alerts.values())] if self._alerts else []

    def delivered(self, batch: Batch) -> None:
        """Forget what is over."""
        for alert in batch:
            if alert.over:
                self._alerts.pop(alert.name, None)
