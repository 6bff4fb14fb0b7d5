"""A relay on paper: it reports what a test gives it, batch by batch, and lives and dies as a test says."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from abreast.findings.report import Batch
from abreast.shadow.crew import Crew
from abreast.shadow.order import Order
from abreast.shadow.relay_client import RelayUnreachableError


@dataclass
class FakeCrew(Crew):
    """`abreast.shadow.crew.Crew` without a process.

    ``decided`` are batches that wait to be read; the oldest is given again and again until it is acknowledged.
    ``left_running`` is a relay that an earlier control plane left, to be adopted. A ``refusal`` answers every order.
    """

    decided: list[Batch] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    acknowledged: list[tuple[str, int]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    left_running: bool = False
    alive: bool = False
    silent: bool = False
    refusal: str = ""
    cannot_start: str = ""
    starts: int = 0
    stops: int = 0
    losses: int = 0
    closed: bool | None = None
    _lost: bool = False
    _name: str | None = ""

    def gives(self, batch: Batch, relay: str = "relay-1") -> None:
        """Have this batch reported next, after those that wait."""
        self.decided.append(replace(batch, relay=relay))

    def dies(self) -> None:
        """As by kill -9: what it had not told is gone."""
        self.alive, self._lost = False, True
        self.decided.clear()

    @property
    def running(self) -> bool:
        """Whether there is one."""
        return self.alive

    def adopt(self) -> bool:
        """Take over what is left running."""
        self.alive = self.left_running
        self._name = None
        return self.alive

    def lost(self, known: Collection[str]) -> Collection[str]:
        """All but the one that runs; one that was adopted says who it is with its first batch."""
        if not self.alive:
            return tuple(known)
        return [] if self._name is None else [name for name in known if name != self._name]

    async def keep(self) -> bool:
        """Start one unless there is one."""
        lost, self._lost = self._lost, False
        if self.cannot_start:
            raise OSError(self.cannot_start)
        if not self.alive:
            self.alive, self.starts, self._name = True, self.starts + 1, ""
            self.orders = []
        return lost

    async def tell(self, order: Order) -> None:
        """Write the order down, unless it has it."""
        self._answer()
        if self.refusal:
            raise ValueError(self.refusal)
        if self.orders[-1:] != [order]:
            self.orders.append(order)

    async def report(self) -> Batch | None:
        """The oldest that is not acknowledged."""
        if not self.alive:
            return None
        self._answer()
        if not self.decided:
            return None
        self._name = self.decided[0].relay
        return self.decided[0]

    async def recorded(self) -> Sequence[str]:
        """All lines that it has."""
        self._answer()
        lines, self.lines = self.lines, []
        return lines

    def acknowledge(self, batch: Batch) -> None:
        """Forget the batch."""
        self.acknowledged.append((batch.relay, batch.number))
        self.decided.remove(batch)

    async def stop(self) -> bool:
        """End it."""
        ran = self.alive
        self.alive, self.stops = False, self.stops + 1
        self.decided.clear()
        return ran

    async def close(self, *, stop: bool) -> None:
        """Write down how it was let go."""
        self.closed = stop

    def _answer(self) -> None:
        if self.silent or not self.alive:
            raise RelayUnreachableError("it does not answer")
