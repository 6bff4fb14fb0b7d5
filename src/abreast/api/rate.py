"""How often somebody may ask: so many times at once, and so many in each second from then on."""

import math
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from abreast.api.problems import TooManyError
from abreast.ports import Clock

MOST_ASKERS: Final = 10_000
"""Who has not asked for the longest is forgotten first: who has many addresses cannot fill the memory."""


class Rate:
    """``burst`` requests at once, refilled by ``per_s`` each second, for each asker by itself."""

    def __init__(self, clock: Clock, what: str, *, per_s: float, burst: int) -> None:
        self._clock = clock
        self._what = what
        self._per_s = per_s
        self._burst = burst
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        """What each asker had left, and when (Unix seconds)."""

    def take(self, asker: Hashable) -> None:
        """One more request. Raises TooManyError, which costs nothing of what is left."""
        now = self._clock.now()
        had, at = self._left.get(asker, (float(self._burst), now))
        # A clock that was set back refills nothing, and takes nothing away.
        left = min(float(self._burst), had + max(0.0, now - at) * self._per_s)
        allowed = left >= 1
        self._left[asker] = (left - 1 if allowed else left, now)
        self._left.move_to_end(asker)
        if len(self._left) > MOST_ASKERS:
            self._left.popitem(last=False)
        if not allowed:
            wait_s = max(1, math.ceil((1 - left) / self._per_s))
            message = f"more than {self._per_s:g} {self._what} a second, after {self._burst:,} at once"
            raise TooManyError(message, f"try again in {wait_s} s", wait_s)
