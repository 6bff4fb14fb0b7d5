"""Beyond the contract (tests/contracts/test_flags.py): flags in the file survive it being opened again, whole."""

from pathlib import Path

import pytest

from abreast.model.errors import StoreError
from abreast.model.event import Event, EventKind
from abreast.store.flags import SqlFlags
from abreast.store.sqlite import open_store
from tests.contracts.test_flags import BETA, DARK
from tests.contracts.test_store import a_rollout


async def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "abreast.db")
    await SqlFlags(store).keep_flags("shop", [DARK, BETA], [])
    await store.close()
    again = await open_store(tmp_path / "abreast.db")
    assert list(await SqlFlags(again).flags("shop")) == [BETA, DARK]
    await again.close()


async def test_an_event_that_cannot_be_recorded_takes_the_change_with_it(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "abreast.db")
    await store.save(a_rollout(), [])
    flags = SqlFlags(store)
    await flags.keep_flags("shop", [DARK], [])
    of_no_rollout = Event(6.0, 99, EventKind.FLAG, "ada", "because")
    with pytest.raises(StoreError):
        await flags.keep_flags("shop", [DARK, BETA], [of_no_rollout])
    assert list(await flags.flags("shop")) == [DARK]
    await store.close()
