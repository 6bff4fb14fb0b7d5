"""``abreast gateway``: its options; whole gateways are in tests/fleet."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from abreast.cli.main import app
from abreast.model.errors import UsageError

RUNNER = CliRunner()
TOKEN = f"abreast-join_0123456789ab_{'s' * 43}_{'f' * 64}"


def refused(*words: str) -> UsageError:
    done = RUNNER.invoke(app, ["gateway", *words], env={"ABREAST_JOIN_TOKEN": ""})
    assert isinstance(done.exception, UsageError), done.output
    return done.exception


def test_it_says_what_it_needs() -> None:
    told = RUNNER.invoke(app, ["gateway", "--help"], env={"COLUMNS": "200"}).output
    for words in ("--name", "--server", "--token", "ABREAST_JOIN_TOKEN", "--token-file", "--state", "--listen"):
        assert words in told
    assert RUNNER.invoke(app, ["gateway", "--name", "g1"]).exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--name", "a/b", "--server", "h:1"), "'a/b' is no name"),
        (("--name", "g1", "--server", "h"), "--server: 'h' is no address"),
        (("--name", "g1", "--server", "h:1", "--listen", "host:80"), "--listen: 'host:80'"),
        (("--name", "g1", "--server", "h:1", "--token", "x"), "is no join token"),
        (("--name", "g1", "--server", "h:1", "--token-file", "nowhere"), "--token-file: 'nowhere' cannot be read"),
        (("--name", "g1", "--server", "h:1", "--certificate", "c"), "come together"),
    ],
)
def test_what_makes_no_sense_is_named(words: tuple[str, ...], said: str) -> None:
    error = refused(*words)
    assert said in error.message
    assert error.remedy


def test_a_token_that_is_wrong_is_not_repeated() -> None:
    assert "hunter2" not in str(refused("--name", "g1", "--server", "h:1", "--token", "hunter2"))


def test_who_has_not_joined_needs_a_token(short_tmp: Path) -> None:
    state = short_tmp / "state"
    error = refused("--name", "g1", "--server", "127.0.0.1:1", "--state", str(state))
    assert error.message == "gateway/g1 has not joined a fleet yet, and has no token"
    assert "abreast join-token g1 --kind gateway" in error.remedy
    assert state.stat().st_mode & 0o077 == 0
