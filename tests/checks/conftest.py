"""Fixtures of the tests of checks."""

from collections.abc import AsyncIterator

import pytest

from abreast.checks.exchange import Exchange
from tests.checks.server import Server
from tests.fakes.clock import FakeClock


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that answers 200 unless told otherwise."""
    async with Server() as made:
        yield made


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    """What sends requests."""
    made = Exchange()
    yield made
    await made.close()


@pytest.fixture
def clock() -> FakeClock:
    """Time in the test's hands; only the limits of an exchange are real."""
    return FakeClock()
