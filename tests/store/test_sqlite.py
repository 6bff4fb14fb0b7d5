import asyncio
import os
import shutil
import sqlite3
import stat
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.model.errors import ConflictError, StoreCorruptError, StoreError
from abreast.ports import Latencies, VersionCounts
from abreast.store import sqlite
from abreast.store.sqlite import open_store
from tests.contracts.test_store import a_rollout, an_event


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "abreast.db"


async def filled(path: Path) -> None:
    """A closed store with something in it: several pages of each table."""
    store = await open_store(path)
    rollout = await store.save(a_rollout(), [])
    for _ in range(20):
        rollout = await store.save(rollout, [an_event(reason="x" * 200) for _ in range(20)])
    await store.secret("tester", "secret")
    await store.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_only_the_owner_may_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        store = await open_store(path)
        await store.secret("tester", "secret")
        assert {file.name: mode(file) for file in path.parent.iterdir()} == {
            "abreast.db": 0o600,
            "abreast.db-wal": 0o600,
            "abreast.db-shm": 0o600,
        }
        assert mode(path.parent) == 0o700
        await store.close()
    finally:
        os.umask(before)


async def test_a_file_that_others_could_read_is_made_private_its_directory_is_left_alone(path: Path) -> None:
    await filled(path)
    path.chmod(0o644)
    path.parent.chmod(0o755)
    await (await open_store(path)).close()
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o755


async def test_everything_is_there_after_opening_again(path: Path) -> None:
    await filled(path)
    store = await open_store(path)
    rollout = await store.load("shop")
    assert rollout is not None
    assert rollout.revision == 21
    assert len(await store.events("shop")) == 400
    assert await store.secret("tester", "other") == "secret"
    await store.close()


async def test_writes_are_durable_and_readers_do_not_block_them(path: Path) -> None:
    store = await open_store(path)
    with store.transactions.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000
    await store.close()
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM rollouts").fetchall()
        store = await open_store(path)
        await store.save(a_rollout(), [])
        await store.close()


@pytest.mark.parametrize(
    "content",
    [b"this is no database, but a long enough text " * 100, b"short", os.urandom(8192)],
    ids=["text", "short text", "noise"],
)
async def test_what_is_no_database_is_refused_and_kept(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreCorruptError) as refused:
        await open_store(path)
    assert str(path) in refused.value.message
    assert f"mv {path}*" in refused.value.remedy
    assert path.read_bytes() == content


