import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, inspect, text

from abreast.store.schema import MIGRATIONS, bring_up_to_date
from abreast.store.sqlite import _begin, _set_up

TABLES = {"tokens", "sessions", "token_changes"}
TOKEN = "INSERT INTO tokens VALUES ('{}', '{}', 'viewer', 'hash', 1.0, 'root', NULL, NULL)"


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Connection]:
    """A file as the release before wrote it, with a rollout in it."""
    engine = create_engine(f"sqlite:///{tmp_path}/abreast.db", execution_options={"write": True})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        with connection.begin():
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "0003")
            connection.execute(text("INSERT INTO rollouts VALUES ('shop', 0, 1, 'completed', '{}')"))
        yield connection
    engine.dispose()


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
