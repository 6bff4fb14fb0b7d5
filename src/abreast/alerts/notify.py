"""Tells people of findings, one message for each: new, back again; to Alertmanager also what is over."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from abreast.alerts.alert import Alert
from abreast.alerts.alertmanager import SCHEMES, Alertmanager
from abreast.alerts.channel import USUAL, Channel, Send, Timing
from abreast.alerts.chat import Chat, private
from abreast.alerts.outbox import Once, Standing
from abreast.findings.finding import Finding
from abreast.ports import Change

CLOSE_S: Final = 2.0
"""How long the end may wait for alerts to go out."""


class Notifier:
    """`abreast.ports.Alerts` to addresses: apprise's URLs, and ``alertmanager://host:port``.

    ``link`` is where to look, with ``{finding}`` for the number. Each address has its own thread and queue; one
    that fails is logged once, tried again each minute, and is in ``failures`` meanwhile.
    """

    def __init__(
        self,
        urls: tuple[str, ...],
        link: str,
        *,
        timing: Timing = USUAL,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._link = link
        self._now = now
        self._channels = [
            _channel(url, f" ({number} of {len(urls)})" if len(urls) > 1 else "", timing)
            for number, url in enumerate(urls, start=1)
        ]

    def finding(self, service: str, finding: Finding, change: Change) -> None:
        """Say what became of it; returns at once and never raises."""
        alert = Alert.of(service, finding, change, self._link, self._now())
        for channel in self._channels:
            channel.post(lambda outbox: outbox.put(alert))

    def standing(self, service: str, findings: Sequence[Finding]) -> None:
        """These are open, all others are not; only an Alertmanager hears of it."""
        now = self._now()
        alerts = [Alert.of(service, finding, "new", self._link, now) for finding in findings]
        for channel in self._channels:
            channel.post(lambda outbox: outbox.standing(alerts, now))

    @property
    def failures(self) -> Mapping[str, str]:
        """Why alerts do not arrive, by the address without its secrets."""
        return {channel.name: failure for channel in self._channels if (failure := channel.failure)}

    def close(self) -> None:
        """Send what is waiting, for `CLOSE_S` at most, and stop."""
        deadline = time.monotonic() + CLOSE_S
        for channel in self._channels:
            channel.close()
        for channel in self._channels:
            channel.join(max(0.0, deadline - time.monotonic()))


def _channel(url: str, place: str, timing: Timing) -> Channel:
    if url.partition("://")[0] in SCHEMES:
        manager = Alertmanager(url)
        return Channel(manager.name, Standing(), lambda: manager.send, timing)

    def connect() -> Send:
        return Chat(url).send

    return Channel(f"{private(url)}{place}", Once(), connect, timing)
