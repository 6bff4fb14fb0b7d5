"""A full disk, once as SQLite's own limit and, where a file system can be mounted, for real."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pytest

from abreast.model.errors import StoreError
from abreast.model.rollout import Rollout
from abreast.ports import Latencies, VersionCounts
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.contracts.test_store import a_rollout, an_event


class Disk(Protocol):
    """Something that can be full."""

    def fill(self, store: SqlStore) -> None:
        """Leave no space for another page."""

    def free(self, store: SqlStore) -> None:
        """Make space again."""


def write_until_no_space(path: Path) -> None:
    """Fill the file system with zeros, down to the last page."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space left"):
        _write_for_ever(descriptor)
    os.close(descriptor)


def _write_for_ever(descriptor: int) -> None:
    while True:
        os.write(descriptor, b"\0" * 4096)


class PageLimit:
    """SQLite takes this for a full disk."""

    def fill(self, store: SqlStore) -> None:
        self._limit(store, 1)  # below what there is: SQLite takes the present size instead

    def free(self, store: SqlStore) -> None:
        self._limit(store, 1_000_000)

    def _limit(self, store: SqlStore, pages: int) -> None:
        with store.transactions.engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


@dataclass
class Tmpfs:
    """A small file system of its own."""

    directory: Path

    def fill(self, store: SqlStore) -> None:
        write_until_no_space(self.directory / "filler")

    def free(self, store: SqlStore) -> None:
        (self.directory / "filler").unlink()


@contextmanager
def mounted(directory: Path) -> Iterator[bool]:
    """Mount 4 MB there if this user, in this container, may."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(directory)], capture_output=True, check=False
    )
    try:
        yield made.returncode == 0
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", str(directory)], check=True)


@pytest.fixture(params=["page limit", "file system"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    if request.param == "page limit":
        yield PageLimit()
        return
    with mounted(tmp_path) as real:
        yield Tmpfs(tmp_path) if real else PageLimit()


async def write_until_full(store: SqlStore, rollout: Rollout) -> tuple[Rollout, StoreError]:
    """Save until it is refused; the last rollout that was saved, and the refusal."""
    for _ in range(200):
        try:
            rollout = await store.save(
                replace(rollout, reason=f"after {rollout.revision}"),
                [an_event(reason="x" * 3000) for _ in range(10)],
            )
        except StoreError as refused:
            return rollout, refused
    pytest.fail("the disk never was full")


async def test_a_full_disk_loses_nothing_and_the_store_goes_on_once_there_is_space(disk: Disk, tmp_path: Path) -> None:
    store = await open_store(tmp_path / "abreast.db")
    rollout = await store.save(a_rollout(), [an_event()])
    disk.fill(store)
    for _ in range(3):
        rollout, refused = await write_until_full(store, rollout)
        assert "full" in refused.message
        assert str(tmp_path) in refused.message
        assert str(tmp_path) in refused.remedy
        assert await store.load("shop") == rollout
        assert len(await store.events("shop", limit=10_000)) == 1 + 10 * (rollout.revision - 1)
    latencies = Latencies(dict.fromkeys(range(2000), 1))
    counts = {f"v{n}": VersionCounts({200: 2000}, latencies) for n in range(300)}
    with pytest.raises(StoreError, match="full"):
        await store.add_counts("shop", 1, counts)
    assert list(await store.counts("shop", 1)) == []
    disk.free(store)
    rollout = await store.save(rollout, [an_event(reason="there is space again") for _ in range(100)])
    assert await store.load("shop") == rollout
    await store.close()
    again = await open_store(tmp_path / "abreast.db")
    assert await again.load("shop") == rollout
    await again.close()


async def test_a_store_can_be_closed_and_opened_and_read_while_the_disk_is_full(disk: Disk, tmp_path: Path) -> None:
    store = await open_store(tmp_path / "abreast.db")
    saved = await store.save(a_rollout(), [an_event()])
    disk.fill(store)
    await store.close()
    again = await open_store(tmp_path / "abreast.db")
    assert await again.load("shop") == saved
    assert len(await again.events("shop")) == 1
    await again.close()


async def test_a_new_store_on_a_full_or_read_only_disk_is_one_clear_error(tmp_path: Path) -> None:
    with mounted(tmp_path) as real:
        if not real:
            # Nobody can make a file here, whoever they are.
            with pytest.raises(StoreError, match="/proc/abreast"):
                await open_store(Path("/proc/abreast/abreast.db"))
            return
        write_until_no_space(tmp_path / "filler")
        with pytest.raises(StoreError, match=r"full|space"):
            await open_store(tmp_path / "abreast.db")
        (tmp_path / "filler").unlink()
        store = await open_store(tmp_path / "abreast.db")
        await store.save(a_rollout(), [])
        await store.close()
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        with pytest.raises(StoreError, match=r"[Rr]ead-only"):
            await open_store(tmp_path / "abreast.db")
