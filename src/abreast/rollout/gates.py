"""Gates: is the candidate worse? Errors by a simple limit on their share, differences by anytime-valid evidence."""

from dataclasses import dataclass
from math import log
from typing import Final

from abreast.model.rollout import DifferenceGate, ErrorGate
from abreast.model.units import FULL_WEIGHT, format_weight, percent
from abreast.rollout.observed import Differences, Tally

WORSE_ONE_IN: Final = 1000
"""A candidate within the tolerance is called worse in fewer than one of so many rollouts."""

CLEAR_ONE_IN: Final = 20
"""A candidate at the tolerance passes in fewer than one of so many rollouts."""


@dataclass(frozen=True)
class Verdict:
    """``worse``: roll back now; ``proven``: enough was seen to go on; ``sentence``: why, for people."""

    worse: bool
    proven: bool
    sentence: str


def judge_errors(gate: ErrorGate, candidate: Tally, stable: Tally, window: str) -> Verdict:
    """Compare the two versions' error shares over the same ``window`` (named for the sentence).

    What hits both alike cancels out: the limit is on the difference. Too few requests decide nothing.
    """
    shares = (
        f"{percent(candidate.errors, candidate.requests)} of candidate requests failed against "
        f"{percent(stable.errors, stable.requests)} of stable's in {window} "
        f"({candidate.errors} of {candidate.requests}; {stable.errors} of {stable.requests})"
    )
    if candidate.requests < gate.min_requests:
        sentence = f"undecided: {candidate.requests} of {gate.min_requests} candidate requests needed"
        if candidate.requests:
            sentence += f"; {shares}"
        return Verdict(worse=False, proven=False, sentence=sentence)
    excess = candidate.errors / candidate.requests - (stable.errors / stable.requests if stable.requests else 0)
    if excess * 10_000 > gate.limit:
        sentence = f"{shares}, more than {format_weight(gate.limit)} worse"
        return Verdict(worse=True, proven=False, sentence=sentence)
    return Verdict(worse=False, proven=True, sentence=f"within {format_weight(gate.limit)}: {shares}")


def judge_differences(gate: DifferenceGate, seen: Differences) -> Verdict:
    """Weigh how often the candidate's answers differ beyond stable's own noise. Nothing compared decides nothing."""
    if not seen.compared:
        return Verdict(worse=False, proven=False, sentence="undecided: no answers compared yet")
    limit = format_weight(gate.tolerance)
    shares = (
        f"{percent(seen.candidate_only, seen.compared)} of the candidate's answers differ "
        f"({seen.candidate_only} of {seen.compared}; stable's own: {seen.control_only} of {seen.controlled})"
    )
    if seen.against.log_e >= log(WORSE_ONE_IN):
        first = f"; first of all {seen.findings[0]}" if seen.findings else ""
        sentence = (
            f"{shares}. If no more than {limit} did, evidence this strong would appear in fewer than "
            f"1 of {WORSE_ONE_IN:,} rollouts{first}"
        )
        return Verdict(worse=True, proven=False, sentence=sentence)
    if seen.clear.log_e >= log(CLEAR_ONE_IN):
        return Verdict(worse=False, proven=True, sentence=f"no more than {limit} differ: {shares}")
    needed = answers_needed(gate)
    sentence = f"undecided: {shares}; about {needed:,} compared answers are needed if none differs"
    return Verdict(worse=False, proven=False, sentence=sentence)


def answers_needed(gate: DifferenceGate) -> int:
    """How many compared answers prove the tolerance if none differs, each with a control.

    Of the bets only the most daring one counts then: b = 1 / (1 + (θ-1) / 2), growth δ·(1 - θ·b) per answer.
    """
    seen = Differences().clear
    boldest = min(seen.bets)
    growth = gate.tolerance / FULL_WEIGHT * (1 - boldest / (1 + (boldest - 1) / 2))
    return round((log(CLEAR_ONE_IN) + log(len(seen.bets))) / growth) if growth else 0
