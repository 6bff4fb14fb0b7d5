"""From a store of before a fleet had data: what it holds stays, and there is a place for what the database says."""

from pathlib import Path

from sqlalchemy import text

from abreast.store.schema import bring_up_to_date
from tests.store.older import older


def test_an_earlier_store_is_upgraded(tmp_path: Path) -> None:
    with older(tmp_path, "0008", "INSERT INTO secrets (name, value) VALUES ('tester', 's')") as connection:
        with connection.begin():
            bring_up_to_date(connection)
            connection.execute(text("INSERT INTO data_states (service, state) VALUES ('shop', '{}')"))
        with connection.begin():
            assert connection.execute(text("SELECT value FROM secrets")).scalar() == "s"
            assert connection.execute(text("SELECT service FROM data_states")).scalar() == "shop"
