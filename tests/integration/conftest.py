"""Fixtures of the tests with a real Envoy."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.bench.origin import Origin
from tests.integration.stage import Stage


@pytest.fixture
async def stage(short_tmp: Path) -> AsyncIterator[Stage]:
    """A gateway that is not yet started; ended with all its Envoys."""
    made = Stage(short_tmp, home=short_tmp.name)
    yield made
    await made.gateway.close(stop=True)


@pytest.fixture
async def v1() -> AsyncIterator[Origin]:
    """An instance of v1."""
    async with Origin("v1") as origin:
        yield origin


@pytest.fixture
async def v2() -> AsyncIterator[Origin]:
    """An instance of v2."""
    async with Origin("v2") as origin:
        yield origin
