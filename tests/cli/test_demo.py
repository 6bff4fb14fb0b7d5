"""The demo's verb: what it takes. The story itself is told in tests/e2e/test_demo.py."""

from typer.testing import CliRunner

from abreast.cli.main import app


def test_an_unknown_example_is_refused_with_those_that_there_are() -> None:
    done = CliRunner().invoke(app, ["demo", "--example", "bakery"])

    assert done.exit_code == 2
    assert "shop" in done.output
    assert "httpbin" in done.output


def test_help_says_what_it_does_and_how_it_ends() -> None:
    done = CliRunner().invoke(app, ["demo", "--help"])

    assert done.exit_code == 0
    assert "--keep" in done.output
    assert "Exit code 1" in done.output
