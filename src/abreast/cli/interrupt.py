"""A wait that is interrupted: by Ctrl-C, by a pipeline that is cancelled, by a machine that goes away."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """Raised where the program is when the first signal comes; no `Exception`, so that nothing takes it for a fault."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = signal.Signals(number)

    @property
    def exit_code(self) -> int:
        """What a shell says of a program that this signal ended."""
        return 128 + self.signal


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it, the first of `SIGNALS` raises Interrupted, and those that follow do nothing.

    A pipeline sends another one a few seconds after the first; what is still to be done must not be cut off by it.
    """

    def interrupt(number: int, _frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    before = {each: signal.signal(each, interrupt) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
