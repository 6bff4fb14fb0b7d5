"""Evidence in the file itself: killed while writing, a full disk, a damaged row, its size."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from abreast.analysis.tick import Side, Tick
from abreast.model.errors import StoreCorruptError, StoreError
from abreast.store.evidence import SqlEvidence, rollouts_with_ticks
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.contracts.test_evidence import a_tick
from tests.contracts.test_store import a_rollout
from tests.store.test_full_disk import PageLimit
from tests.store.test_kill import kill_while_writing

KILLS = 12


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = await open_store(tmp_path / "abreast.db")
    await opened.save(a_rollout(), [])
    await opened.save(a_rollout(1), [])
    yield opened
    await opened.close()


async def test_ticks_and_what_they_came_to_survive_kill_9_together_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "abreast.db"
    dice = random.Random(13)
    program = Path(__file__).with_name("writer.py")
    acknowledged = 0
    with subprocess.Popen(
        [sys.executable, str(program), "evidence", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as zygote:
        assert zygote.stdout is not None
        for _ in range(KILLS):
            last = kill_while_writing(zygote, zygote.stdout, at=dice.randint(1, 12))
            store = await open_store(path)
            evidence = SqlEvidence(store)
            seen = (await evidence.load_evidence("shop", 0))["seen"]
            # The last one may have been committed without its report: killed in between.
            assert acknowledged < last <= seen <= last + 1
            ticks = await evidence.load_ticks("shop", 0)
            assert [tick.at for tick in ticks] == [n / 2 for n in range(2, 2 * seen + 2)]
            await store.close()
            acknowledged = last


async def test_a_full_disk_refuses_all_of_it_and_takes_it_once_there_is_space(store: SqlStore) -> None:
    evidence, disk = SqlEvidence(store), PageLimit()
    await evidence.save_ticks("shop", 1, [a_tick(1.0)], {"at": 1})
    disk.fill(store)
    many = [a_tick(float(at)) for at in range(2, 3000)]
    for _ in range(2):
        with pytest.raises(StoreError, match="full"):
            await evidence.save_ticks("shop", 1, many, {"at": 2999})
        assert await evidence.load_evidence("shop", 1) == {"at": 1}
        assert list(await evidence.load_ticks("shop", 1)) == [a_tick(1.0)]
    disk.free(store)
    await evidence.save_ticks("shop", 1, many, {"at": 2999})
    assert len(await evidence.load_ticks("shop", 1)) == 2999


@pytest.mark.parametrize("text", ["", "{", "[]", '{"at": 1}', '{"at": 1, "candidate": [1], "stable": [1, 0, [7], []]}'])
async def test_a_tick_that_makes_no_sense_is_told_as_damage_with_what_to_do(
    store: SqlStore, tmp_path: Path, text: str
) -> None:
    evidence = SqlEvidence(store)
    await evidence.save_ticks("shop", 1, [a_tick(1.5)], {"at": 1})
    with closing(sqlite3.connect(tmp_path / "abreast.db")) as raw, raw:
        raw.execute("UPDATE ticks SET data = ?", (text,))
    with pytest.raises(StoreCorruptError, match=r"tick of rollout 1 at 1\.5") as caught:
        await evidence.load_ticks("shop", 1)
    assert "move it aside" in caught.value.remedy
    assert await evidence.load_evidence("shop", 1) == {"at": 1}


@pytest.mark.parametrize("text", ["nothing", "[1]"])
async def test_evidence_that_makes_no_sense_is_told_as_damage_with_what_to_do(
    store: SqlStore, tmp_path: Path, text: str
) -> None:
    evidence = SqlEvidence(store)
    await evidence.save_ticks("shop", 1, [a_tick(1.5)], {"at": 1})
    with closing(sqlite3.connect(tmp_path / "abreast.db")) as raw, raw:
        raw.execute("UPDATE evidence SET state = ?", (text,))
    with pytest.raises(StoreCorruptError, match="evidence of rollout 1") as caught:
        await evidence.load_evidence("shop", 1)
    assert "move it aside" in caught.value.remedy
    assert list(await evidence.load_ticks("shop", 1)) == [a_tick(1.5)]


async def test_rollouts_that_can_be_decided_anew_are_known(store: SqlStore) -> None:
    evidence = SqlEvidence(store)
    assert await store.transact(lambda connection: rollouts_with_ticks(connection, "shop")) == []
    for number in (1, 0):
        await evidence.save_ticks("shop", number, [a_tick(1.0)], {})
    assert await store.transact(lambda connection: rollouts_with_ticks(connection, "shop")) == [0, 1]


def busy_side(requests: int, buckets: int) -> Side:
    """As many buckets as there are in use, each of two significant digits."""
    each = max(1, requests // buckets)
    return Side(requests, 1, {(10 + place) * 1000: each for place in range(buckets)})


async def test_a_busy_services_tick_takes_a_kilobyte(store: SqlStore, tmp_path: Path) -> None:
    evidence = SqlEvidence(store)
    ticks = [Tick(1_763_000_000.0 + at, busy_side(100, 40), busy_side(900, 60)) for at in range(2000)]
    before = (tmp_path / "abreast.db").stat().st_size
    await evidence.save_ticks("shop", 1, ticks, {})
    with closing(sqlite3.connect(tmp_path / "abreast.db")) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    grown = (tmp_path / "abreast.db").stat().st_size - before
    assert 700 < grown / len(ticks) < 1400


async def test_the_last_second_on_record_is_told_by_rollout(store: SqlStore) -> None:
    evidence = SqlEvidence(store)
    assert await evidence.last_tick("shop", 1) is None
    await evidence.save_ticks("shop", 1, [a_tick(1.0), a_tick(3.0), a_tick(2.0)], {})
    assert await evidence.last_tick("shop", 1) == 3.0
    assert await evidence.last_tick("shop", 0) is None
