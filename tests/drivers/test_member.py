"""The life that all kinds of instances share, tried on one that is made of nothing."""

import asyncio

from abreast.drivers.member import End, Member
from abreast.model.service import InstanceState
from tests.drivers.stage import Stage
from tests.process.programs import until


class Idle(Member):
    """Ends at once with each of ``ends``, then runs until it is stopped."""

    ends: tuple[End, ...] = ()
    runs = 0
    forgotten = False

    async def _run_once(self) -> End:
        self.runs += 1
        if self.runs <= len(self.ends):
            return self.ends[self.runs - 1]
        return End(await self._left())

    def _let_go(self) -> None:
        self.runs = -1

    def _forget(self) -> None:
        self.forgotten = True


def idle(stage: Stage, *ends: End) -> Idle:
    made = Idle(1, stage.server(), stage.ground(), lambda _: None)
    made.ends = ends
    made.begin()
    return made


async def test_an_end_is_followed_by_a_start_after_a_wait_or_at_once(stage: Stage) -> None:
    made = idle(stage, End("broken"), End("lost", at_once="trying another"))
    await until(lambda: made.runs == 3)
    first, second = stage.reasons(InstanceState.FAILED)[0], made.shown.detail
    assert first.startswith("broken; next start in 0.")
    assert second == "trying another"
    made.stop()
    await made.gone()


async def test_stop_ends_it_and_what_was_written_down_is_removed(stage: Stage) -> None:
    made = idle(stage)
    await until(lambda: made.runs)
    made.stop()
    await asyncio.wait_for(made.gone(), 5)
    assert made.forgotten
    assert stage.events[-1] == ("v1-1", InstanceState.STOPPING, "stopped")


async def test_one_that_is_not_renewable_has_one_life(stage: Stage) -> None:
    made = idle(stage, End("broken"))
    made.renewable = False
    await asyncio.wait_for(made.gone(), 5)
    assert made.runs == 1
    assert stage.events[-1][2] == "broken"


async def test_release_lets_it_run_on(stage: Stage) -> None:
    made = idle(stage)
    await made.release()
    assert made.runs == -1
    assert not made.forgotten
