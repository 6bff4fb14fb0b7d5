"""The data demo's place has a real database with its rows and a spec that abreast takes; nothing of it stays."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from abreast.demo.data_site import MIGRATION, ROWS, VERSIONS, DataSite, data_site
from abreast.demo.stage import DemoError
from abreast.model.errors import AbreastError, DatabaseError
from abreast.schema.migration import read_migration
from abreast.spec_source import load_spec, migrations_of


@pytest.fixture
def tmp(monkeypatch: pytest.MonkeyPatch, short_tmp: Path) -> Path:
    """The temporary directory, through which the server's user may pass."""
    short_tmp.chmod(0o755)
    monkeypatch.setattr("tempfile.tempdir", str(short_tmp))
    return short_tmp


def test_it_is_a_database_with_rows_and_a_spec_and_leaves_nothing(tmp: Path) -> None:
    with data_site() as site:
        assert site.cluster.home.is_relative_to(tmp)
        pid = site.cluster.pid()
        with psycopg.connect(site.database) as connection:
            told = connection.execute("SELECT count(*), min(price), max(price) FROM products").fetchone()
        spec = load_spec(site.place.spec_file)
        changed = [migrations_of(spec, version) for version in VERSIONS[1:]]
        written: dict[str, Any] = yaml.safe_load(site.place.spec_file.read_text("utf-8"))

    assert told is not None
    assert told[0] == ROWS
    assert 0 < told[1] < told[2]
    assert spec.data is not None
    assert spec.data.tags == ("products",)
    assert [len(each) for each in changed] == [1, 1]
    assert pid is not None
    assert site.cluster.pid() is None
    assert list(tmp.iterdir()) == []
    of_versions = [written["versions"][name] for name in VERSIONS]
    for version, keys in zip(VERSIONS, of_versions, strict=True):
        own = keys.pop("env")
        assert own["SHOP_VERSION"] == version
        assert own["DATABASE_URL"].startswith(f"postgresql://shop_{version}@/shop?host=")
    assert of_versions[0] == of_versions[1] == of_versions[2]


@pytest.mark.parametrize(
    ("error", "stays"), [(DemoError("it went wrong", "mend it"), True), (KeyboardInterrupt(), False)]
)
def test_an_error_leaves_the_files_for_reading_and_ctrl_c_nothing(
    tmp: Path, error: BaseException, *, stays: bool
) -> None:
    sites: list[DataSite] = []

    def fail() -> None:
        with data_site() as site:
            sites.append(site)
            raise error

    with pytest.raises(type(error)):
        fail()

    assert sites[0].cluster.pid() is None
    assert [path.name for path in tmp.iterdir()] == ([sites[0].place.directory.name] if stays else [])


def test_without_postgresql_nothing_is_made(tmp: Path) -> None:
    with (
        pytest.raises(DatabaseError, match=r"\$ABREAST_PG_BIN is /nowhere") as caught,
        data_site({"ABREAST_PG_BIN": "/nowhere"}),
    ):
        pass

    assert isinstance(caught.value, AbreastError)
    assert caught.value.exit_code == 14
    assert list(tmp.iterdir()) == []


def test_the_migration_splits_the_price_and_renames_the_name() -> None:
    migration = read_migration("products.yaml", MIGRATION)

    assert [type(operation).__name__ for operation in migration.operations] == [
        "AddColumn",
        "AddColumn",
        "DropColumn",
        "RenameColumn",
    ]
