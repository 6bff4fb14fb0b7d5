"""The real clock."""

import time

from abreast.clock import SystemClock


def test_now_is_unix_seconds() -> None:
    before = time.time()
    assert before <= SystemClock().now() <= time.time()


async def test_a_sleep_lasts_that_long() -> None:
    began = time.monotonic()
    await SystemClock().sleep(0.02)
    assert time.monotonic() - began >= 0.019


async def test_a_sleep_of_less_than_nothing_is_none() -> None:
    await SystemClock().sleep(-1000)
