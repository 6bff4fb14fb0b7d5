"""Load for the acceptance runs: in processes of their own, so that measuring does not slow what is measured."""

import asyncio
from collections.abc import Awaitable, Callable

from abreast.load.plan import Plan
from abreast.load.process import LoadProcess
from abreast.load.report import Report


async def during(plan: Plan, work: Callable[[], Awaitable[None]]) -> Report:
    """Run ``work`` while the load runs; the load ends when the work does."""
    async with LoadProcess(plan) as load:
        await asyncio.sleep(1.0)  # the connections open over the first second
        await work()
        load.stop()
        return await load.report()
