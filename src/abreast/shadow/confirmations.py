"""Which differences are asked about once more: few a second, and each key only so often."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from abreast.compare.model import Difference
from abreast.findings.report import Key
from abreast.shadow.judging import keys_of
from abreast.shadow.pace import TokenBucket

PER_S: Final = 5.0
PER_KEY: Final = 20
_KEYS: Final = 20_000
"""Keys that are remembered; beyond it no new ones are confirmed."""


class Confirmations:
    """Counts what has been confirmed; ``clock`` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._bucket = TokenBucket(PER_S, PER_S, clock)
        self._asked: Counter[tuple[str, Key]] = Counter()

    def wanted(self, endpoint: str, differences: tuple[Difference, ...]) -> tuple[Key, ...]:
        """The keys that deserve another look now; they count as looked at. None if there is no time for it."""
        wanted = tuple(
            key
            for key in keys_of(differences)
            if self._asked[endpoint, key] < PER_KEY and ((endpoint, key) in self._asked or len(self._asked) < _KEYS)
        )
        if not wanted or not self._bucket.take():
            return ()
        self._asked.update((endpoint, key) for key in wanted)
        return wanted
