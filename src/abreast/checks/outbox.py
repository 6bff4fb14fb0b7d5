"""What waits to be posted to webhooks of kind `event`: each has its own queue, so that a dead one holds up nobody."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from abreast.checks.exchange import Exchange
from abreast.checks.webhooks import ask, event_payload
from abreast.model.checks import Check, Webhook
from abreast.model.event import Event
from abreast.model.rollout import Rollout
from abreast.ports import Clock

QUEUED: Final = 256
"""Events that may wait for one webhook; more are dropped and counted."""

log: Final = logging.getLogger(__name__)


class Outbox:
    """Posts events to one webhook in their order, until cancelled by `close`.

    What does not arrive after the webhook's retries is dropped. It is told by ``on_check`` and logged, once for each
    time that it stops working; an event about it would have to be posted as well.
    """

    def __init__(self, webhook: Webhook, exchange: Exchange, clock: Clock, on_check: Callable[[Check], None]) -> None:
        self.webhook = webhook
        self._exchange = exchange
        self._clock = clock
        self._on_check = on_check
        self._waiting: asyncio.Queue[tuple[Rollout, Event]] = asyncio.Queue(QUEUED)
        self._dropped = 0
        self._works = True
        self._task = asyncio.create_task(self._run(), name=f"webhook {webhook.name}")

    def put(self, rollout: Rollout, event: Event) -> None:
        """Have it posted soon; returns at once."""
        try:
            self._waiting.put_nowait((rollout, event))
        except asyncio.QueueFull:
            self._dropped += 1

    async def close(self, wait_s: float) -> None:
        """Post what waits, for so long at most, and stop."""
        try:
            async with asyncio.timeout(wait_s):
                await self._waiting.join()
        except TimeoutError:
            log.warning("webhook %s: %d events were not posted before the end", self.webhook.name, self._left)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @property
    def _left(self) -> int:
        return self._waiting.qsize() + 1

    async def _run(self) -> None:
        while True:
            rollout, event = await self._waiting.get()
            told = event_payload(self.webhook, rollout, event)
            self._heard(await ask(self.webhook, told, self._exchange, self._clock))
            self._waiting.task_done()

    def _heard(self, check: Check) -> None:
        dropped = f"; {self._dropped} events were dropped because too many waited" if self._dropped else ""
        self._on_check(Check(check.name, check.kind, check.passed, at=check.at, detail=f"{check.detail}{dropped}"))
        if self._works and not check.passed:
            log.warning("webhook %s does not take events: %s", check.name, check.detail)
        self._works = bool(check.passed)
