import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, inspect, text

from abreast.store.schema import MIGRATIONS, bring_up_to_date
from abreast.store.sqlite import _begin, _set_up

TABLES = {"ticks", "evidence"}


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Connection]:
    """A file as the release before wrote it, with a rollout and its findings in it."""
    engine = create_engine(f"sqlite:///{tmp_path}/abreast.db", execution_options={"write": True})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        with connection.begin():
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "0002")
            connection.execute(text("INSERT INTO rollouts VALUES ('shop', 0, 1, 'completed', '{}')"))
            connection.execute(text("INSERT INTO findings VALUES ('shop', 0, 1, '{}', '{}')"))
        yield connection
    engine.dispose()


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
