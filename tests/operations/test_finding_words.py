"""How strong evidence is and what can be done, in words."""

from math import log

import pytest

from abreast.findings.finding import FindingState
from abreast.operations.finding_words import next_move, strength
from tests.contracts.test_findings import a_finding


@pytest.mark.parametrize(
    ("evidence", "runs"),
    [
        (log(2.0), "2"),
        (log(1000.4), "1,000"),
        (log(12_345.6), "12,345"),
        (log(999_999.5), "999,999"),
        (log(1_000_000.5), "10^6"),
        (log(9.9e12), "10^12"),
        (5000.0, "10^2171"),
    ],
)
def test_evidence_is_told_as_a_share_of_rollouts_rounded_down(evidence: float, runs: str) -> None:
    assert strength(evidence) == (
        f"if the candidate were no different, evidence this strong would appear in fewer than 1 of {runs} rollouts"
    )


@pytest.mark.parametrize("evidence", [-50.0, 0.0, 0.69])
def test_too_little_evidence_claims_nothing(evidence: float) -> None:
    assert strength(evidence) == "no evidence of this rollout's own"


@pytest.mark.parametrize(
    ("state", "commands"),
    [
        (FindingState.OPEN, ["abreast accept 7 -m WHY", "abreast retry", "abreast findings --suggest"]),
        (FindingState.ACCEPTED, ["abreast reopen 7"]),
        (FindingState.RESOLVED, ["abreast reopen 7"]),
    ],
)
def test_the_next_move_names_the_commands_of_its_state(state: FindingState, commands: list[str]) -> None:
    words = next_move(a_finding(7, state=state))
    assert [command for command in commands if command in words] == commands
