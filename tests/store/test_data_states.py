"""What the database said last, in the store: whole, replaced, and refused from who decides no longer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from abreast.model.errors import LeaseLostError, StoreCorruptError
from abreast.rollout.observed import DataState
from abreast.store.data_states import SqlDataStates
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from abreast.store.tables import DATA_STATES

STATE = DataState(
    ready=("v1", "v2"),
    ready_since=1.5,
    fenced=("v3",),
    unfenceable={"v1": "public.orders"},
    contractible="v1",
    connected={"v1": 2},
    doing="waiting",
    failed="m.yaml:3: no",
    drift=4,
    rows=100,
    checked_at=2.5,
    example="public.orders with id = 1",
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = await open_store(tmp_path / "abreast.db")
    yield opened
    await opened.close()


async def test_it_comes_back_whole_and_the_last_one_counts(store: SqlStore) -> None:
    states, others = SqlDataStates(store, "shop"), SqlDataStates(store, "cart")
    assert await states.load_data_state() is None
    await states.save_data_state(DataState(doing="making its side"))
    await others.save_data_state(DataState())
    await states.save_data_state(STATE)
    assert await states.load_data_state() == STATE
    assert await others.load_data_state() == DataState()


async def test_without_a_database_nothing_is_kept(store: SqlStore) -> None:
    states = SqlDataStates(store, "shop")
    await states.save_data_state(STATE)
    await states.save_data_state(None)
    assert await states.load_data_state() is None


async def test_who_decides_no_longer_writes_nothing(store: SqlStore) -> None:
    await SqlDataStates(store, "shop").save_data_state(STATE)

    def lost(connection: Connection) -> None:
        raise LeaseLostError("another decides", "see who")

    with pytest.raises(LeaseLostError):
        await SqlDataStates(store.fenced(lost), "shop").save_data_state(DataState())
    assert await SqlDataStates(store, "shop").load_data_state() == STATE


@pytest.mark.parametrize("kept", ["no json", "[]", '{"drift": "many"}'])
async def test_a_damaged_one_is_told_of(store: SqlStore, kept: str) -> None:
    row = insert(DATA_STATES).values(service="shop", state=kept)
    await store.transact(lambda connection: connection.execute(row), write=True)
    with pytest.raises(StoreCorruptError, match="what the database of shop said makes no sense"):
        await SqlDataStates(store, "shop").load_data_state()
