"""Brings a database's schema up to what this abreast knows, in one transaction of the caller's."""

from pathlib import Path
from threading import Lock
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from abreast.model.errors import StoreError

MIGRATIONS: Final = Path(__file__).parent / "migrations"

_ONE_AT_A_TIME: Final = Lock()
"""Alembic keeps the migration that runs in a global."""


def bring_up_to_date(connection: Connection, migrations: Path = MIGRATIONS) -> None:
    """Run every migration that the database has not seen; the caller commits.

    Raises StoreError if the database has seen one that ``migrations`` does not have: it was written by a newer
    abreast, and what that means cannot be known here.
    """
    config = Config()
    # The option is read through ConfigParser, which would take a single % for a placeholder.
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    seen = MigrationContext.configure(connection).get_current_heads()
    unknown = [revision for revision in seen if revision not in known]
    if unknown:
        message = (
            f"{connection.engine.url.database or 'the store'} has schema {', '.join(unknown)}; "
            f"this abreast knows none after {scripts.get_current_head()}"
        )
        raise StoreError(message, "a newer abreast wrote it: run that one (pip install --upgrade abreast)")
    if seen != (scripts.get_current_head(),):
        with _ONE_AT_A_TIME:
            command.upgrade(config, "head")
