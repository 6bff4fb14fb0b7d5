"""The relay: takes what the gateway hands over, asks, has it judged, counts. Bounded in every direction.

What comes faster than it can be asked about is dropped, the newest first, and counted: the gateway never waits.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from abreast.compare.model import Answer, Request
from abreast.findings.judge import Judged
from abreast.findings.report import EndpointReport
from abreast.model.service import Endpoint
from abreast.shadow.answers import UnsendableError
from abreast.shadow.ask import Asker
from abreast.shadow.batches import Batches
from abreast.shadow.capture import Capture, FrameError, read_frame
from abreast.shadow.confirmations import Confirmations
from abreast.shadow.copied import copied
from abreast.shadow.difference_log import DifferenceLog
from abreast.shadow.judging import Exchange, Judging, sample, shown
from abreast.shadow.order import Arm, Order, OrderError, read_order
from abreast.shadow.pace import TokenBucket
from abreast.shadow.plan import Plan, Skip, Target, exchange_id, plan
from abreast.shadow.recording import Recording

QUEUE: Final = 256
"""Frames that wait at most."""
QUEUE_BYTES: Final = 32 * 2**20
"""Bytes of waiting frames at most."""
AT_ONCE: Final = 16
"""Exchanges that are asked about at once."""
PATIENCE_S: Final = 5.0
"""An exchange that has waited for longer is given up: the world that it was answered in has moved on."""
_WARNINGS_PER_S: Final = 0.2

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    frame: bytes
    at_s: float
    rollout: int


@dataclass(frozen=True, slots=True)
class _Compared:
    """An exchange that was judged, and by what order."""

    judging: Judging
    exchange: Exchange
    judged: Judged
    order: Order


class _GivenUpError(Exception):
    """An exchange will not be compared, for this reason."""

    def __init__(self, reason: Skip) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Relay:
    """One relay. ``now`` gives Unix seconds, ``clock`` monotonic ones; ``name`` is another after each start."""

    def __init__(
        self,
        asker: Asker,
        name: str,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._asker = asker
        self._name = name
        self._now = now
        self._clock = clock
        self._order: Order | None = None
        self._judging: Judging | None = None
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._queued_bytes = 0
        self._batches = Batches(name, now, self._counted)
        self._log = DifferenceLog(clock)
        self._confirmations = Confirmations(clock)
        self._warnings = TokenBucket(_WARNINGS_PER_S, 1.0, clock)
        self._recording = Recording()
        self._unnamed = 0
        self._closing = False
        self._moved = asyncio.Event()
        self._heard_s = clock()

    @property
    def silence_s(self) -> float:
        """How long ago anybody handed over an exchange or asked for a report."""
        return self._clock() - self._heard_s

    def obey(self, text: bytes) -> None:
        """Work by this order from now on. Raises OrderError, and goes on as before."""
        order = read_order(text)
        if self._judging is None or not self._judging.fits(order):
            try:
                judging = Judging(order)
            except ValueError as error:
                message = f"policy: {error}"
                raise OrderError(message) from error
            self._batches.begin(order.rollout)
            self._judging = judging
        self._judging.accept(order)
        self._order = order

    def take(self, frame: bytes) -> None:
        """One exchange from the gateway; never waits."""
        self._heard_s = self._clock()
        self._batches.received()
        order = self._order
        if order is not None and order.recording:
            self._record(frame)
        if order is None or order.candidate is None:
            self._batches.skipped(Skip.NO_CANDIDATE)
        elif self._closing or self._queue.qsize() >= QUEUE or self._queued_bytes + len(frame) > QUEUE_BYTES:
            self._batches.skipped(Skip.QUEUE_FULL)
        else:
            self._queued_bytes += len(frame)
            self._queue.put_nowait(_Waiting(frame, self._heard_s, order.rollout))

    def recorded(self) -> str:
        """Users' requests since this was asked last, redacted: NDJSON."""
        self._heard_s = self._clock()
        return self._recording.taken()

    def refuse(self, reason: Skip) -> None:
        """An exchange that did not arrive whole."""
        self._heard_s = self._clock()
        self._batches.received()
        self._batches.skipped(reason)

    def report(self, acknowledged: int) -> bytes:
        """The next batch as JSON (`Batches.next`)."""
        self._heard_s = self._clock()
        batch = self._batches.next(acknowledged)
        self._moved.set()
        return batch

    def health(self) -> dict[str, object]:
        """What it is at, as JSON."""
        rollout = self._order.rollout if self._order is not None else 0
        return {"relay": self._name, "rollout": rollout, "held": self._batches.held}

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def close(self, patience_s: float) -> None:
        """Take nothing more; wait until all that is held is decided and reported, at most so long."""
        self._closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self._batches.held or not self._batches.told:
                    self._moved.clear()
                    await self._moved.wait()

    def _record(self, frame: bytes) -> None:
        if self._judging is not None:
            with contextlib.suppress(FrameError):  # counted as malformed when its turn comes
                capture = read_frame(frame)
                self._recording.add(self._judging.redacted(capture.request, capture.answer))

    def _counted(self) -> tuple[EndpointReport, ...]:
        return self._judging.take() if self._judging is not None else ()

    async def _work(self) -> None:
        while True:
            waiting = await self._queue.get()
            self._queued_bytes -= len(waiting.frame)
            try:
                outcome = await self._decided(waiting)
            except _GivenUpError as error:
                self._batches.skipped(error.reason)
                self._moved.set()
                continue
            self._batches.compared()
            self._moved.set()
            if outcome.judged.candidate_only:
                self._show(outcome)
                await self._confirm(outcome)

    async def _decided(self, waiting: _Waiting) -> _Compared:
        """Ask and judge. Raises _GivenUpError."""
        order, judging = self._order, self._judging
        late = self._clock() - waiting.at_s > PATIENCE_S
        if order is None or judging is None or waiting.rollout != order.rollout or late:
            raise _GivenUpError(Skip.EXPIRED)
        capture = self._captured(waiting.frame)
        number = exchange_id(capture.id_text or self._invented_id())
        planned = plan(order, capture, number)
        if isinstance(planned, Skip):
            raise _GivenUpError(planned)
        request = copied(capture.request, order.signing_key, int(self._now()))
        exchange = Exchange(number, self._now(), judging.endpoint(capture.request), capture.request)
        try:
            await self._ask_all(exchange, capture, planned, request, judging, order.policy.timeout_s)
        except UnsendableError as error:
            self._warn("a request that cannot be sent as it was", error)
            raise _GivenUpError(Skip.MALFORMED) from error
        if any(answer.truncated for answer in exchange.answers):
            raise _GivenUpError(Skip.OVERSIZE)
        if judging is not self._judging:
            raise _GivenUpError(Skip.EXPIRED)
        judged = judging.judge(exchange)
        if not judged.attributable:
            raise _GivenUpError(Skip.NOT_ATTRIBUTABLE)
        return _Compared(judging, exchange, judged, order)

    async def _ask_all(
        self, exchange: Exchange, capture: Capture, planned: Plan, request: Request, judging: Judging, timeout_s: float
    ) -> None:
        """Fill in the answers; raises UnsendableError."""
        control = planned.control if planned.chosen else None
        asked = [("candidate", planned.candidate), ("stable", planned.stable), ("control", control)]
        wanted = [(name, target) for name, target in asked if target is not None]
        if not planned.candidate_first:
            wanted.reverse()
        answers = await asyncio.gather(*(self._ask(target, request, timeout_s) for _, target in wanted))
        by_name = {name: answer for (name, _), answer in zip(wanted, answers, strict=True)}
        exchange.candidate = by_name.get("candidate", capture.answer)
        exchange.stable = by_name.get("stable", capture.answer)
        exchange.control = by_name.get("control")
        exchange.chosen = planned.chosen
        if exchange.control is None and planned.control is not None and judging.wants_control(exchange):
            exchange.control = await self._ask(planned.control, request, timeout_s)

    async def _ask(self, target: Target, request: Request, timeout_s: float) -> Answer:
        return await self._asker.ask(target.url, request, timeout_s=timeout_s, protocol=target.protocol)

    def _show(self, outcome: _Compared) -> None:
        """A sample and lines in the log, if they are wanted."""
        exchange, differences = outcome.exchange, outcome.judged.candidate_only
        told = self._log.admits(len(differences))
        kept = outcome.judging.wants_sample(exchange, differences)
        if not (told or kept):
            return
        redaction = outcome.judging.redaction(exchange)
        if told:
            self._log.tell(str(exchange.number), exchange.endpoint, shown(redaction, differences))
        if kept:
            outcome.judging.sampled(exchange, differences)
            self._batches.sampled(sample(exchange, differences, redaction))

    async def _confirm(self, outcome: _Compared) -> None:
        """Ask both sides once more whether it still differs."""
        exchange, order = outcome.exchange, outcome.order
        if not exchange.request.safe or order.candidate is None:
            return
        candidate = _instance(order.candidate, exchange.candidate.instance)
        stable = _instance(order.stable, exchange.stable.instance)
        if candidate is None or stable is None:
            return
        keys = self._confirmations.wanted(exchange.endpoint, outcome.judged.candidate_only)
        if not keys:
            return
        request = copied(exchange.request, order.signing_key, int(self._now()))
        timeout_s = order.policy.timeout_s
        again = await asyncio.gather(*(self._ask(target, request, timeout_s) for target in (stable, candidate)))
        outcome.judging.confirm(exchange, keys, self._now(), *again)

    def _captured(self, frame: bytes) -> Capture:
        """The exchange in the frame. Raises _GivenUpError."""
        try:
            capture = read_frame(frame)
        except FrameError as error:
            self._warn("a frame that cannot be read", error)
            raise _GivenUpError(Skip.MALFORMED) from error
        if capture.answer.truncated:
            raise _GivenUpError(Skip.OVERSIZE)
        return capture

    def _warn(self, what: str, error: Exception) -> None:
        """Say so, now and then; all are counted as malformed."""
        if self._warnings.take():
            _logger.warning("%s: %s", what, error)

    def _invented_id(self) -> str:
        self._unnamed += 1
        return f"{self._name}-{self._unnamed}"


def _instance(arm: Arm, instance: str) -> Target | None:
    """That instance of the arm, unless it is gone. A frame's word alone sends nothing anywhere."""
    found: Endpoint | None = next((endpoint for endpoint in arm.endpoints if str(endpoint) == instance), None)
    return Target(found, arm.protocol) if found is not None else None
