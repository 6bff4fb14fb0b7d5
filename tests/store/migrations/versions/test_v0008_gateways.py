"""From a store of before gateways apart from servers: its servers stay, and an agent may have the name of one."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event, inspect, text
from sqlalchemy.exc import IntegrityError

from abreast.store.schema import MIGRATIONS, bring_up_to_date
from abreast.store.sqlite import _begin, _set_up

ROW = (
    "INSERT INTO replicas (service, {more}name, identity, seen_at, nodes) "
    "VALUES ('shop', {values}'a', 'a#1', 1.0, '[]')"
)


def test_servers_stay_and_gateways_have_names_of_their_own(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/abreast.db", execution_options={"write": True})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        with connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "0007")
            connection.execute(text(ROW.format(more="", values="")))
        with connection.begin():
            bring_up_to_date(connection)
        with connection.begin():
            connection.execute(text(ROW.format(more="kind, ", values="'gateway', ")))
            rows = connection.execute(text("SELECT kind, name, server, connection FROM replicas ORDER BY kind DESC"))
            assert rows.all() == [("server", "a", "", 0), ("gateway", "a", "", 0)]
            assert {"join_tokens", "agents"} <= set(inspect(connection).get_table_names())
        with connection.begin(), pytest.raises(IntegrityError):
            connection.execute(text(ROW.format(more="kind, ", values="'gateway', ")))
    engine.dispose()
