"""Reading a store while a control plane runs on it, or none does."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from abreast.model.errors import StoreCorruptError, StoreError
from abreast.store.evidence import SqlEvidence, ticks_of
from abreast.store.faults import damaged
from abreast.store.reading import reading
from abreast.store.rows import newest_rollout
from abreast.store.sqlite import open_store
from abreast.store.tables import SECRETS
from tests.contracts.test_evidence import a_tick
from tests.contracts.test_store import a_rollout


async def test_a_running_control_plane_writes_on_and_the_reader_sees_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "100 % #1?.db"
    store = await open_store(path)
    await store.save(a_rollout(), [])
    evidence = SqlEvidence(store)
    await evidence.save_ticks("shop", 0, [a_tick(1.0)], {})
    with reading(path) as connection:
        assert ticks_of(connection, partial(damaged, path), "shop", 0) == [a_tick(1.0)]
        await evidence.save_ticks("shop", 0, [a_tick(2.0)], {})
        assert ticks_of(connection, partial(damaged, path), "shop", 0) == [a_tick(1.0)]
    with reading(path) as connection:
        assert len(ticks_of(connection, partial(damaged, path), "shop", 0)) == 2
    await store.close()
    with reading(path) as connection:
        assert newest_rollout(connection, "shop") is not None
        assert len(ticks_of(connection, partial(damaged, path), "shop", 0)) == 2


async def test_nothing_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "abreast.db"
    await (await open_store(path)).close()
    with pytest.raises((StoreError, SQLAlchemyError), match="read-only"), reading(path) as connection:
        connection.execute(SECRETS.insert().values(name="a", value="b"))


def test_where_there_is_none_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"), reading(tmp_path / "abreast.db"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"SQLite format 3\0" + bytes(5000), b"no database at all" * 500])
def test_a_damaged_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "abreast.db").write_bytes(content)
    with pytest.raises(StoreCorruptError, match="damaged"), reading(tmp_path / "abreast.db"):
        pass


def test_a_database_of_something_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE notes (text)")
    with pytest.raises(StoreCorruptError, match="something else"), reading(path):
        pass


async def test_a_store_of_an_older_abreast_has_nothing_to_decide_anew(tmp_path: Path) -> None:
    path = tmp_path / "abreast.db"
    await (await open_store(path)).close()
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript("DROP TABLE ticks; DROP TABLE evidence;")
    with pytest.raises(StoreError, match="has no ticks, evidence: an older abreast") as caught, reading(path):
        pass
    assert "abreast up" in caught.value.remedy
