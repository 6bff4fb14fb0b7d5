"""The contract of every store of findings, on PostgreSQL."""

import pytest

from abreast.model.rollout import Phase
from abreast.store.findings import SqlFindings
from abreast.store.sql import SqlStore
from tests.contracts import test_findings as contract
from tests.contracts.test_findings import Both
from tests.contracts.test_store import a_rollout
from tests.fleet.contract import checks_of

globals().update(checks_of(contract))


@pytest.fixture
async def both(sql_store: SqlStore) -> Both:
    await sql_store.save(a_rollout(), [])
    await sql_store.save(a_rollout(1, phase=Phase.PROGRESSING), [])
    return Both(SqlFindings(sql_store), sql_store)
