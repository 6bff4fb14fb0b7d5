"""From a store of before fleets: what it holds stays, and what servers share is there."""

from pathlib import Path

from sqlalchemy import inspect, text

from abreast.store.schema import bring_up_to_date
from tests.store.older import older

SECRET = "INSERT INTO secrets (name, value) VALUES ('tester', 's')"


def test_a_store_of_before_fleets_is_upgraded_with_what_it_holds(tmp_path: Path) -> None:
    with older(tmp_path, "0005", SECRET) as connection:
        with connection.begin():
            bring_up_to_date(connection)
        with connection.begin():
            assert {"leases", "replicas", "orders"} <= set(inspect(connection).get_table_names())
            assert connection.execute(text("SELECT value FROM secrets")).scalar() == "s"
            indexes = {each["name"] for each in inspect(connection).get_indexes("orders")}
            assert indexes == {"orders_service"}
