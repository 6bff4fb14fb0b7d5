"""From a store of before gateways were counted together: what it holds stays, and there is a place for seconds."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import IntegrityError

from abreast.store.schema import MIGRATIONS, bring_up_to_date
from abreast.store.sqlite import _begin, _set_up

ADD = text(
    "INSERT INTO node_seconds (service, node, since, number, written_at, late_s, body)"
    " VALUES ('shop', 'a', 1.5, 7, 9.0, 0.1, '{}')"
)


def test_an_earlier_store_is_upgraded_and_a_second_is_in_it_once(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/abreast.db", execution_options={"write": True})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        with connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "0006")
            connection.execute(text("INSERT INTO secrets (name, value) VALUES ('tester', 's')"))
        with connection.begin():
            bring_up_to_date(connection)
            connection.execute(ADD)
        with connection.begin():
            assert connection.execute(text("SELECT value FROM secrets")).scalar() == "s"
            assert connection.execute(text("SELECT id FROM node_seconds")).scalar() == 1
            with pytest.raises(IntegrityError):
                connection.execute(ADD)
    engine.dispose()
