"""What many runs of one rule come to: operating characteristics."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import ceil, inf, isfinite
from typing import Any

from abreast.simulate.course import End, Outcome


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest of ``values`` that at least ``share`` of them do not exceed; infinite without any."""
    ranked = sorted(values)
    return ranked[max(0, ceil(share * len(ranked)) - 1)] if ranked else inf


def share_of(outcomes: Sequence[Outcome], end: End) -> float:
    """The share of runs that ended so."""
    return sum(outcome.end is end for outcome in outcomes) / len(outcomes) if outcomes else 0.0


def until_rolled_back(outcomes: Iterable[Outcome]) -> list[float]:
    """Candidate requests until the rollback, of every run: infinite where there was none."""
    return [outcome.requests_c if outcome.end is End.ROLLED_BACK else inf for outcome in outcomes]


def until_promoted_s(outcomes: Iterable[Outcome]) -> list[float]:
    """Seconds until the promotion, of every run: infinite where there was none."""
    return [outcome.at_s if outcome.end is End.PROMOTED else inf for outcome in outcomes]


def late_s(outcomes: Iterable[Outcome]) -> list[float]:
    """Seconds from the moment it became worse to the rollback, of every run in which it did."""
    return [
        outcome.late_s if outcome.end is End.ROLLED_BACK and outcome.late_s is not None else inf for outcome in outcomes
    ]


@dataclass(frozen=True, slots=True)
class Summary:
    """One rule at one truth; shares 0 to 1. A median or p90 beyond what the runs saw is infinite."""

    truth: str
    rule: str
    runs: int
    rolled_back: float
    promoted: float
    undecided: float
    requests_p50: float
    requests_p90: float
    failed_p50: float
    promoted_p50_s: float

    @classmethod
    def of(cls, truth: str, outcomes: Sequence[Outcome]) -> "Summary":
        """Of one rule's outcomes."""
        requests = until_rolled_back(outcomes)
        return cls(
            truth,
            outcomes[0].rule,
            len(outcomes),
            share_of(outcomes, End.ROLLED_BACK),
            share_of(outcomes, End.PROMOTED),
            share_of(outcomes, End.UNDECIDED),
            quantile(requests, 0.5),
            quantile(requests, 0.9),
            quantile((outcome.failed_c for outcome in outcomes), 0.5),
            quantile(until_promoted_s(outcomes), 0.5),
        )

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """For a JSON file, in which "never" is null."""
        return {
            name: None if isinstance(value, float) and not isfinite(value) else value
            for name, value in asdict(self).items()
        }
