"""Orders in memory, under the same contract as those in the store."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class _Order:
    body: str
    token: int = 0
    answer: str | None = None


@dataclass
class FakeOrders:
    """`abreast.operations.orders.OrderBook` in memory; nobody's time runs out."""

    orders: dict[str, _Order] = field(default_factory=dict)

    async def place(self, id_: str, body: str, wait_s: float) -> None:
        """Add it."""
        self.orders[id_] = _Order(body)

    async def withdraw(self, id_: str) -> bool:
        """Take it back unless somebody began."""
        if self.orders[id_].token:
            return False
        del self.orders[id_]
        return True

    async def answer(self, id_: str) -> str | None:
        """What it came to."""
        return self.orders[id_].answer

    async def begin(self, token: int, lost: str) -> Sequence[tuple[str, str]]:
        """Those that nobody began with."""
        for each in self.orders.values():
            if each.token not in {0, token} and each.answer is None:
                each.answer = lost
        fresh = [(id_, each) for id_, each in self.orders.items() if not each.token]
        for _, each in fresh:
            each.token = token
        return [(id_, each.body) for id_, each in fresh]

    async def finish(self, id_: str, answer: str) -> None:
        """Answer it."""
        self.orders[id_].answer = self.orders[id_].answer or answer
