"""The limit on the error share: where it lies exactly, and what it does with little or no data."""

import pytest

from abreast.model.rollout import ErrorGate
from abreast.rollout.gates import Verdict, judge_errors
from abreast.rollout.observed import Tally

GATE = ErrorGate(limit=500, min_requests=20, window_s=60.0)


def judged(candidate: Tally, stable: Tally, gate: ErrorGate = GATE) -> Verdict:
    return judge_errors(gate, candidate, stable, "the last 1 m")


@pytest.mark.parametrize(
    ("candidate", "stable", "worse"),
    [
        ((100, 5), (100, 0), False),  # 5 points more are allowed
        ((100, 6), (100, 0), True),
        ((100, 15), (100, 10), False),
        ((100, 16), (100, 10), True),
        ((1000, 50), (9000, 0), False),
        ((1000, 51), (9000, 0), True),
        ((20, 1), (0, 0), False),  # no stable requests: its share counts as 0
        ((20, 2), (0, 0), True),
        ((100, 100), (100, 100), False),  # a shared outage
        ((100, 0), (100, 100), False),
    ],
)
def test_worse_is_more_than_the_limit_above_stable(
    candidate: tuple[int, int], stable: tuple[int, int], worse: bool
) -> None:
    verdict = judged(Tally(*candidate), Tally(*stable))
    assert (verdict.worse, verdict.proven) == (worse, not worse)


@pytest.mark.parametrize("errors", [0, 19])
def test_too_few_requests_prove_nothing_either_way(errors: int) -> None:
    verdict = judged(Tally(19, errors), Tally(1000, 0))
    assert not verdict.worse
    assert not verdict.proven
    assert verdict.sentence.startswith("undecided: 19 of 20 candidate requests needed; ")


def test_a_limit_of_zero_allows_no_error_more() -> None:
    strict = ErrorGate(limit=0, min_requests=1)
    assert judged(Tally(1000, 1), Tally(1000, 0), strict).worse
    assert judged(Tally(1000, 1), Tally(1000, 1), strict).proven


def test_the_sentence_has_all_numbers() -> None:
    assert judged(Tally(200, 30), Tally(1800, 9)).sentence == (
        "15.00 % of candidate requests failed against 0.50 % of stable's in the last 1 m "
        "(30 of 200; 9 of 1800), more than 5 % worse"
    )
    assert judged(Tally(200, 2), Tally(0, 0)).sentence == (
        "within 5 %: 1.00 % of candidate requests failed against – of stable's in the last 1 m (2 of 200; 0 of 0)"
    )
