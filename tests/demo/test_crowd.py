"""The users' process: every answer is told, and it ends when it is told to."""

import asyncio
import time

import pytest

from abreast.bench.origin import Behaviour, Origin
from abreast.demo.crowd import Crowd, CrowdError
from abreast.load import Plan


def plan(url: str, **change: object) -> Plan:
    values: dict[str, object] = {
        "url": url, "rate_per_s": 200.0, "duration_s": 30.0, "connections": 4, "users": 20, "watch_header": "x-version",
    }  # fmt: skip
    return Plan.from_dict(values | change)


async def some(crowd: Crowd, count: int) -> None:
    """Wait until that many answers are here."""
    async with asyncio.timeout(15):
        while len(crowd.answers) < count:
            await asyncio.sleep(0.02)


async def ended(crowd: Crowd) -> None:
    """Look until it has ended: raises what `Crowd.check` raises."""
    async with asyncio.timeout(15):
        while True:
            crowd.check()
            await asyncio.sleep(0.02)


async def test_every_answer_is_told_with_its_version_and_the_time_of_day() -> None:
    begun_s = time.time()
    async with Origin("v7", behaviour=Behaviour(fail_share=0.5)) as origin, Crowd(plan(origin.url)) as crowd:
        await some(crowd, 40)
        crowd.check()
        await crowd.stop()
        received = origin.seen.requests

    assert len(crowd.answers) == received
    assert {each.version for each in crowd.answers} == {"v7"}
    assert sum(each.failure == "http-500" for each in crowd.answers) == pytest.approx(received / 2, abs=1)
    assert {each.status for each in crowd.answers} == {200, 500}
    assert all(begun_s < each.sent_s < each.done_s <= time.time() + 0.01 for each in crowd.answers)
    assert 1 < len({each.user for each in crowd.answers}) <= 20


async def test_an_end_that_nobody_asked_for_is_an_error() -> None:
    async with Origin() as origin, Crowd(plan(origin.url, duration_s=0.1)) as crowd:
        await some(crowd, 20)
        with pytest.raises(CrowdError, match="too early"):
            await ended(crowd)


async def test_a_process_that_breaks_is_told_in_its_words() -> None:
    broken = plan("http://127.0.0.1:1", rate_per_s=1.0)
    object.__setattr__(broken, "users", -1)

    async with Crowd(broken) as crowd:
        with pytest.raises(CrowdError, match="users: -1 must be above 0"):
            await ended(crowd)


async def test_leaving_early_leaves_no_process() -> None:
    async with Origin() as origin:
        async with Crowd(plan(origin.url)) as crowd:
            await some(crowd, 1)
        process = crowd._process

    assert process is not None
    assert process.returncode is not None
