"""One relay as the control plane speaks with it: its order, and its reports, each counted once."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from abreast.findings.report import BATCH_JSON, Batch
from abreast.ports import Clock
from abreast.shadow.order import ORDER_JSON, Order

_OK: Final = 200
_NO_CONTENT: Final = 204


class RelayUnreachableError(Exception):
    """The relay does not answer now: it starts, hangs, or has ended."""


@dataclass(frozen=True)
class RelayAnswer:
    """What a relay answered, as HTTP has it."""

    status: int
    body: bytes
    media_type: str = ""


Ask = Callable[[str, str, bytes], Awaitable[RelayAnswer]]
"""Takes a method, a path and a body. Raises RelayUnreachableError."""


class RelayClient:
    """Speaks with one relay process. ``silent_since`` is when it stopped to answer (Unix seconds); None: it answers."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        self._way = ask
        self._clock = clock
        self._told: Order | None = None
        self._acknowledged = 0
        self.silent_since: float | None = None
        self.relay = ""
        """The name of the process, once it has reported."""

    async def tell(self, order: Order) -> None:
        """Give it the order unless it has it. Raises RelayUnreachableError; ValueError if it refuses."""
        if order == self._told:
            return
        answer = await self._ask("PUT", "/order", ORDER_JSON.dump_json(order))
        if answer.status != _NO_CONTENT:
            message = f"the relay refuses its order: {answer.body.decode('utf-8', 'replace')}"
            raise ValueError(message)
        self._told = order

    async def report(self) -> Batch | None:
        """The next batch; the same one again until `acknowledge`. None: nothing new. Raises RelayUnreachableError."""
        answer = await self._ask("GET", f"/report?acknowledge={self._acknowledged}")
        try:
            batch = BATCH_JSON.validate_json(answer.body) if answer.status != _NO_CONTENT else None
        except ValueError as error:
            # Of another release, perhaps: it is treated as one that is silent.
            self._hush()
            message = f"the relay's report cannot be read: {error}"
            raise RelayUnreachableError(message) from error
        self.silent_since = None
        if batch is not None:
            self.relay = batch.relay
        return batch

    def acknowledge(self, batch: Batch) -> None:
        """It is recorded: the next report is the next batch."""
        self._acknowledged = batch.number

    async def recorded(self) -> Sequence[str]:
        """Users' requests since this was asked last, redacted, a JSON object each. Raises RelayUnreachableError."""
        answer = await self._ask("GET", "/recorded")
        return answer.body.decode().splitlines() if answer.status == _OK else ()

    async def _ask(self, method: str, path: str, content: bytes = b"") -> RelayAnswer:
        try:
            return await self._way(method, path, content)
        except RelayUnreachableError:
            self._hush()
            raise

    def _hush(self) -> None:
        if self.silent_since is None:
            self.silent_since = self._clock.now()
