"""Many runs: the same ones on one core and on several, and all of them told."""

from dataclasses import replace

import pytest

from abreast.analysis.lanes import Limits
from abreast.simulate.batch import Batch, run_all
from abreast.simulate.course import End, Way
from abreast.simulate.truth import TRUTHS

STAY = Way((0.05,), Limits(tolerance=None), longest_s=120, stay=True)
BATCHES = (
    Batch(TRUTHS["broken"], STAY, ("abreast", "z-test"), 50),
    Batch(TRUTHS["same-1"], STAY, ("abreast",), 25),
)


def silent(ended: int) -> None:
    assert ended > 0


def test_how_many_work_changes_nothing() -> None:
    assert run_all(BATCHES, 1, silent) == run_all(BATCHES, 2, silent)


def test_each_seed_is_a_run_of_its_own() -> None:
    broken, same = run_all(BATCHES, 1, silent)
    assert len(broken) == 50
    assert len(same) == 25
    assert all([outcome.rule for outcome in outcomes] == ["abreast", "z-test"] for outcomes in broken)
    assert len({outcomes[0].requests_c for outcomes in broken}) > 5
    assert {outcomes[0].end for outcomes in same} == {End.UNDECIDED}


def test_more_seeds_keep_the_first_ones() -> None:
    (few,), (many,) = (run_all([replace(BATCHES[0], seeds=seeds)], 1, silent) for seeds in (10, 30))
    assert many[:10] == few


@pytest.mark.parametrize("workers", [1, 2])
def test_every_run_is_told(workers: int) -> None:
    told: list[int] = []
    run_all(BATCHES, workers, told.append)
    assert sum(told) == 75


def test_a_caller_that_gives_up_leaves_no_worker() -> None:
    class GivenUpError(Exception):
        pass

    def give_up(ended: int) -> None:
        raise GivenUpError(ended)

    long = replace(STAY, longest_s=100_000)
    with pytest.raises(GivenUpError):
        run_all(
            [Batch(TRUTHS["broken"], STAY, ("abreast",), 5), Batch(TRUTHS["same-1"], long, ("abreast",), 500)],
            2,
            give_up,
        )
