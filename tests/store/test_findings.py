"""Findings in the file itself: killed while writing, a full disk, a damaged row."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from abreast.findings.ledger import Ledger
from abreast.model.errors import StoreCorruptError, StoreError
from abreast.store.findings import SqlFindings
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.contracts.test_findings import BOOK, LEDGER, a_sample, an_event
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


async def test_a_batch_survives_kill_9_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "abreast.db"
    dice = random.Random(11)
    program = Path(__file__).with_name("writer.py")
    acknowledged = 0
    with subprocess.Popen(
        [sys.executable, str(program), "findings", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as zygote:
        assert zygote.stdout is not None
        for _ in range(KILLS):
            last = kill_while_writing(zygote, zygote.stdout, at=dice.randint(1, 12))
            store = await open_store(path)
            findings = SqlFindings(store)
            loaded = await findings.load_findings("shop")
            assert loaded is not None
            book, ledger = loaded
            # The last one may have been committed without its report: killed in between.
            assert acknowledged < last <= ledger.seen <= last + 1
            assert [int(sample.id) for sample in await findings.samples("shop", 0)] == list(range(1, ledger.seen + 1))
            told = [event.reason for _, event in await store.events("shop", limit=1_000_000)]
            assert told == [str(number) for number in range(1, ledger.seen + 1)]
            # What a relay sends again because it heard of no acknowledgement is known.
            assert not await findings.save_findings("shop", book, Ledger(), "relay", ledger.seen)
            await store.close()
            acknowledged = last


async def test_a_full_disk_refuses_the_whole_batch_and_takes_it_once_there_is_space(store: SqlStore) -> None:
    findings, disk = SqlFindings(store), PageLimit()
    await findings.save_findings("shop", BOOK, LEDGER, "relay-1", 1, [a_sample(1)])
    disk.fill(store)
    large = [a_sample(number, endpoint=f"GET /{number}/{'x' * 3000}") for number in range(2, 60)]
    for _ in range(2):
        with pytest.raises(StoreError, match="full"):
            await findings.save_findings("shop", BOOK, Ledger(), "relay-1", 2, large, [an_event()])
        assert await findings.load_findings("shop") == (BOOK, LEDGER)
        assert list(await findings.samples("shop", 1)) == [a_sample(1)]
    disk.free(store)
    assert await findings.save_findings("shop", BOOK, Ledger(), "relay-1", 2, large, [an_event()])
    assert len(await findings.samples("shop", 1)) == 59


@pytest.mark.parametrize("column", ["book", "ledger"])
async def test_a_row_that_makes_no_sense_is_told_as_damage(store: SqlStore, tmp_path: Path, column: str) -> None:
    findings = SqlFindings(store)
    await findings.save_findings("shop", BOOK, LEDGER)
    with closing(sqlite3.connect(tmp_path / "abreast.db")) as raw, raw:
        raw.execute(f"UPDATE findings SET {column} = '[]'")  # noqa: S608  # one of two names
    with pytest.raises(StoreCorruptError, match="makes no sense"):
        await findings.load_findings("shop")


async def test_writes_are_counted_for_who_reads_the_table(store: SqlStore, tmp_path: Path) -> None:
    findings = SqlFindings(store)
    for number in (1, 2, 2, 3):
        await findings.save_findings("shop", BOOK, LEDGER, "relay-1", number)
    with closing(sqlite3.connect(tmp_path / "abreast.db")) as raw:
        assert raw.execute("SELECT service, rollout, revision FROM findings").fetchall() == [("shop", 1, 3)]


async def test_what_a_sample_shows_goes_with_it(store: SqlStore, tmp_path: Path) -> None:
    findings = SqlFindings(store)
    await findings.save_findings("shop", BOOK, LEDGER, samples=[a_sample(1), a_sample(2)])
    await findings.purge_samples("shop", 2.0)
    with closing(sqlite3.connect(tmp_path / "abreast.db")) as raw:
        assert raw.execute("SELECT sample FROM sample_keys").fetchall() == [(a_sample(2).id,)]
