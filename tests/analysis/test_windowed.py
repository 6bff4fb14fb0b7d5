"""Evidence in capped windows: settled once, never worth more than without the cap."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.analysis.eprocess import OK_BETS, WORSE_BETS, Evidence
from abreast.analysis.windowed import Windowed

CAP = log(1000) / 3
STRATA = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9), st.integers(0, 9)), max_size=12)


def test_nothing_is_worth_nothing() -> None:
    assert Windowed.of(WORSE_BETS, CAP).evidence == Evidence.of(WORSE_BETS)


def test_windows_add_up_each_to_the_cap() -> None:
    weighed = Windowed.of(WORSE_BETS, CAP)
    worth = []
    for window in range(4):
        weighed = weighed.after(window, 50, 100, 0, 100)
        worth.append(weighed.evidence.log_e)
    assert worth == pytest.approx([CAP, 2 * CAP, 3 * CAP, 4 * CAP])


def test_what_speaks_for_the_null_is_not_capped() -> None:
    assert Windowed.of(WORSE_BETS, CAP).after(0, 0, 100, 50, 100).evidence.log_e < -CAP


@given(STRATA)
def test_it_is_never_worth_more_than_without_windows(strata: list[tuple[int, int, int]]) -> None:
    for bets in (WORSE_BETS, OK_BETS):
        weighed, plain = Windowed.of(bets, CAP), Evidence.of(bets)
        for window, bad_c, bad_s in strata:
            weighed = weighed.after(window, bad_c, 9, bad_s, 9, delta=0.01)
            plain = plain.after(bad_c, 9, bad_s, 9, delta=0.01)
        assert all(capped <= free + 1e-9 for capped, free in zip(weighed.evidence.growth, plain.growth, strict=True))
