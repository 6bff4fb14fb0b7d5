import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from abreast.store.schema import bring_up_to_date
from tests.store.older import older as older_store

TABLES = {"tokens", "sessions", "token_changes"}
TOKEN = "INSERT INTO tokens VALUES ('{}', '{}', 'viewer', 'hash', 1.0, 'root', NULL, NULL)"


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Connection]:
    """A file as the release before wrote it, with a rollout in it."""
    rows = ("INSERT INTO rollouts VALUES ('shop', 0, 1, 'completed', '{}')",)
    with older_store(tmp_path, "0003", *rows) as connection:
        yield connection


def test_the_tables_of_tokens_are_added_and_what_there_was_stays(older: Connection) -> None:
    with older.begin():
        assert not TABLES & set(inspect(older).get_table_names())
        bring_up_to_date(older)
    with older.begin():
        assert set(inspect(older).get_table_names()) >= TABLES
        assert older.execute(text("SELECT body FROM rollouts")).all() == [("{}",)]


def test_names_are_given_once_and_sessions_go_with_their_token(older: Connection) -> None:
    with older.begin():
        bring_up_to_date(older)
    raw = older.connection.dbapi_connection
    assert raw is not None
    cursor = raw.cursor()
    cursor.execute(TOKEN.format("id1", "ada"))
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        cursor.execute(TOKEN.format("id2", "ada"))
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        cursor.execute("INSERT INTO sessions VALUES ('s', 'ada', 'viewer', 9.0, 'id9')")
    cursor.execute("INSERT INTO sessions VALUES ('s', 'ada', 'viewer', 9.0, 'id1')")
    cursor.execute("DELETE FROM tokens")
    assert cursor.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
