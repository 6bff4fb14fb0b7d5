"""What an agent proves with who it is: how it is come by, and how it is kept."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidMessage
from websockets.frames import Close

from abreast.clock import SystemClock
from abreast.link.certificates import FleetAuthority, lifetime
from abreast.link.credentials import Credentials, words_of, write_private
from abreast.model.agent import AgentKind, AgentName, ServerAddress
from abreast.model.errors import AuthorityError, GatewayError, JoinError, StoreError
from tests.link.world import G1, Fleet, fleet

NO_LINK = "it is no server's --link, or takes this certificate for none of its fleet's"
G2 = AgentName(AgentKind.GATEWAY, "g2")


@pytest.fixture
async def one(short_tmp: Path) -> AsyncIterator[Fleet]:
    async with fleet(short_tmp) as made:
        yield made


async def test_who_joins_keeps_a_certificate_for_its_user_alone(one: Fleet) -> None:
    credentials = await one.joined()
    file = one.directory / "agent.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Credentials(file, G1).kept == credentials.kept
    assert credentials.lets_in(SystemClock().now())
    assert not (one.directory / "agent.key").exists()
    kept = credentials.kept
    assert kept is not None
    since, until = lifetime(kept.certificate)
    assert not kept.renewal_due(since + (until - since) / 2)
    assert kept.renewal_due(until - (until - since) / 4)
    assert not credentials.lets_in(until + 1)


async def test_without_having_joined_there_is_nothing_to_show(one: Fleet) -> None:
    credentials = Credentials(one.directory / "none.json", G1)
    assert not credentials.lets_in(0.0)
    for ask in (credentials.context, credentials.request):
        with pytest.raises(LookupError):
            ask()


async def test_each_token_that_does_not_let_in_says_why(one: Fleet) -> None:
    address, credentials = one.servers[0].address, Credentials(one.directory / "x.json", G1)
    used = await one.token()
    await Credentials(one.directory / "y.json", G1).join(address, used)
    for token, words in (
        (used, "was used already"),
        (await one.token(valid_s=-1.0), "has expired"),
        (await one.token(G2), "is for gateway/g2, not for gateway/g1"),
        (type(used)("f" * 12, "s" * 43, used.authority), "is unknown here"),
        (type(used)(used.id, "t" * 43, used.authority), "is unknown here"),
    ):
        with pytest.raises(JoinError, match=words) as refused:
            await credentials.join(address, token)
        assert "abreast join-token g1 --kind gateway" in refused.value.remedy
    assert credentials.kept is None


async def test_a_token_of_another_authority_is_not_told_to_the_server(one: Fleet) -> None:
    other = FleetAuthority.make(SystemClock().now())
    token = await one.token(authority=other.fingerprint)
    with pytest.raises(AuthorityError, match="is no server of the fleet that the join token"):
        await Credentials(one.directory / "x.json", G1).join(one.servers[0].address, token)
    right = type(token)(token.id, token.secret, one.authority.fingerprint)
    await Credentials(one.directory / "x.json", G1).join(one.servers[0].address, right)


async def test_who_asks_again_with_the_same_key_has_lost_the_answer(one: Fleet) -> None:
    token, file = await one.token(), one.directory / "agent.json"
    await Credentials(file, G1).join(one.servers[0].address, token)
    kept = Credentials(file, G1).kept
    assert kept is not None
    file.unlink()
    write_private(file.with_suffix(".key"), kept.key)
    await Credentials(file, G1).join(one.servers[0].address, token)
    again = Credentials(file, G1).kept
    assert again is not None
    assert again.key == kept.key


async def test_a_server_that_is_not_reached_or_speaks_another_language_is_named(one: Fleet) -> None:
    token, credentials = await one.token(), Credentials(one.directory / "x.json", G1)
    with pytest.raises(GatewayError, match=r"server 127.0.0.1:1 is not reached"):
        await credentials.join(ServerAddress("127.0.0.1", 1), token)
    await one.store.close()
    with pytest.raises(StoreError):
        await credentials.join(one.servers[0].address, token)


def test_a_file_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    for text in ("{", '{"token": "x"}', "[]"):
        file.write_text(text, encoding="ascii")
        with pytest.raises(StoreError, match="cannot be read"):
            Credentials(file, G1)


def test_what_cannot_be_written_is_named_and_what_was_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    write_private(file, "one")
    write_private(file, "two")
    assert file.read_text(encoding="utf-8") == "two"
    (tmp_path / "kept.json.new").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        write_private(file, "three")
    assert file.read_text(encoding="utf-8") == "two"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (TimeoutError(), "TimeoutError"),
        (OSError(), "OSError"),
        (InvalidMessage("no HTTP"), f"it ended the connection: {NO_LINK}"),
        (ConnectionClosedError(Close(1001, "this server ends"), None), "this server ends"),
    ],
)
def test_how_a_connection_ended_is_told_in_words(error: Exception, words: str) -> None:
    assert words_of(error) == words
