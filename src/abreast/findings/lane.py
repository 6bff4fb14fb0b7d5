"""The lane of differences: the evidence of one attempt, over all endpoints, that the gate weighs."""

from dataclasses import dataclass, field, replace
from typing import Final

from abreast.analysis.eprocess import OK_BETS, WORSE_BETS, Evidence
from abreast.findings.report import Batch

PATIENCE: Final = 200
"""Exchanges without a control that wait for one."""


@dataclass(frozen=True)
class Lane:
    """Sums since ``since`` (Unix seconds), when the attempt began; what is accepted does not count.

    ``compared`` exchanges, in ``candidate_only`` of which the candidate differed from stable while the control
    agreed; of ``controlled`` ones, the control differed in ``control_only`` while the candidate agreed. ``against`` is
    the evidence that the candidate's share is above the tolerance, ``clear`` that it is below. ``waiting`` exchanges
    are not weighed yet.
    """

    since: float = 0.0
    compared: int = 0
    controlled: int = 0
    candidate_only: int = 0
    control_only: int = 0
    waiting: int = 0
    waiting_candidate_only: int = 0
    against: Evidence = field(default_factory=lambda: Evidence.of(WORSE_BETS))
    clear: Evidence = field(default_factory=lambda: Evidence.of(OK_BETS))

    def after(self, batch: Batch, tolerance: float) -> "Lane":
        """With one more stratum; ``tolerance`` is a share (0.001 is 0.1 %).

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
        stratum = (differing, compared, noisy, controlled or compared)
        return replace(
            totals,
            waiting=0,
            waiting_candidate_only=0,
            against=self.against.after(*stratum, delta=tolerance),
            clear=self.clear.after(*stratum, delta=tolerance),
        )
