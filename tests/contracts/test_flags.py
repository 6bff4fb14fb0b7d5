"""What every keeper of flags does: the same suite over the one in memory and the one in a file."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from abreast.model.errors import StoreError
from abreast.model.event import Event, EventKind
from abreast.model.flag import KeptFlag
from abreast.ports import FlagStore, Store
from abreast.store.flags import SqlFlags
from abreast.store.sqlite import open_store
from tests.contracts.test_store import a_rollout
from tests.fakes.flags import FakeFlags
from tests.fakes.store import FakeStore

DARK = KeptFlag("dark", '{"on": true}', on=True, at=5.25, actor="abreast", reason="the spec says so")
BETA = KeptFlag("beta", '{"on": true}', on=False, at=6.0, actor="ada", reason="it “loses” carts")


@dataclass(frozen=True)
class Both:
    """A keeper of flags, and the store whose audit log it shares."""

    flags: FlagStore
    store: Store


@pytest.fixture(params=["memory", "sqlite"])
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Both]:
    if request.param == "memory":
        fake = FakeStore()
        made = Both(FakeFlags(fake), fake)
    else:
        real = await open_store(tmp_path / "state" / "abreast.db")
        made = Both(SqlFlags(real), real)
    await made.store.save(a_rollout(), [])
    yield made
    await made.store.close()


async def test_flags_come_back_as_they_went_in_by_name_and_no_others(both: Both) -> None:
    assert list(await both.flags.flags("shop")) == []
    await both.flags.keep_flags("shop", [DARK, BETA], [])
    assert list(await both.flags.flags("shop")) == [BETA, DARK]
    await both.flags.keep_flags("shop", [DARK], [])
    assert list(await both.flags.flags("shop")) == [DARK]
    await both.flags.keep_flags("shop", [], [])
    assert list(await both.flags.flags("shop")) == []


async def test_services_do_not_meet(both: Both) -> None:
    await both.flags.keep_flags("shop", [DARK], [])
    await both.flags.keep_flags("other", [BETA], [])
    assert list(await both.flags.flags("shop")) == [DARK]


async def test_events_are_recorded_with_them(both: Both) -> None:
    event = Event(6.0, 0, EventKind.FLAG, "ada", "flag beta was switched off", {"flag": "beta"})
    await both.flags.keep_flags("shop", [BETA], [event])
    assert [each for _, each in await both.store.events("shop") if each.kind is EventKind.FLAG] == [event]


async def test_a_closed_store_refuses(both: Both) -> None:
    await both.store.close()
    with pytest.raises(StoreError):
        await both.flags.flags("shop")
    with pytest.raises(StoreError):
        await both.flags.keep_flags("shop", [DARK], [])
