"""From a store of before fleets: what it holds stays, and what servers share is there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event, inspect, text

from abreast.store.schema import MIGRATIONS, bring_up_to_date
from abreast.store.sqlite import _begin, _set_up


def test_a_store_of_before_fleets_is_upgraded_with_what_it_holds(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/abreast.db", execution_options={"write": True})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        with connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "0005")
            connection.execute(text("INSERT INTO secrets (name, value) VALUES ('tester', 's')"))
        with connection.begin():
            bring_up_to_date(connection)
        with connection.begin():
            assert {"leases", "replicas", "orders"} <= set(inspect(connection).get_table_names())
            assert connection.execute(text("SELECT value FROM secrets")).scalar() == "s"
            indexes = {each["name"] for each in inspect(connection).get_indexes("orders")}
            assert indexes == {"orders_service"}
    engine.dispose()
