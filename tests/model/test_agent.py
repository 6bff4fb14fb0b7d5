"""Agents: their names, the tokens that let them in, and where servers take them."""

import pytest

from abreast.model.agent import AgentKind, AgentName, JoinToken, Position, ServerAddress

TOKEN = JoinToken("0123456789ab", "s" * 43, "f" * 64)


def test_a_join_token_is_read_as_it_was_written_and_does_not_show_itself() -> None:
    assert JoinToken.parse(str(TOKEN)) == TOKEN
    assert str(TOKEN).startswith("abreast-join_")
    assert TOKEN.secret not in repr(TOKEN)


@pytest.mark.parametrize("text", ["", "abreast-join_", f"{TOKEN} ", str(TOKEN).upper(), str(TOKEN)[:-1], f"x{TOKEN}"])
def test_what_is_no_join_token(text: str) -> None:
    assert JoinToken.parse(text) is None


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.0.0.1:8443", "10.0.0.1", 8443),
        ("db-1.example.com:1", "db-1.example.com", 1),
        ("[::1]:65535", "::1", 65_535),
    ],
)
def test_an_address_is_read_and_written(text: str, host: str, port: int) -> None:
    address = ServerAddress.parse(text)
    assert address == ServerAddress(host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "host", "host:", ":1", "host:0", "host:65536", "http://host:1", "::1:80", "a b:1"]
)
def test_what_is_no_address(text: str) -> None:
    assert ServerAddress.parse(text) is None


def test_an_agent_is_called_by_kind_and_name() -> None:
    assert str(AgentName(AgentKind.GATEWAY, "g1")) == "gateway/g1"


def test_a_later_position_is_of_a_later_rollout_or_revision() -> None:
    assert Position(2, 1) > Position(1, 9) > Position(1, 8)
