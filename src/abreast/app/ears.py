"""What one server hears of what the others write, and whom that wakes."""

from collections.abc import Callable
from typing import Final

from abreast.controller.waking import Waking
from abreast.ports import Clock
from abreast.store.signals import Signal

LISTENING_S: Final = 1.0
"""How often is looked at least by who hears: a signal can be lost with its connection."""


class Ears:
    """Wakes who looks for orders, answers, flags and the other servers; ``listening`` says whether signals come.

    ``weighs``: whether this server weighs what gateways counted, so that it wants to know of it at once.
    """

    def __init__(self, clock: Clock) -> None:
        self.touching = Waking(clock)
        self.orders = Waking(clock)
        self.answers = Waking(clock)
        self.flags = Waking(clock)
        self.follow: Callable[[], None] = lambda: None
        self.weighs: Callable[[], bool] = lambda: False
        self.listening: Callable[[], bool] = lambda: False

    def hear(self, signal: Signal) -> None:
        """Something was written."""
        match signal:
            case Signal.ROLLOUT:
                self.follow()
            case Signal.FLAGS:
                self.flags.wake()
            case Signal.ORDER:
                self.orders.wake()
            case Signal.ANSWER:
                self.answers.wake()
            case Signal.NODES:
                self.touching.wake()
            case Signal.SECONDS if self.weighs():
                self.touching.wake()

    def pause_s(self, alone_s: float) -> float:
        """The longest time between two looks; ``alone_s`` while nothing is heard."""
        return LISTENING_S if self.listening() else alone_s
