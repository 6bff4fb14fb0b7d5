"""The contract of every keeper of flags, on PostgreSQL."""

import pytest

from abreast.store.flags import SqlFlags
from abreast.store.sql import SqlStore
from tests.contracts import test_flags as contract
from tests.contracts.test_flags import Both
from tests.contracts.test_store import a_rollout
from tests.fleet.contract import checks_of

globals().update(checks_of(contract))


@pytest.fixture
async def both(sql_store: SqlStore) -> Both:
    await sql_store.save(a_rollout(), [])
    return Both(SqlFlags(sql_store), sql_store)
