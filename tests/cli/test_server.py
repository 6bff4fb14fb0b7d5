"""``abreast server``: its options; whole servers are in tests/fleet."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from abreast.cli.main import app
from abreast.model.errors import StoreError, UsageError

RUNNER = CliRunner()


def test_it_says_what_it_needs() -> None:
    told = RUNNER.invoke(app, ["server", "--help"], env={"COLUMNS": "200"}).output
    for words in ("--store", "--config", "--name", "One of them decides"):
        assert words in told
    assert RUNNER.invoke(app, ["server"]).exit_code == 2


def test_a_name_that_is_none_is_refused() -> None:
    done = RUNNER.invoke(app, ["server", "--store", "postgresql:///x", "--name", "a/b"])
    assert isinstance(done.exception, UsageError)
    assert "'a/b' is no name" in done.exception.message


def test_a_store_that_is_none_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["server", "--store", "sqlite:///x", "--config", str(tmp_path / "abreast.yaml")])
    assert isinstance(done.exception, UsageError)
    assert "no address of a PostgreSQL" in done.exception.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["postgresql://me@127.0.0.1:1/x"])
def test_a_database_that_is_away_is_told(tmp_path: Path, where: str) -> None:
    file = tmp_path / "abreast.yaml"
    file.write_text("service: shop\nversions: {v1: {endpoints: ['127.0.0.1:8']}}\n", encoding="utf-8")
    done = RUNNER.invoke(app, ["server", "--store", where, "--config", str(file)])
    assert isinstance(done.exception, StoreError)
    assert "not reached" in done.exception.message


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--link", "8443"), "--link: '8443' is no address to listen on"),
        (("--link", "example.com:8443"), "--link: 'example.com:8443' is no address to listen on"),
        (("--no-gateway",), "--no-gateway: without --link"),
    ],
)
def test_a_link_that_makes_no_sense_is_refused(words: tuple[str, ...], said: str) -> None:
    done = RUNNER.invoke(app, ["server", "--store", "postgresql:///x", *words])
    assert isinstance(done.exception, UsageError)
    assert said in done.exception.message
