"""The contract of every keeper of tokens, on PostgreSQL."""

import pytest

from abreast.store.sql import SqlStore
from abreast.store.tokens import SqlTokens
from tests.contracts.test_tokens import *  # noqa: F403  # the suite itself: its tests run here once more
from tests.contracts.test_tokens import Both


@pytest.fixture
def both(sql_store: SqlStore) -> Both:
    return Both(SqlTokens(sql_store), sql_store)
