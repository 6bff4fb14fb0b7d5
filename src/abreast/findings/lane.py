"""The lane of differences: the evidence of one attempt, over all endpoints, that the gate weighs."""

from dataclasses import dataclass, field, replace
from math import log
from typing import Final

from abreast.analysis.eprocess import OK_BETS, WORSE_BETS, Evidence
from abreast.analysis.lanes import BETA, WORSE_DIFFERENCES
from abreast.analysis.windowed import Windowed
from abreast.findings.report import Batch

PATIENCE: Final = 200
"""Exchanges without a control that wait for one."""

WINDOW_S: Final = 10.0
"""Differences within so long are one burst."""

_PARTS: Final = 3
"""No window is more than such a part of a proof."""


@dataclass(frozen=True)
class Lane:
    """Sums since ``since`` (Unix seconds), when the attempt began; what is accepted does not count.

    ``compared`` exchanges, in ``candidate_only`` of which the candidate differed from stable while the control
    agreed; of ``controlled`` ones, the control differed in ``control_only`` while the candidate agreed. ``waiting``
    exchanges are not weighed yet.
    """

    since: float = 0.0
    compared: int = 0
    controlled: int = 0
    candidate_only: int = 0
    control_only: int = 0
    waiting: int = 0
    waiting_candidate_only: int = 0
    weighed_against: Windowed = field(default_factory=lambda: Windowed.of(WORSE_BETS, -log(WORSE_DIFFERENCES) / _PARTS))
    weighed_clear: Windowed = field(default_factory=lambda: Windowed.of(OK_BETS, -log(BETA) / _PARTS))

    @property
    def against(self) -> Evidence:
        """The evidence that the candidate's share is above the tolerance."""
        return self.weighed_against.evidence

    @property
    def clear(self) -> Evidence:
        """The evidence that it is below."""
        return self.weighed_clear.evidence

    def after(self, batch: Batch, tolerance: float, window_s: float = WINDOW_S) -> "Lane":
        """With one more stratum; ``tolerance`` is a share (0.001 is 0.1 %).

        Differences within ``window_s`` are one burst, which decides nothing by itself.

        A batch in which no control was asked waits for the next that has one: its differences may be noise. Where
        none comes for long (unsafe methods have none) stable is taken to agree with itself.
        """
        differing = self.waiting_candidate_only + sum(each.candidate_only for each in batch.endpoints)
        compared = self.waiting + sum(each.compared for each in batch.endpoints)
        controlled = sum(each.controlled for each in batch.endpoints)
        noisy = sum(each.control_only for each in batch.endpoints)
        totals = replace(
            self,
            compared=self.compared + compared - self.waiting,
            controlled=self.controlled + controlled,
            candidate_only=self.candidate_only + differing - self.waiting_candidate_only,
            control_only=self.control_only + noisy,
        )
        if not controlled and compared < PATIENCE:
            return replace(totals, waiting=compared, waiting_candidate_only=differing)
        stratum = (int(batch.at // window_s), differing, compared, noisy, controlled or compared)
        return replace(
            totals,
            waiting=0,
            waiting_candidate_only=0,
            weighed_against=self.weighed_against.after(*stratum, delta=tolerance),
            weighed_clear=self.weighed_clear.after(*stratum, delta=tolerance),
        )
