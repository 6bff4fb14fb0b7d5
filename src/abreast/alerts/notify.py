"""Tells people what is the matter, one alert for each cause, and when it is over."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from abreast.alerts.address import addresses
from abreast.alerts.alert import Alert
from abreast.alerts.causes import WINDOW_S, Facts, causes
from abreast.alerts.channel import USUAL, Channel, Timing
from abreast.alerts.memory import Memory
from abreast.alerts.register import REMIND_S, Register
from abreast.alerts.repeats import Repeats
from abreast.alerts.trial import try_out
from abreast.findings.finding import Finding
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Rollout
from abreast.ports import AlertTrial, Change
from abreast.rollout.observed import Observed
from abreast.rollout.turn import ACTOR

CLOSE_S: Final = 2.0
"""How long the end may wait for alerts to go out."""

_RELAY: Final = "the relay"


class Notifier:
    """`abreast.ports.Alerts` to the addresses of one service: see `abreast.alerts.address` for their forms.

    ``link`` is where to look, with ``{finding}`` for the number; ``file`` keeps what was told over a restart. Each
    address has its own thread and queue; one that fails is logged once, tried again with back-off, and is in
    ``failures`` meanwhile.
    """

    def __init__(
        self,
        urls: tuple[str, ...],
        link: str,
        *,
        service: str,
        file: Path,
        timing: Timing = USUAL,
        remind_s: float = REMIND_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._link = link
        self._now = now
        self._timing = timing
        self._addresses = addresses(urls)
        self._channels = [Channel(each.name, each.outbox(), each.connect, timing) for each in self._addresses]
        self._memory = Memory(file)
        known = self._memory.load() if self._channels else []
        self._register = Register(service, known, remind_s)
        self._looked = False
        self._repeats = Repeats(WINDOW_S)
        self._rolled_back: Event | None = None

    def finding(self, service: str, finding: Finding, change: Change) -> None:
        """Say what became of it; returns at once and never raises."""
        self._post(Alert.of(service, finding, change, self._link, self._now()))

    def standing(self, service: str, findings: Sequence[Finding]) -> None:
        """These are open, all others are not; only an Alertmanager hears of it."""
        now = self._now()
        alerts = [Alert.of(service, finding, "new", self._link, now) for finding in findings]
        for channel in self._channels:
            channel.post(lambda outbox: outbox.standing(alerts, now))

    def hear(self, event: Event) -> None:
        """Something was recorded: a rolling back is told only if no person asked for it."""
        if event.kind is EventKind.PHASE and event.data.get("after") == Phase.ROLLING_BACK.value:
            self._rolled_back = event if event.actor == ACTOR else None

    def look(self, rollout: Rollout, observed: Observed, *, store_error: str = "", relay_losses: int = 0) -> None:
        """Tell what began to stand, remind of what still does, and resolve the rest; returns at once, never raises.

        ``store_error`` is why the store cannot be written, ``relay_losses`` a counter that grows with each.
        """
        if not self._channels:
            return
        restarts = {each.id: self._repeats.seen(each.id, each.restarts, observed.now) for each in observed.instances}
        losses = self._repeats.seen(_RELAY, relay_losses, observed.now)
        self._repeats.forget({*restarts, _RELAY})
        facts = Facts(rollout, observed, self._rolled_back, restarts, losses, store_error)
        alerts = self._register.look(causes(facts), rollout.number, observed.now)
        if alerts:
            self._memory.save(self._register.told)
        if not self._looked:
            self._looked = True
            new = {alert.name for alert in alerts}
            known = [entry.alert("known", observed.now) for entry in self._register.told]
            alerts += [alert for alert in known if alert.name not in new]
        for alert in alerts:
            self._post(alert)

    def test(self) -> Sequence[AlertTrial]:
        """Send a test to every address at once, past their queues; blocks until all have answered, 15 s at most."""
        return try_out(self._addresses, Alert.test(self._service, self._now()), self._timing.limit_s)

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

    def _post(self, alert: Alert) -> None:
        for channel in self._channels:
            channel.post(lambda outbox: outbox.put(alert))
