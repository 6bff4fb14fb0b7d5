import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from abreast.store.schema import bring_up_to_date
from tests.store.older import older as older_store

TABLES = {"findings", "samples", "sample_keys", "relays"}


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Connection]:
    """A file as the release before wrote it, with a rollout and an event in it."""
    rows = (
        "INSERT INTO rollouts VALUES ('shop', 0, 1, 'completed', '{}')",
        "INSERT INTO events VALUES (1, 'shop', 0, 1.0, 'phase', 'ada', 'why', '{}')",
    )
    with older_store(tmp_path, "0001", *rows) as connection:
        yield connection


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def test_the_tables_of_findings_are_added_and_what_there_was_stays(older: Connection) -> None:
    with older.begin():
        assert not TABLES & tables(older)
        bring_up_to_date(older)
    with older.begin():
        assert tables(older) >= TABLES
        assert older.execute(text("SELECT body FROM rollouts")).all() == [("{}",)]
        assert older.execute(text("SELECT actor, reason FROM events")).all() == [("ada", "why")]


def test_events_are_still_append_only(older: Connection) -> None:
    with older.begin():
        bring_up_to_date(older)
    raw = older.connection.dbapi_connection
    assert raw is not None
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        raw.cursor().execute("UPDATE events SET reason = 'changed'")


@pytest.mark.parametrize(
    "row",
    [
        "INSERT INTO findings VALUES ('shop', 7, 1, '{}', '{}')",
        "INSERT INTO samples VALUES ('shop', 0, 'a', 1.0, '{}')",
        "INSERT INTO sample_keys VALUES ('shop', 0, 'GET /', '/a', 'type', 'a')",
    ],
)
def test_nothing_hangs_in_the_air(older: Connection, row: str) -> None:
    with older.begin():
        bring_up_to_date(older)
    raw = older.connection.dbapi_connection
    assert raw is not None
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        raw.cursor().execute(row)
