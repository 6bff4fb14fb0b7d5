"""What a verb needs before it opens a fleet's store itself; tests/fleet/test_verbs.py opens a real one."""

from pathlib import Path

import pytest

from abreast.cli.fleet_store import fleet_store, in_fleet_store
from abreast.model.errors import SpecError, StoreError, UsageError
from abreast.store.sql import SqlStore

SPEC = "versions: {v1: {endpoints: ['127.0.0.1:9001']}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "abreast.yaml"
    file.write_text(f"service: shop\n{SPEC}", encoding="utf-8")
    return file


def test_the_spec_says_which_service_and_the_environment_what_is_secret(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORE_PASSWORD", "s3cret")
    address, service = fleet_store("postgresql://abreast:${STORE_PASSWORD}@db.example.com/abreast", file)
    assert (address.name, address.parts["password"], service) == ("abreast at db.example.com", "s3cret", "shop")


def test_a_spec_without_a_name_is_refused_for_the_directorys_would_be_another(file: Path) -> None:
    file.write_text(SPEC, encoding="utf-8")
    with pytest.raises(SpecError, match="a fleet's service has a name"):
        fleet_store("postgresql://db.example.com/abreast", file)


async def nothing(store: SqlStore, service: str) -> None:
    raise AssertionError((store, service))


def test_what_is_no_address_is_refused_and_one_where_nobody_is_is_told(file: Path) -> None:
    with pytest.raises(UsageError, match="no address of a PostgreSQL"):
        in_fleet_store("sqlite:///abreast.db", file, nothing)
    with pytest.raises(StoreError, match="not reached"):
        in_fleet_store("postgresql://127.0.0.1:1/abreast", file, nothing)
