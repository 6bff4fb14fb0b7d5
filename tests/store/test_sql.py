"""What goes through the fence, and what does not: over SQLite here."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from abreast.findings.book import Book
from abreast.findings.ledger import Ledger
from abreast.model.errors import LeaseLostError, StoreCorruptError, StoreError
from abreast.model.token import Role as TokenRole
from abreast.model.token import Session
from abreast.ports import VersionCounts
from abreast.store.evidence import SqlEvidence
from abreast.store.findings import SqlFindings
from abreast.store.flags import SqlFlags
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from abreast.store.tokens import SqlTokens
from tests.contracts.test_store import a_rollout, an_event


def lost(_connection: Connection) -> None:
    raise LeaseLostError("another decides", "look who")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = await open_store(tmp_path / "abreast.db")
    await opened.save(a_rollout(), [])
    yield opened
    await opened.close()


async def test_whatever_follows_from_deciding_is_refused_behind_the_fence(store: SqlStore) -> None:
    behind = store.fenced(lost)
    saved = await store.load("shop")
    assert saved is not None
    refused = (
        behind.save(saved, [an_event()]),
        SqlEvidence(behind).save_ticks("shop", 0, [], {"any": 1}),
        SqlFindings(behind).save_findings("shop", Book.of(0), Ledger()),
        SqlFindings(behind).purge_samples("shop", 1e9),
        SqlFlags(behind).keep_flags("shop", [], [an_event()]),
    )
    for write in refused:
        with pytest.raises(LeaseLostError):
            await write
    assert await store.load("shop") == saved
    assert list(await store.events("shop")) == []
    assert dict(await SqlEvidence(store).load_evidence("shop", 0)) == {}
    assert await SqlFindings(store).load_findings("shop") is None


async def test_reading_counts_and_sessions_are_everybodys(store: SqlStore) -> None:
    behind = store.fenced(lost)
    assert await behind.load("shop") is not None
    await behind.add_counts("shop", 1, {"v1": VersionCounts({200: 1})})
    assert len(await behind.counts("shop", 0)) == 1
    assert await behind.secret("tester", "fresh") == "fresh"
    session = Session("ada", TokenRole.VIEWER, 9.0)
    await SqlTokens(behind).create_session("hash", session, 1.0)
    assert await SqlTokens(store).session("hash") == session


async def test_the_fence_is_asked_within_the_transaction_that_it_guards(store: SqlStore) -> None:
    asked: list[bool] = []
    behind = store.fenced(lambda connection: asked.append(connection.in_transaction()))
    saved = await store.load("shop")
    assert saved is not None
    assert (await behind.save(saved, [])).revision == 2
    assert asked == [True]


async def test_closing_one_view_closes_all(store: SqlStore) -> None:
    await store.fenced(lost).close()
    with pytest.raises(StoreError, match="closed"):
        await store.load("shop")


async def test_what_makes_no_sense_is_said_of_the_file(store: SqlStore, tmp_path: Path) -> None:
    damage = store.damaged("it is empty")
    assert isinstance(damage, StoreCorruptError)
    assert str(tmp_path / "abreast.db") in damage.message
