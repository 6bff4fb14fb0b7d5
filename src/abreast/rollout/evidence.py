"""Each gate's evidence as people read it: how it stands, what is missing, and how long that takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Final

from abreast.model.rollout import Phase, Rollout
from abreast.model.units import about
from abreast.rollout.data import judge_data
from abreast.rollout.gates import Verdict, judge_differences, judge_errors, judge_latency
from abreast.rollout.observed import Observed, Tally

_OUTAGE: Final = 0.02
"""Less of stable's requests failing is how services are, and no reason to speak of it."""

_ALIKE: Final = 1.5
"""Up to so many times stable's share of failures the two are told to have failed alike."""


@dataclass(frozen=True)
class GateEvidence:
    """A gate's name and verdict; ``missing_s``: how long what is missing takes at the present rate, None if unknown."""

    name: str
    verdict: Verdict
    missing_s: float | None = None

    @property
    def sentence(self) -> str:
        """The verdict, with the time that its proof takes."""
        if self.missing_s is None or self.verdict.proven or self.verdict.worse:
            return self.verdict.sentence
        return f"{self.verdict.sentence}; at the present rate that takes {about(self.missing_s)}"


def evidence_of(rollout: Rollout, observed: Observed) -> tuple[GateEvidence, ...]:
    """Of every gate that has a say in this policy."""
    return tuple(_evidence_of(rollout, observed))


def _evidence_of(rollout: Rollout, observed: Observed) -> Iterator[GateEvidence]:
    policy, assessment = rollout.policy, observed.assessment
    since = max(rollout.step_since, rollout.weight_since)
    step_s = observed.now - max(since, observed.counting_since)
    requests = observed.step.get(rollout.candidate or "", Tally()).requests
    rate_per_s = requests / step_s if step_s > 0 else 0.0
    if policy.errors.watch:
        yield _gate("errors", judge_errors(rollout, assessment), rate_per_s)
    if policy.latency is not None:
        yield _gate("latency", judge_latency(rollout, assessment), rate_per_s)
    if rollout.shadow or observed.differences.compared:
        attempt_s = observed.now - rollout.attempt_since
        compared_per_s = observed.differences.compared / attempt_s if attempt_s > 0 else 0.0
        yield _gate("differences", judge_differences(policy.differences, observed.differences), compared_per_s)
    if policy.data is not None:
        yield _gate("data", judge_data(rollout, observed), 0.0)


def _gate(name: str, verdict: Verdict, rate_per_s: float) -> GateEvidence:
    missing = verdict.missing
    missing_s = missing / rate_per_s if missing is not None and missing < inf and rate_per_s > 0 else None
    return GateEvidence(name, verdict, missing_s)


def why_alike(rollout: Rollout, observed: Observed) -> str | None:
    """Why failures of both versions together are no reason to roll back; None where there is nothing to say."""
    seen = observed.assessment.errors
    counted = seen.attempt
    if rollout.phase is Phase.BAKING or seen.worse.proven or seen.hard.proven or not counted.seen_c:
        return None
    stable = counted.bad_s / counted.seen_s if counted.seen_s else 0.0
    candidate = counted.bad_c / counted.seen_c
    if not counted.bad_c or stable < _OUTAGE or candidate > _ALIKE * stable:
        return None
    return (
        f"Both versions failed in the same seconds ({counted.bad_c:,} of {counted.seen_c:,} candidate requests, "
        f"{counted.bad_s:,} of {counted.seen_s:,} of stable's): what hits both alike says nothing against the candidate"
    )
