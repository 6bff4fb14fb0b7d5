"""Tokens in the file itself: what is at rest, how much it can be, and a disk that is full."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.clock import SystemClock
from abreast.model.errors import StoreError
from abreast.model.token import Role, Session, digest
from abreast.operations.tokens import TokenDesk, create, holder, sign_in
from abreast.store import tokens as module
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from abreast.store.tokens import SqlTokens
from tests.contracts.test_store import a_rollout
from tests.contracts.test_tokens import ADA
from tests.store.test_full_disk import PageLimit


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = await open_store(tmp_path / "abreast.db")
    await opened.save(a_rollout(), [])
    yield opened
    await opened.close()


async def test_no_secret_is_in_the_file_only_its_hash(store: SqlStore, tmp_path: Path) -> None:
    desk = TokenDesk(SqlTokens(store), SystemClock(), "shop")
    made = await create(desk, "ada", Role.ADMIN, "root")
    token = await holder(desk, made.secret)
    assert token is not None
    cookie, _ = await sign_in(desk, token)
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (made.secret, cookie):
        assert secret.encode() not in written
        assert secret.removeprefix(f"abreast_{made.token.id}_").encode() not in written
        assert digest(secret).encode() in written


async def test_the_sessions_that_end_soonest_go_first(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SESSIONS", 3)
    tokens = SqlTokens(store)
    for number, until in enumerate((50.0, 40.0, 60.0, 30.0, 70.0)):
        await tokens.create_session(f"s{number}", Session("ada", Role.VIEWER, until), 1.0)
    kept = [number for number in range(5) if await tokens.session(f"s{number}") is not None]
    assert kept == [0, 2, 4]


async def test_a_full_disk_makes_no_token_and_no_event(store: SqlStore) -> None:
    tokens, disk = SqlTokens(store), PageLimit()
    disk.fill(store)
    long = "x" * 20_000  # more than a page has room for
    with pytest.raises(StoreError, match="disk is full"):
        await tokens.create_token("shop", ADA, long)
    assert list(await tokens.tokens()) == []
    assert [event.kind for _, event in await store.events("shop")] == []
