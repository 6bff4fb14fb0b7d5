"""Counts: of the attempt, of the step, and in strata where both sides had something."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from abreast.analysis.assessment import Counted
from abreast.analysis.counting import Counting
from abreast.analysis.process import Stratum

numbers = st.integers(0, 3)
seconds = st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=20)


def test_a_second_in_which_both_had_something_is_a_stratum() -> None:
    counting = Counting()
    assert counting.add(1, 5, 2, 95) == Stratum(1, 5, 2, 95)
    assert counting.add(0, 4, 1, 96) == Stratum(0, 4, 1, 96)


def test_seconds_wait_until_both_had_something() -> None:
    counting = Counting()
    assert counting.add(0, 0, 2, 95) is None
    assert counting.add(0, 0, 0, 0) is None
    assert counting.add(0, 0, 1, 90) is None
    assert counting.add(1, 1, 0, 80) == Stratum(1, 1, 3, 265)
    assert counting.add(1, 1, 0, 0) is None
    assert counting.add(0, 0, 0, 1) == Stratum(1, 1, 0, 1)


def test_a_step_s_strata_are_made_of_the_step_alone() -> None:
    counting = Counting()
    counting.add(0, 0, 50, 95)
    counting.begin()
    assert counting.add(1, 2, 3, 4) == Stratum(1, 2, 3, 4)
    assert counting.step == Counted(1, 2, 3, 4)
    assert counting.attempt == Counted(1, 2, 53, 99)


def test_stable_s_share_is_of_the_whole_attempt() -> None:
    counting = Counting()
    assert counting.share_s == 0.0
    counting.add(5, 5, 1, 10)
    counting.begin()
    counting.add(5, 5, 0, 10)
    assert counting.share_s == 0.05


@given(seconds)
def test_strata_hold_each_second_once_but_those_that_still_wait(course: list[tuple[int, int, int, int]]) -> None:
    counting = Counting()
    strata = [counting.add(*second) for second in course]
    last = max((place for place, stratum in enumerate(strata) if stratum), default=-1)
    whole = [sum(part) for part in zip((0, 0, 0, 0), *course[: last + 1], strict=True)]
    assert whole == [sum(part) for part in zip((0, 0, 0, 0), *filter(None, strata), strict=True)]
    assert all(stratum.seen_c > 0 and stratum.seen_s > 0 for stratum in strata if stratum)
    assert not (sum(second[1] for second in course[last + 1 :]) and sum(second[3] for second in course[last + 1 :]))


@given(seconds, seconds)
def test_through_json_and_back(before: list[tuple[int, int, int, int]], after: list[tuple[int, int, int, int]]) -> None:
    counting = Counting()
    for second in before:
        counting.add(*second)
    state = counting.state()
    again = Counting.restored(orjson.loads(orjson.dumps(state)))
    assert [again.add(*second) for second in after] == [counting.add(*second) for second in after]
    assert again.state() == counting.state()
    assert (again.attempt, again.step) == (counting.attempt, counting.step)
