"""The contract of every store, on PostgreSQL."""

import pytest

from abreast.store.sql import SqlStore
from tests.contracts import test_store as contract
from tests.fleet.contract import checks_of

globals().update(checks_of(contract))


@pytest.fixture
def store(sql_store: SqlStore) -> SqlStore:
    return sql_store
