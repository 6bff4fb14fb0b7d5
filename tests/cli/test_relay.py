"""``abreast relay``: its options; whole relays are in tests/fleet."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from abreast.cli.main import app
from abreast.model.errors import UsageError

RUNNER = CliRunner()
GIVEN = ("--name", "r1", "--server", "127.0.0.1:1")


def refused(*words: str) -> UsageError:
    done = RUNNER.invoke(app, ["relay", *words], env={"ABREAST_JOIN_TOKEN": ""})
    assert isinstance(done.exception, UsageError), done.output
    return done.exception


def test_it_says_what_it_needs() -> None:
    told = RUNNER.invoke(app, ["relay", "--help"], env={"COLUMNS": "200"}).output
    for words in ("--name", "--server", "--token", "ABREAST_JOIN_TOKEN", "--state", "--listen", "--address"):
        assert words in told
    assert RUNNER.invoke(app, ["relay", *GIVEN]).exit_code == 2, "without --listen nobody could bring copies"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--listen", "host:80"), "--listen: 'host:80' is no address"),
        (("--listen", "0.0.0.0:8444"), "gateways cannot reach 0.0.0.0:8444"),
        (("--listen", "0.0.0.0:8444", "--address", "relay.example:8444"), "--address: 'relay.example:8444'"),
    ],
)
def test_what_makes_no_sense_is_named(words: tuple[str, ...], said: str) -> None:
    error = refused(*GIVEN, *words)
    assert said in error.message
    assert error.remedy


def test_who_has_not_joined_needs_a_token(short_tmp: Path) -> None:
    words = ("--listen", "0.0.0.0:8444", "--address", "127.0.0.1:8444", "--state", str(short_tmp / "state"))
    error = refused(*GIVEN, *words)
    assert error.message == "relay/r1 has not joined a fleet yet, and has no token"
    assert "abreast join-token r1 --kind relay" in error.remedy
