"""What many runs come to."""

from math import inf

import pytest

from abreast.simulate.course import End, Outcome
from abreast.simulate.summary import Summary, late_s, quantile, share_of, until_promoted_s, until_rolled_back

BACK = Outcome("abreast", End.ROLLED_BACK, at_s=10, requests_c=50, failed_c=5, late_s=4.0)
LATER = Outcome("abreast", End.ROLLED_BACK, at_s=20, requests_c=100, failed_c=9, late_s=14.0)
UP = Outcome("abreast", End.PROMOTED, at_s=300, requests_c=9000, failed_c=1, late_s=None)
STILL = Outcome("abreast", End.UNDECIDED, at_s=900, requests_c=4000, failed_c=2, late_s=500.0)


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.1, 1), (0.11, 2), (0.5, 5), (0.9, 9), (1.0, 10)])
def test_a_quantile_is_one_of_the_values(share: float, value: float) -> None:
    assert quantile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], share) == value


def test_nothing_has_no_quantile() -> None:
    assert quantile([], 0.5) == inf


def test_what_never_happened_takes_for_ever() -> None:
    every = [BACK, LATER, UP, STILL]
    assert until_rolled_back(every) == [50, 100, inf, inf]
    assert until_promoted_s(every) == [inf, inf, 300, inf]
    assert late_s(every) == [4, 14, inf, inf]


def test_shares_are_of_all_runs() -> None:
    assert share_of([BACK, LATER, UP, STILL], End.ROLLED_BACK) == 0.5
    assert share_of([], End.ROLLED_BACK) == 0.0


def test_a_summary_says_never_where_most_did_not() -> None:
    summary = Summary.of("worse-1", [BACK, LATER, UP, STILL])
    assert (summary.rolled_back, summary.promoted, summary.undecided) == (0.5, 0.25, 0.25)
    assert summary.requests_p50 == 100
    assert summary.requests_p90 == inf
    assert summary.failed_p50 == 2
    told = summary.as_dict()
    assert told["requests_p50"] == 100
    assert told["requests_p90"] is None
    assert told["promoted_p50_s"] is None
    assert told["rule"] == "abreast"
