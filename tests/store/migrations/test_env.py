import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, inspect

from abreast.store.schema import MIGRATIONS
from abreast.store.sqlite import _begin, _set_up
from abreast.store.tables import METADATA


class ChangedMindError(Exception):
    """The caller rolls back after an upgrade that went well."""


def upgrade_and_roll_back(config: Config, connection: Connection) -> None:
    with connection.begin():
        command.upgrade(config, "head")
        assert set(METADATA.tables) < set(inspect(connection).get_table_names())
        raise ChangedMindError


def test_an_upgrade_belongs_to_the_callers_connection_and_transaction() -> None:
    engine = create_engine("sqlite://")
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        with pytest.raises(ChangedMindError):
            upgrade_and_roll_back(config, connection)
        assert inspect(connection).get_table_names() == []
        connection.rollback()
        with connection.begin():
            command.upgrade(config, "head")
        assert {*METADATA.tables, "alembic_version"} == set(inspect(connection).get_table_names())
    engine.dispose()
