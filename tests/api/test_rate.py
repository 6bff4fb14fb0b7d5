"""How often somebody may ask, on a clock that a test moves."""

import pytest

from abreast.api import rate as module
from abreast.api.problems import TooManyError
from abreast.api.rate import Rate
from tests.fakes.clock import FakeClock


def rate(clock: FakeClock, per_s: float = 2.0, burst: int = 4) -> Rate:
    return Rate(clock, "evaluations", per_s=per_s, burst=burst)


def taken(rate: Rate, asker: str = "ada") -> int:
    """How many requests are allowed now."""
    allowed = 0
    while True:
        try:
            rate.take(asker)
        except TooManyError:
            return allowed
        allowed += 1


async def test_a_burst_is_allowed_and_then_so_many_a_second_each_asker_by_itself() -> None:
    clock = FakeClock()
    made = rate(clock)
    assert taken(made) == 4
    assert taken(made, "bob") == 4
    await clock.advance(1.5)
    assert taken(made) == 3
    await clock.advance(3600.0)
    assert taken(made) == 4, "never more than the burst"


@pytest.mark.parametrize(("per_s", "wait_s"), [(100.0, 1), (0.25, 4)])
async def test_who_asks_too_often_is_told_when_to_come_again(per_s: float, wait_s: int) -> None:
    clock = FakeClock()
    made = rate(clock, per_s)
    taken(made)
    with pytest.raises(TooManyError, match=rf"more than {per_s:g} evaluations a second, after 4 at once") as refused:
        made.take("ada")
    assert refused.value.retry_after_s == wait_s
    await clock.advance(wait_s)
    made.take("ada")


async def test_refusals_cost_nothing_so_that_who_insists_is_not_kept_out_for_ever() -> None:
    clock = FakeClock()
    made = rate(clock)
    taken(made)
    allowed = 0
    for _ in range(8):
        await clock.advance(0.125)
        allowed += taken(made)
    assert allowed == 2


def test_who_has_not_asked_for_the_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ASKERS", 2)
    made = rate(FakeClock())
    for asker in ("ada", "bob"):
        taken(made, asker)
    made.take("eve")
    assert taken(made, "bob") == 0
    assert taken(made, "ada") == 4
