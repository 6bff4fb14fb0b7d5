"""Scaling and replacing, as arithmetic."""

from hypothesis import given
from hypothesis import strategies as st

from abreast.drivers.plan import Copy, Plan, plan


def copies(text: str) -> list[Copy]:
    """One letter each: r(eady), s(tarting), f(ailed); in capitals if outdated."""
    return [
        Copy(number, current=letter.islower(), ready=letter in "rR", failed=letter in "fF")
        for number, letter in enumerate(text, 1)
    ]


def test_nothing_is_missing_nothing_to_do() -> None:
    assert plan(copies("rs"), 2) == Plan()


def test_all_that_is_missing_is_started_at_once() -> None:
    assert plan([], 3) == Plan(start=3)
    assert plan(copies("r"), 3) == Plan(start=2)


def test_scaling_down_spares_the_ready_and_the_first() -> None:
    assert plan(copies("srr"), 2) == Plan(stop=(1,))
    assert plan(copies("rrr"), 1) == Plan(stop=(2, 3))


def test_an_outdated_one_stays_until_the_new_one_is_ready() -> None:
    assert plan(copies("R"), 1) == Plan(start=1)
    assert plan(copies("Rs"), 1) == Plan()
    assert plan(copies("Rr"), 1) == Plan(stop=(1,))


def test_replacing_goes_one_by_one() -> None:
    assert plan(copies("RR"), 2) == Plan(start=1)
    assert plan(copies("RRs"), 2) == Plan()
    assert plan(copies("RRr"), 2) == Plan(start=1, stop=(2,))
    assert plan(copies("R" + "rs"), 2) == Plan()
    assert plan(copies("R" + "rr"), 2) == Plan(stop=(1,))


def test_outdated_ones_that_are_failed_make_room_at_once() -> None:
    assert plan(copies("FF"), 2) == Plan(start=2, stop=(1, 2))


def test_without_a_ready_one_there_is_nothing_to_be_careful_about() -> None:
    assert plan(copies("SS"), 2) == Plan(start=2)


def test_wanting_none_stops_all() -> None:
    assert plan(copies("rRsF"), 0) == Plan(stop=(1, 3, 2, 4))


@given(st.text("rsfRSF", max_size=8), st.integers(0, 5))
def test_no_plan_takes_a_ready_one_that_is_needed(text: str, wanted: int) -> None:
    before = copies(text)
    stop = plan(before, wanted).stop
    left = [copy for copy in before if copy.number not in stop]
    assert len(set(stop)) == len(stop)
    assert sum(copy.ready for copy in left) >= min(wanted, sum(copy.ready for copy in before))


@given(st.text("rsfRSF", max_size=8), st.integers(0, 5))
def test_following_the_plan_ends_with_just_what_is_wanted(text: str, wanted: int) -> None:
    now = copies(text)
    for _ in range(40):
        moves = plan(now, wanted)
        number = max([0, *(copy.number for copy in now)])
        now = [copy for copy in now if copy.number not in moves.stop]
        if moves == Plan() and all(copy.ready for copy in now if copy.current):
            break
        now = [Copy(copy.number, copy.current, ready=copy.ready or copy.current) for copy in now]
        now += [Copy(number + more, current=True, ready=False) for more in range(1, moves.start + 1)]
    assert [(copy.current, copy.ready) for copy in now] == [(True, True)] * wanted