async def test_somebody_elses_database_is_refused_and_kept(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE notes (text)")
    content = path.read_bytes()
    with pytest.raises(StoreCorruptError, match="something else"):
        await open_store(path)
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == ["abreast.db"]


async def test_a_file_cut_short_is_refused(path: Path) -> None:
    await filled(path)
    size = path.stat().st_size
    os.truncate(path, size // 2)
    with pytest.raises(StoreCorruptError):
        await open_store(path)


async def test_a_page_overwritten_is_found_when_the_store_is_opened(path: Path) -> None:
    await filled(path)
    with closing(sqlite3.connect(path)) as raw:
        page = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(StoreCorruptError) as refused:
        await open_store(path)
    assert str(path) in refused.value.message


async def test_the_remedy_for_damage_works(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(StoreCorruptError) as refused:
        await open_store(path)
    command = refused.value.remedy.split("(")[1].split(")")[0]
    process = await asyncio.create_subprocess_shell(command)
    assert await process.wait() == 0
    store = await open_store(path)
    assert await store.load("shop") is None
    await store.close()


async def test_a_body_that_makes_no_sense_is_damage(path: Path) -> None:
    await filled(path)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("UPDATE rollouts SET body = '{}'")
        raw.commit()
    store = await open_store(path)
    with pytest.raises(StoreCorruptError, match="Rollout"):
        await store.load("shop")
    await store.close()


async def test_a_path_that_cannot_be_a_file_says_why(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="Is a directory"):
        await open_store(path)
    (path / "file").write_text("")
    with pytest.raises(StoreError, match="File exists"):
        await open_store(path / "file" / "abreast.db")


async def test_a_lock_that_lasts_is_named_and_the_store_goes_on_after_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LOCK_WAIT_S", 0.05)
    store = await open_store(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process keeps it locked") as refused:
            await store.save(a_rollout(), [an_event()])
        assert f"fuser {path}" in refused.value.remedy
        assert await store.load("shop") is None
        other.execute("ROLLBACK")
    saved = await store.save(a_rollout(), [an_event()])
    assert await store.load("shop") == saved
    await store.close()


async def test_the_event_loop_runs_on_while_the_store_waits_for_a_lock(path: Path) -> None:
    store = await open_store(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        saving = asyncio.create_task(store.save(a_rollout(), []))
        slowest, turns = 0.0, 0
        while turns < 50:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            slowest, turns = max(slowest, time.perf_counter() - before), turns + 1
        assert not saving.done()
        assert slowest < sqlite.LOCK_WAIT_S / 5
        other.execute("ROLLBACK")
    assert (await saving).revision == 1
    await store.close()


async def test_two_stores_over_one_file_see_each_others_writes_and_conflict(path: Path) -> None:
    one, two = await open_store(path), await open_store(path)
    saved = await one.save(a_rollout(), [])
    assert await two.load("shop") == saved
    await two.save(replace(saved, reason="two was first"), [])
    with pytest.raises(ConflictError, match="no longer at revision 1"):
        await one.save(replace(saved, reason="one was late"), [an_event()])
    assert list(await one.events("shop")) == []
    await one.close()
    await two.close()


async def test_a_cancelled_wait_leaves_the_store_usable(path: Path) -> None:
    store = await open_store(path)
    saving = asyncio.create_task(store.save(a_rollout(), []))
    await asyncio.sleep(0)
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    found = await store.load("shop")
    assert found is None or found.revision == 1
    assert await store.secret("tester", "s") == "s"
    await store.close()


async def test_its_thread_ends_with_it_also_when_it_could_not_be_opened(path: Path) -> None:
    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("abreast-store")]

    store = await open_store(path)
    assert len(threads()) == 1
    await store.close()
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(StoreCorruptError):
        await open_store(path)
    deadline = time.monotonic() + 5
    while threads() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert threads() == []


async def test_counts_are_pruned_in_small_steps(path: Path) -> None:
    store = await open_store(path, keep_counts_s=600)
    for minute in range(10):
        await store.add_counts("shop", minute, {"v1": VersionCounts({200: 1}), "v2": VersionCounts({200: 1})})
    left = []
    for minute in (100, 101, 102):
        await store.add_counts("shop", minute, {"v1": VersionCounts({200: 1}, Latencies({1: 1}))})
        left.append([found for found, version, _ in await store.counts("shop", 0) if version == "v2"])
    assert left == [[5, 6, 7, 8, 9], [], []]
    assert [minute for minute, _, _ in await store.counts("shop", 0)] == [100, 101, 102]
    await store.close()


async def test_saving_is_quick_enough_for_a_rollback(path: Path) -> None:
    """Its disk is synchronised each time; this bounds only what we add, and generously."""
    store = await open_store(path)
    rollout = await store.save(a_rollout(), [])
    took = []
    for _ in range(50):
        before = time.perf_counter()
        rollout = await store.save(rollout, [an_event()])
        took.append(time.perf_counter() - before)
    await store.close()
    assert sorted(took)[25] < 0.05


async def test_a_copy_of_the_closed_file_is_a_backup(path: Path, tmp_path: Path) -> None:
    await filled(path)
    shutil.copy(path, tmp_path / "copy.db")
    store = await open_store(tmp_path / "copy.db")
    assert len(await store.events("shop")) == 400
    await store.close()
