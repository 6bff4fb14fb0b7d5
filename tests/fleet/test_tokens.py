"""The contract of every keeper of tokens, on PostgreSQL."""

import pytest

from abreast.store.sql import SqlStore
from abreast.store.tokens import SqlTokens
from tests.contracts import test_tokens as contract
from tests.contracts.test_tokens import Both
from tests.fleet.contract import checks_of

globals().update(checks_of(contract))


@pytest.fixture
def both(sql_store: SqlStore) -> Both:
    return Both(SqlTokens(sql_store), sql_store)
