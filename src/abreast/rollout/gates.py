"""Gates: is the candidate worse? Until the statistical lanes exist, by a simple limit on the error share."""

from dataclasses import dataclass

from abreast.model.rollout import ErrorGate
from abreast.model.units import format_weight, percent
from abreast.rollout.observed import Tally


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
