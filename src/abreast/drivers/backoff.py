"""How long to wait before the next start of something that keeps failing."""

from random import Random

from abreast.drivers.timing import Timing

_JITTER = 0.2


class Backoff:
    """Doubles from ``timing.backoff_first_s`` to ``backoff_most_s``, each up to 20 % longer or shorter.

    The jitter keeps instances that failed together from starting together for ever.
    """

    def __init__(self, timing: Timing, random: Random) -> None:
        self._timing = timing
        self._random = random
        self._failures = 0

    def next_s(self, ready_for_s: float) -> float:
        """The wait after one more failure of something that had been ready for ``ready_for_s`` before."""
        if ready_for_s >= self._timing.steady_s:
            self._failures = 0
        # 2**16 times the first wait is beyond any sensible limit; a larger power only risks an overflow.
        wait_s = self._timing.backoff_first_s * (1 << min(self._failures, 16))
        self._failures += 1
        jitter = 1 + self._random.uniform(-_JITTER, _JITTER)
        return min(wait_s * jitter, self._timing.backoff_most_s)
