"""Looking after one instance: its probes, over and over, turn its status."""

import asyncio

from abreast.drivers.probe import Answer, Ask
from abreast.drivers.status import Status
from abreast.drivers.timing import Timing
from abreast.model.service import InstanceState, Version
from abreast.ports import Clock

_SERVING = (InstanceState.READY, InstanceState.UNREADY)
_UNASKED_S = 1.0


class Watch:
    """Both probes of one instance. ``version`` may be replaced at any time; the next probe is the new one's."""

    def __init__(self, version: Version, status: Status, clock: Clock, timing: Timing, ask: Ask) -> None:
        self.version = version
        self._status = status
        self._clock = clock
        self._timing = timing
        self._ask = ask
        self._failures = 0

    def ask_by(self, ask: Ask) -> None:
        """Ask in another way from now on: by one that knows more than the probe."""
        self._ask = ask

    async def first(self, timeout_s: float) -> None:
        """Ask once, for at most so long, and turn the status to ready if all is well."""
        try:
            async with asyncio.timeout(timeout_s):
                self._heard(await self._ready())
        except TimeoutError:
            self._status.note(f"{self.version.ready}: no answer within {timeout_s:g} s")

    async def readiness(self, start_timeout_s: float | None) -> str:
        """Keep asking; ends only with the reason why it is given up: not ready in time after its start."""
        while True:
            self._heard(await self._ready())
            # Somebody else's instance may be down for days: there is no hurry to learn of its start.
            starting = self._status.state is InstanceState.STARTING and start_timeout_s is not None
            if start_timeout_s is not None and starting and self._status.age_s >= start_timeout_s:
                return f"not ready {start_timeout_s:g} s after its start: {self._status.instance.detail}"
            await self._clock.sleep(self._timing.starting_s if starting else self.version.ready.interval_s)

    async def liveness(self) -> str:
        """Keep asking once it has been ready; ends with the reason why it counts as dead."""
        failures = 0
        while True:
            probe = self.version.live
            if probe is None or self._status.state not in _SERVING:
                await self._clock.sleep(_UNASKED_S if probe is None else self._timing.starting_s)
                continue
            answer = await self._ask(self._status.instance.endpoint, probe, self.version)
            failures = 0 if answer.well else failures + 1
            if failures >= self._timing.failures:
                return f"not alive, {failures} times in a row: {answer.detail}"
            await self._clock.sleep(probe.interval_s)

    async def _ready(self) -> Answer:
        return await self._ask(self._status.instance.endpoint, self.version.ready, self.version)

    def _heard(self, answer: Answer) -> None:
        state = self._status.state
        if answer.well:
            self._failures = 0
            if state in (InstanceState.STARTING, InstanceState.UNREADY):
                self._status.turn(InstanceState.READY, answer.detail)
            return
        self._failures += 1
        if state is not InstanceState.READY:
            self._status.note(answer.detail)
        elif self._failures >= self._timing.failures:
            self._status.turn(InstanceState.UNREADY, f"{answer.detail}, {self._failures} times in a row")
