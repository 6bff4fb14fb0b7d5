"""The lanes: what is bad, what is tolerated, and how sure a verdict must be. Figures from the simulation in docs.

At most 1 % of rollouts are rolled back although the candidate is no worse than tolerated: the sum over the lanes.
"""

from dataclasses import dataclass
from typing import Final

from abreast.analysis.eprocess import OK_BETS, WORSE_BETS
from abreast.analysis.process import Stakes, Test

LATENCY_BETS: Final = (1.25, 1.5, 2.0, 4.0, 10.0)

WORSE_ERRORS: Final = 0.004
WORSE_HARD: Final = 0.001
WORSE_LATENCY: Final = 0.004
"""α of the lanes: how often one may call a candidate worse that is not, in a whole rollout."""

WORSE_DIFFERENCES: Final = 0.001
"""α of the lane of differences, which comparing feeds."""

BETA: Final = 0.05
"""How often a step may be passed by a candidate at its margin."""

HARD_POINTS: Final = 0.25
"""Failing is hard from so much more than stable on."""

LATENCY_POINTS: Final = (0.125, 0.025, 0.01)
"""By how much more of all requests may be slower than stable's q50, q90 and q99 before a step counts as not passed."""

_HARD_WINDOW_S: Final = 1.0

_LEAST_WEIGHT: Final = 0.0001
"""A step that leads to no traffic at all is judged like one to the least there is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a policy tolerates.

    ``budget``: moving on may cost at most this share of all requests (0.0025: 0.25 %). ``tolerance``: how much
    slower than stable's quantiles a candidate may be (0.2: 20 %); None: latency is not watched. ``*_window_s``: how
    long a burst may be that must not decide. ``changes``: weight changes to come; ``longest_s``: the longest time.
    """

    budget: float = 0.0025
    window_s: float = 10.0
    tolerance: float | None = 0.2
    latency_window_s: float = 20.0
    changes: int = 5
    longest_s: float = 21_600.0

    def worse_errors(self) -> Test:
        """Against "p_c ≤ 1.1·p_s + 0.05 points"."""
        stakes = self._stakes(self.window_s)
        return Test(WORSE_BETS, 1.1, 0.0005, WORSE_ERRORS, self.window_s, 3, share_cap=True, stakes=stakes)

    def worse_hard(self) -> Test:
        """Against "p_c ≤ p_s + 25 points"."""
        return Test(WORSE_BETS, 1.0, HARD_POINTS, WORSE_HARD, _HARD_WINDOW_S, 5, stakes=self._stakes(_HARD_WINDOW_S))

    def worse_latency(self) -> Test:
        """Against "the candidate is slower than (1 + tolerance)·x_q no more often than stable is than x_q"."""
        window_s = self.latency_window_s
        stakes = self._stakes(window_s)
        return Test(LATENCY_BETS, 1.0, 0.0, WORSE_LATENCY, window_s, 3, share_cap=True, stakes=stakes)

    def ok_errors(self, next_weight: float) -> Test:
        """Against "p_c ≥ 1.25·p_s + budget / next weight" (a share of 0 to 1)."""
        return Test(OK_BETS, 1.25, self.budget / max(next_weight, _LEAST_WEIGHT), BETA, self.window_s, 3)

    def ok_latency(self, next_weight: float) -> tuple[Test, ...]:
        """Against "slower by the margin / next weight or more", one for each quantile."""
        weight = max(next_weight, _LEAST_WEIGHT)
        return tuple(Test(OK_BETS, 1.0, points / weight, BETA, self.window_s, 3) for points in LATENCY_POINTS)

    def _stakes(self, window_s: float) -> Stakes:
        return Stakes(self.changes, max(1, round(self.longest_s / window_s)))
