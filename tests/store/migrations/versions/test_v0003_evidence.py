import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from abreast.store.schema import bring_up_to_date
from tests.store.older import older as older_store

TABLES = {"ticks", "evidence"}


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Connection]:
    """A file as the release before wrote it, with a rollout and its findings in it."""
    rows = (
        "INSERT INTO rollouts VALUES ('shop', 0, 1, 'completed', '{}')",
        "INSERT INTO findings VALUES ('shop', 0, 1, '{}', '{}')",
    )
    with older_store(tmp_path, "0002", *rows) as connection:
        yield connection


def test_the_tables_of_evidence_are_added_and_what_there_was_stays(older: Connection) -> None:
    with older.begin():
        assert not TABLES & set(inspect(older).get_table_names())
        bring_up_to_date(older)
    with older.begin():
        assert set(inspect(older).get_table_names()) >= TABLES
        assert older.execute(text("SELECT body FROM rollouts")).all() == [("{}",)]
        assert older.execute(text("SELECT book FROM findings")).all() == [("{}",)]


@pytest.mark.parametrize(
    "row", ["INSERT INTO ticks VALUES ('shop', 7, 1.0, '{}')", "INSERT INTO evidence VALUES ('shop', 7, '{}')"]
)
def test_nothing_hangs_in_the_air(older: Connection, row: str) -> None:
    with older.begin():
        bring_up_to_date(older)
    raw = older.connection.dbapi_connection
    assert raw is not None
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        raw.cursor().execute(row)
