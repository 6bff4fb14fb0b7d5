"""A store on a real PostgreSQL, for the contracts and for whole servers."""

from collections.abc import AsyncIterator

import pytest

from abreast.store.postgresql import Address, Server, open_server
from abreast.store.sql import SqlStore
from tests.contracts.test_store import KEEP_MINUTES


@pytest.fixture
async def opened(database: str) -> AsyncIterator[Server]:
    """An open store in a fresh database."""
    server = await open_server(Address.of(database, {}), keep_counts_s=KEEP_MINUTES * 60.0)
    yield server
    await server.close()


@pytest.fixture
def sql_store(opened: Server) -> SqlStore:
    """The store of it."""
    return opened.store
