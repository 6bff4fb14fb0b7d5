"""What is known of an attempt: counts, evidence for and against, as the gates and the reader need it."""

from dataclasses import dataclass
from typing import Final, Self

from abreast.analysis.process import Process


@dataclass(frozen=True, slots=True)
class Progress:
    """Evidence for something: now, at most so far, and how much is a proof; natural logarithms."""

    log_e: float = 0.0
    peak: float = 0.0
    needed: float = 1.0

    @classmethod
    def of(cls, process: Process) -> Self:
        """How far a process has got."""
        return cls(process.log_e, process.peak, process.test.needed)

    @property
    def proven(self) -> bool:
        """Whether it was ever a proof: it stays one."""
        return self.peak >= self.needed

    @property
    def share(self) -> float:
        """How much of the proof there is, 0 to 1."""
        return 1.0 if self.proven else min(1.0, max(0.0, self.log_e / self.needed))


@dataclass(frozen=True, slots=True)
class Counted:
    """Bad ones of all, of either version."""

    bad_c: int = 0
    seen_c: int = 0
    bad_s: int = 0
    seen_s: int = 0


NOTHING: Final = Counted()


@dataclass(frozen=True, slots=True)
class ErrorEvidence:
    """``attempt`` and ``step`` are counts since they began; ``low`` and ``high`` bound p_c − p_s in the attempt.

    ``alone`` are the candidate's while it has all users, and stable's of the time before.
    """

    attempt: Counted = NOTHING
    step: Counted = NOTHING
    worse: Progress = Progress()
    hard: Progress = Progress()
    fine: Progress = Progress()
    low: float = -1.0
    high: float = 1.0
    alone: Counted = NOTHING


@dataclass(frozen=True, slots=True)
class QuantileEvidence:
    """One of stable's quantiles: ``edge_us`` is x_q (0: not known yet), counts are of those slower than their edge."""

    quantile: float
    edge_us: int = 0
    attempt: Counted = NOTHING
    step: Counted = NOTHING
    fine: Progress = Progress()


@dataclass(frozen=True, slots=True)
class LatencyEvidence:
    """``worse`` is the average over the quantiles; ``fine`` each has to be. ``warming``: an instance just started."""

    quantiles: tuple[QuantileEvidence, ...] = ()
    worse: Progress = Progress()
    warming: bool = False

    @property
    def fine(self) -> bool:
        """Whether the candidate is proven to be no slower than the margins."""
        return bool(self.quantiles) and all(each.fine.proven for each in self.quantiles)


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is known of an attempt up to ``at`` (Unix seconds; 0: nothing yet). Latency is None if nobody asks."""

    at: float = 0.0
    errors: ErrorEvidence = ErrorEvidence()
    latency: LatencyEvidence | None = None
