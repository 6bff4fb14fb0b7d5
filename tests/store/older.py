"""A store's file as an earlier release left it, without any of the store's own code but how it opens the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, text

from abreast.store.schema import MIGRATIONS
from abreast.store.sqlite import _begin, _set_up


@contextmanager
def opened(url: str = "sqlite://") -> Iterator[Connection]:
    """A connection as the store opens it, to a file or to memory, in no transaction."""
    engine = create_engine(url, execution_options={"write": True})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def config_of(connection: Connection) -> Config:
    """Alembic's, for our migrations over that connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@contextmanager
def older(folder: Path, revision: str, *rows: str) -> Iterator[Connection]:
    """A file at that revision, with these rows in it."""
    with opened(f"sqlite:///{folder}/abreast.db") as connection:
        with connection.begin():
            command.upgrade(config_of(connection), revision)
            for row in rows:
                connection.execute(text(row))
        yield connection
