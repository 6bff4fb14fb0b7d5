"""What the commands of agents understand, and how they run until they are told to end."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from abreast.cli.agent import agent_name, foreground, listen_address, say, server_address, token_of
from abreast.model.agent import AgentKind, AgentName, JoinToken, ServerAddress
from abreast.model.errors import UsageError
from abreast.model.service import Endpoint
from abreast.state_dir import StateDir

TOKEN = JoinToken("0123456789ab", "s" * 43, "f" * 64)


def test_what_is_meant_is_understood(tmp_path: Path) -> None:
    assert agent_name(AgentKind.RELAY, "r1") == AgentName(AgentKind.RELAY, "r1")
    assert server_address("a.example:7443") == ServerAddress("a.example", 7443)
    assert server_address("[::1]:7443") == ServerAddress("::1", 7443)
    assert listen_address("0.0.0.0:80") == Endpoint("0.0.0.0", 80)  # noqa: S104  # nothing listens here
    assert listen_address("[10.0.0.1]:80") == Endpoint("10.0.0.1", 80)  # manifests write any pod's address so
    assert token_of("", None, tmp_path) is None
    assert token_of(f" {TOKEN}\n", None, tmp_path) == TOKEN
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n", encoding="utf-8")
    assert token_of("", file, tmp_path) == TOKEN


def test_the_file_of_a_used_token_is_not_needed_any_more(tmp_path: Path) -> None:
    gone = tmp_path / "token"
    with pytest.raises(UsageError, match="cannot be read"):
        token_of("", gone, tmp_path)
    StateDir(tmp_path).agent.touch()
    assert token_of("", gone, tmp_path) is None
    gone.mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        token_of("", gone, tmp_path)


@pytest.mark.parametrize("text", ["", "a b", "-a", "a" * 41, "a/b"])
def test_a_name_that_is_none_is_quoted(text: str) -> None:
    with pytest.raises(UsageError, match="is no name"):
        agent_name(AgentKind.GATEWAY, text)


@pytest.mark.parametrize("text", ["", "host", "host:", ":80", "host:0", "host:65536", "http://host:80"])
def test_an_address_that_is_none_is_quoted(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        server_address(text)
    assert repr(text) in refused.value.message
    with pytest.raises(UsageError, match="--address"):
        listen_address(text, "--address")


def test_a_line_has_the_time_of_day(capsys: pytest.CaptureFixture[str]) -> None:
    say("it is up")
    assert capsys.readouterr().out[2:].endswith(" it is up\n")


@pytest.fixture
def handlers() -> Iterator[None]:
    """As they were: uvloop leaves its own, which is no matter where the process ends with its loop."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_told_to_end(number: signal.Signals) -> None:
    ended: list[bool] = []

    async def run(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(10):
            await stop.wait()
        ended.append(True)

    foreground(run)
    assert ended == [True]
