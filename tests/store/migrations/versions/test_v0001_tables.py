import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from abreast.store.sqlite import open_store
from tests.contracts.test_store import a_rollout, an_event


@pytest.fixture
async def raw(tmp_path: Path) -> AsyncIterator[sqlite3.Connection]:
    """The file as somebody with the sqlite3 shell would see it: no pragma of ours is set."""
    store = await open_store(tmp_path / "abreast.db")
    await store.save(a_rollout(), [an_event(reason="as it was")])
    await store.close()
    with closing(sqlite3.connect(tmp_path / "abreast.db", isolation_level=None)) as connection:
        yield connection


COLUMNS = "events (id, service, rollout, at, kind, actor, reason, data)"
ROW = "VALUES (1, 'shop', 0, 1.0, 'phase', 'somebody', 'changed', '{}')"


@pytest.mark.parametrize(
    ("tampering", "message"),
    [
        ("UPDATE events SET reason = 'changed'", "events are never changed"),
        ("DELETE FROM events", "events are never deleted"),
        (f"REPLACE INTO {COLUMNS} {ROW}", "events are never replaced"),
        (
            f"INSERT INTO {COLUMNS} {ROW} ON CONFLICT (id) DO UPDATE SET reason = 'changed'",
            "events are never replaced",
        ),
    ],
)
async def test_events_cannot_be_altered(raw: sqlite3.Connection, tampering: str, message: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=message):
        raw.execute(tampering)
    assert raw.execute("SELECT id, reason FROM events").fetchall() == [(1, "as it was")]


async def test_events_can_be_added(raw: sqlite3.Connection) -> None:
    raw.execute(
        "INSERT INTO events (service, rollout, at, kind, actor, reason, data)"
        " VALUES ('shop', 0, 1.0, 'phase', 'somebody', 'added', '{}')"
    )
    assert raw.execute("SELECT id, reason FROM events").fetchall() == [(1, "as it was"), (2, "added")]


async def test_ids_are_never_used_again(raw: sqlite3.Connection) -> None:
    tables = raw.execute("SELECT sql FROM sqlite_master WHERE name = 'events'").fetchone()[0]
    assert "AUTOINCREMENT" in tables
