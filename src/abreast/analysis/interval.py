"""What can be ruled out: an interval for p_c − p_s that holds at all times at once.

The e-process with ρ = 1 is inverted in δ: of each bet two sums are kept,

    G = Σ (e_c·ln a + e_s·ln b);  D = Σ n_c·(a − 1);  so that for any δ  ℓ(δ) = G − δ·D.

Bets above 1 refuse "p_c ≤ p_s + δ" for every δ below the interval, bets below 1 refuse "p_c ≥ p_s + δ" for every δ
above it. Windows and caps have no part in it: it says what was counted, not what is to be done.
"""

from collections.abc import Mapping, Sequence
from math import exp, log
from typing import Any, Final, Self

from abreast.analysis.eprocess import OK_BETS, WORSE_BETS
from abreast.analysis.process import Stratum

ERROR: Final = 0.05
"""The interval misses the truth, ever, with at most this chance; half of it on either side."""

_HALVINGS: Final = 40

_BETS: Final = tuple((bet - 1, log(bet)) for bet in (*WORSE_BETS, *OK_BETS))
_WORSE: Final = slice(0, len(WORSE_BETS))
_CLEAR: Final = slice(len(WORSE_BETS), None)


class Interval:
    """Sums over the strata so far."""

    __slots__ = ("_cost", "_gained")

    def __init__(self) -> None:
        """Nothing seen: everything is possible."""
        self._gained = [0.0] * len(_BETS)
        self._cost = [0.0] * len(_BETS)

    def add(self, stratum: Stratum) -> None:
        """One more stratum; nothing on one side says nothing."""
        bad_c, seen_c, bad_s, seen_s = stratum
        if seen_c <= 0 or seen_s <= 0:
            return
        share, bad = seen_c / (seen_c + seen_s), bad_c + bad_s
        others, gained, cost = seen_c * (1 - share), self._gained, self._cost
        for place, (more, log_bet) in enumerate(_BETS):
            slack = 1 + more * share  # b is its inverse, and a - 1 = (bet - 1) * (1 - share) / slack
            cost[place] += others * more / slack
            if bad:
                gained[place] += bad_c * log_bet - bad * log(slack)

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest difference of shares that is not refused: -1 to 1 before anything is known.

        Where it has changed so much that every single difference is refused, what lies between the two borders.
        """
        above, below = self._border(_WORSE, refused=-1.0, held=1.0), self._border(_CLEAR, refused=1.0, held=-1.0)
        return min(above, below), max(above, below)

    def state(self) -> dict[str, Any]:  # Any: JSON
        """All of it as JSON; `restored` takes it."""
        return {"gained": list(self._gained), "cost": list(self._cost)}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """Go on from a `state`."""
        interval = cls()
        interval._gained, interval._cost = list(state["gained"]), list(state["cost"])
        return interval

    def _border(self, bets: slice, *, refused: float, held: float) -> float:
        """Between a δ that may be refused and one that never is, where refusing ends: ℓ(δ) is monotone in δ."""
        sums = list(zip(self._gained[bets], self._cost[bets], strict=True))
        if not _refuses(sums, refused):
            return refused
        for _ in range(_HALVINGS):
            middle = (refused + held) / 2
            if _refuses(sums, middle):
                refused = middle
            else:
                held = middle
        return refused


def _refuses(sums: Sequence[tuple[float, float]], delta: float) -> bool:
    logs = [gained - delta * cost for gained, cost in sums]
    highest = max(logs)
    return highest + log(sum(exp(each - highest) for each in logs) / len(logs)) >= -log(ERROR / 2)
