import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event, inspect, text

from abreast.store.schema import MIGRATIONS, bring_up_to_date
from abreast.store.sqlite import _begin, _set_up

ROW = "INSERT INTO flags VALUES ('{}', 'dark', '{{}}', 1, 1.0, 'ada', 'because')"


def test_the_table_of_flags_is_added_and_each_flag_of_a_service_is_there_once(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/abreast.db", execution_options={"write": True})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        with connection.begin():
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "0004")
            connection.execute(text("INSERT INTO rollouts VALUES ('shop', 0, 1, 'completed', '{}')"))
            assert "flags" not in inspect(connection).get_table_names()
        with connection.begin():
            bring_up_to_date(connection)
        with connection.begin():
            assert connection.execute(text("SELECT body FROM rollouts")).all() == [("{}",)]
        raw = connection.connection.dbapi_connection
        assert raw is not None
        cursor = raw.cursor()
        cursor.execute(ROW.format("shop"))
        cursor.execute(ROW.format("other"))
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            cursor.execute(ROW.format("shop"))
    engine.dispose()
