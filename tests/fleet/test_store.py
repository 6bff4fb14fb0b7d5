"""The contract of every store, on PostgreSQL."""

import pytest

from abreast.store.sql import SqlStore
from tests.contracts.test_store import *  # noqa: F403  # the suite itself: its tests run here once more


@pytest.fixture
def store(sql_store: SqlStore) -> SqlStore:
    return sql_store
