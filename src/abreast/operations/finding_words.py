"""A finding in words: how strong its evidence is, and what can be done about it."""

from math import exp, floor, log
from typing import Final

from abreast.findings.finding import Finding, FindingState

_WEAK: Final = log(2.0)
_COUNTABLE: Final = log(1_000_000.0)


def strength(evidence: float) -> str:
    """The evidence (ln of an e-value) as a sentence.

    By Ville's inequality an e-process ever reaches N in fewer than 1 of N runs in which there is nothing to find.
    """
    if evidence < _WEAK:
        return "no evidence of this rollout's own"
    runs = f"{floor(exp(evidence)):,}" if evidence < _COUNTABLE else f"10^{floor(evidence / log(10.0))}"
    return f"if the candidate were no different, evidence this strong would appear in fewer than 1 of {runs} rollouts"


def next_move(finding: Finding) -> str:
    """What a person can do now."""
    number = finding.number
    if finding.state is FindingState.OPEN:
        return (
            f"if it is meant: abreast accept {number} -m WHY; if it is a defect: mend the candidate, then abreast"
            " retry; if it is noise: abreast findings --suggest"
        )
    if finding.state is FindingState.ACCEPTED:
        return f"if it is not meant after all: abreast reopen {number}"
    return f"nothing: it opens again by itself if it comes back; abreast reopen {number} does so now"
