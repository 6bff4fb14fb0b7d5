import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from abreast.store.schema import bring_up_to_date
from tests.store.older import older

ROW = "INSERT INTO flags VALUES ('{}', 'dark', '{{}}', 1, 1.0, 'ada', 'because')"
ROLLOUT = "INSERT INTO rollouts VALUES ('shop', 0, 1, 'completed', '{}')"


def test_the_table_of_flags_is_added_and_each_flag_of_a_service_is_there_once(tmp_path: Path) -> None:
    with older(tmp_path, "0004", ROLLOUT) as connection:
        with connection.begin():
            assert "flags" not in inspect(connection).get_table_names()
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
