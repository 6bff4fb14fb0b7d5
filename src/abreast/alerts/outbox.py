"""What is still to be told to one address: each alert once, or all that stand, again and again."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from abreast.alerts.alert import Alert, Name

WAITING: Final = 100
"""Alerts kept for an address that does not take them; the oldest are dropped then."""

Batch = tuple[Alert, ...]
"""Alerts that are told in one message."""


class Outbox(Protocol):
    """Used by one thread."""

    def put(self, alert: Alert) -> None:
        """One more to tell."""

    def standing(self, alerts: Sequence[Alert], now: float) -> None:
        """These stand, known from before; all others are over since ``now``."""

    def batches(self) -> Sequence[Batch]:
        """What to tell now, a message each."""

    def delivered(self, batch: Batch) -> None:
        """This one has arrived."""


class Once:
    """Each alert is one message, in order; one that did not arrive waits. The end of a finding is not told."""

    def __init__(self) -> None:
        self._waiting: deque[Alert] = deque(maxlen=WAITING)

    def put(self, alert: Alert) -> None:
        """Queue it, unless it only says that something is over."""
        if not alert.over:
            self._waiting.append(alert)

    def standing(self, alerts: Sequence[Alert], now: float) -> None:
        """They were told when they came up."""

    def batches(self) -> Sequence[Batch]:
        """One alert each, the oldest first."""
        return [(alert,) for alert in self._waiting]

    def delivered(self, batch: Batch) -> None:
        """Never told again."""
        self._waiting.remove(batch[0])


class Standing:
    """All that stand in one message; what is over is in it until that has arrived once."""

    def __init__(self) -> None:
        self._alerts: dict[Name, Alert] = {}

    def put(self, alert: Alert) -> None:
        """Its newest state replaces the one before."""
        self._alerts[alert.name] = alert

    def standing(self, alerts: Sequence[Alert], now: float) -> None:
        """Replace what stands; the rest is told as resolved."""
        named = {alert.name: alert for alert in alerts}
        over = {
            name: alert if alert.over else replace(alert, change="resolved", told_at=now)
            for name, alert in self._alerts.items()
            if name not in named
        }
        self._alerts = over | named

    def batches(self) -> Sequence[Batch]:
        """All in one, or nothing."""
        return [tuple(self._alerts.values())] if self._alerts else []

    def delivered(self, batch: Batch) -> None:
        """Forget what is over."""
        for alert in batch:
            if alert.over:
                self._alerts.pop(alert.name, None)
