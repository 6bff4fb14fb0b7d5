import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from abreast.model.errors import StoreError
from abreast.store.schema import MIGRATIONS, bring_up_to_date
from abreast.store.tables import METADATA
from tests.store.older import opened

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("secrets", sa.Column("note", sa.Text))
    op.execute(sa.text("UPDATE secrets SET note = 'old'"))
    {last}
"""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with opened(f"sqlite:///{tmp_path}/schema.db") as connection:
        yield connection


def with_next(tmp_path: Path, last: str = "") -> Path:
    """The migrations, and one that is yet to be written; the path has what ConfigParser would trip over."""
    later = tmp_path / "100 % later"
    shutil.copytree(MIGRATIONS, later)
    (later / "versions" / "v9999_next.py").write_text(NEXT.format(last=last))
    return later


def test_migrations_and_tables_say_the_same(connection: Connection) -> None:
    with connection.begin():
        bring_up_to_date(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_a_difference_between_migrations_and_tables_would_be_found(connection: Connection) -> None:
    with connection.begin():
        bring_up_to_date(connection)
        connection.execute(text("ALTER TABLE secrets ADD COLUMN more TEXT"))
        connection.execute(text("DROP INDEX events_service"))
        found = compare_metadata(MigrationContext.configure(connection), METADATA)
        assert sorted(difference[0] for difference in found) == ["add_index", "remove_column"]


def test_a_second_run_changes_nothing(connection: Connection) -> None:
    with connection.begin():
        bring_up_to_date(connection)
    with connection.begin():
        before = connection.execute(text("PRAGMA schema_version")).scalar()
        bring_up_to_date(connection)
        assert connection.execute(text("PRAGMA schema_version")).scalar() == before


def test_an_older_file_is_upgraded_with_what_it_holds(connection: Connection, tmp_path: Path) -> None:
    with connection.begin():
        bring_up_to_date(connection)
        connection.execute(text("INSERT INTO secrets (name, value) VALUES ('tester', 's')"))
    with connection.begin():
        bring_up_to_date(connection, with_next(tmp_path))
    assert connection.execute(text("SELECT name, value, note FROM secrets")).all() == [("tester", "s", "old")]


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(connection: Connection, tmp_path: Path) -> None:
    with connection.begin():
        bring_up_to_date(connection)
        connection.execute(text("INSERT INTO secrets (name, value) VALUES ('tester', 's')"))
    broken = with_next(tmp_path, 'op.execute(sa.text("SELECT no_such_column FROM secrets"))')
    with pytest.raises(OperationalError, match="no_such_column"), connection.begin():
        bring_up_to_date(connection, broken)
    with connection.begin():
        assert connection.execute(text("SELECT * FROM secrets")).all() == [("tester", "s")]
        bring_up_to_date(connection)
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_file_of_a_newer_abreast_is_refused_by_name_and_schema(connection: Connection, tmp_path: Path) -> None:
    with connection.begin():
        bring_up_to_date(connection, with_next(tmp_path))
    with connection.begin(), pytest.raises(StoreError) as refused:
        bring_up_to_date(connection)
    assert f"{tmp_path}/schema.db has schema 9999; this abreast knows none after 0009" in str(refused.value)
    assert "newer abreast" in refused.value.remedy


def test_every_migration_follows_exactly_one_other() -> None:
    written = sorted(path.name for path in (MIGRATIONS / "versions").glob("v*.py"))
    assert [name[1:5] for name in written] == [f"{number:04}" for number in range(1, len(written) + 1)]
