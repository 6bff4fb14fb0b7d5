"""Each signal wakes who looks for that, and nobody else."""

import pytest

from abreast.app.ears import LISTENING_S, Ears
from abreast.store.signals import Signal
from tests.fakes.clock import FakeClock


class Heard:
    """Ears, and who was woken."""

    def __init__(self) -> None:
        self.ears = Ears(FakeClock())
        self.followed = 0
        self.ears.follow = self.follow

    def follow(self) -> None:
        self.followed += 1

    def woken(self) -> set[str]:
        names = ("touching", "orders", "answers", "flags")
        return {name for name in names if getattr(self.ears, name).happened} | ({"follow"} if self.followed else set())


@pytest.mark.parametrize(
    ("signal", "weighs", "who"),
    [
        (Signal.ROLLOUT, False, {"follow"}),
        (Signal.FLAGS, False, {"flags"}),
        (Signal.ORDER, False, {"orders"}),
        (Signal.ANSWER, False, {"answers"}),
        (Signal.NODES, False, {"touching"}),
        (Signal.SECONDS, True, {"touching"}),
        (Signal.SECONDS, False, set()),
    ],
)
def test_who_is_woken(signal: Signal, weighs: bool, who: set[str]) -> None:  # a parameter of the table
    heard = Heard()
    heard.ears.weighs = lambda: weighs
    heard.ears.hear(signal)
    assert heard.woken() == who


def test_every_signal_has_somebody() -> None:
    for signal in Signal:
        heard = Heard()
        heard.ears.weighs = lambda: True
        heard.ears.hear(signal)
        assert heard.woken(), signal


def test_who_hears_looks_seldom() -> None:
    ears = Ears(FakeClock())
    assert ears.pause_s(0.1) == 0.1
    ears.listening = lambda: True
    assert ears.pause_s(0.1) == LISTENING_S
