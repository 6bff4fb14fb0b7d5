import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect

from abreast.store.tables import METADATA
from tests.store.older import config_of, opened


class ChangedMindError(Exception):
    """The caller rolls back after an upgrade that went well."""


def upgrade_and_roll_back(config: Config, connection: Connection) -> None:
    with connection.begin():
        command.upgrade(config, "head")
        assert set(METADATA.tables) < set(inspect(connection).get_table_names())
        raise ChangedMindError


def test_an_upgrade_belongs_to_the_callers_connection_and_transaction() -> None:
    with opened() as connection:
        config = config_of(connection)
        with pytest.raises(ChangedMindError):
            upgrade_and_roll_back(config, connection)
        assert inspect(connection).get_table_names() == []
        connection.rollback()
        with connection.begin():
            command.upgrade(config, "head")
        assert {*METADATA.tables, "alembic_version"} == set(inspect(connection).get_table_names())
