"""The demo's verb: what it takes. The story itself is told in tests/e2e/test_demo.py."""

import pytest
from typer.testing import CliRunner

from abreast.cli.main import app
from abreast.model.errors import DatabaseError, DriverError, UsageError


def test_an_unknown_example_is_refused_with_those_that_there_are() -> None:
    done = CliRunner().invoke(app, ["demo", "--example", "bakery"])

    assert done.exit_code == 2
    assert "shop" in done.output
    assert "httpbin" in done.output


def test_an_unknown_topic_is_refused_with_those_that_there_are() -> None:
    done = CliRunner().invoke(app, ["demo", "money"])

    assert done.exit_code == 2
    assert "data" in done.output


def test_the_demo_of_data_has_one_example() -> None:
    done = CliRunner().invoke(app, ["demo", "data", "--example", "httpbin"])

    assert isinstance(done.exception, UsageError)
    assert "--example httpbin" in done.exception.message


def test_the_demo_of_data_needs_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABREAST_PG_BIN", "/nowhere")

    done = CliRunner().invoke(app, ["demo", "data"])

    assert isinstance(done.exception, DatabaseError)
    assert "$ABREAST_PG_BIN is /nowhere" in done.exception.message


def test_help_says_what_it_does_and_how_it_ends() -> None:
    done = CliRunner().invoke(app, ["demo", "--help"])

    assert done.exit_code == 0
    assert "--keep" in done.output
    assert "Exit code 1" in done.output


@pytest.mark.parametrize("words", [("data",), ("--example", "httpbin")])
def test_containers_are_for_the_plain_shop(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, ["demo", *words, "--driver", "docker"])

    assert isinstance(done.exception, UsageError)
    assert "--driver docker" in done.exception.message


def test_a_base_image_without_containers_has_no_effect_and_is_refused() -> None:
    done = CliRunner().invoke(app, ["demo", "--base-image", "mine:1"])

    assert isinstance(done.exception, UsageError)
    assert "--driver docker" in done.exception.remedy


def test_without_an_engine_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    done = CliRunner().invoke(app, ["demo", "--driver", "docker"])

    assert isinstance(done.exception, DriverError)
    assert "/nowhere/docker.sock" in done.exception.message
    assert done.output == ""
