"""Coming in with a token, and the files that Envoy reads a certificate from; over real TLS."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.app.joining import agent_files, fleet_authority, join, node_files, own_files
from abreast.clock import SystemClock
from abreast.link.certificates import KeyPair, enrolment_of, fresh_key, signing_request
from abreast.link.credentials import Credentials
from abreast.model.agent import AgentKind, AgentName, Enrolment
from abreast.model.errors import AuthorityError, JoinError, UsageError
from abreast.store.sqlite import open_store
from tests.link.world import G1, NOWHERE, Fleet, fleet


@pytest.fixture
async def one(short_tmp: Path) -> AsyncIterator[Fleet]:
    async with fleet(short_tmp) as made:
        yield made


async def test_the_first_server_that_answers_lets_it_in_once(one: Fleet, short_tmp: Path) -> None:
    said: list[str] = []
    credentials, token = Credentials(short_tmp / "agent.json", G1), await one.token()
    servers = [NOWHERE, one.servers[0].address]
    await join(credentials, servers, token, said.append)
    assert said[-1] == f"gateway/g1 has joined through {servers[1]}"
    kept = credentials.kept
    await join(credentials, [], token, said.append)
    await join(credentials, [], None, said.append)
    assert credentials.kept == kept, "it has what it needs, and asks nobody"


async def test_another_token_is_another_joining(one: Fleet, short_tmp: Path) -> None:
    credentials = Credentials(short_tmp / "agent.json", G1)
    for _ in range(2):
        before = credentials.kept
        await join(credentials, [one.servers[0].address], await one.token(), lambda _: None)
        assert credentials.kept != before


async def test_what_no_server_can_mend_ends_it(one: Fleet, short_tmp: Path) -> None:
    credentials, servers = Credentials(short_tmp / "agent.json", G1), [one.servers[0].address]
    with pytest.raises(UsageError, match="has no token"):
        await join(credentials, servers, None, lambda _: None)
    other = await one.token(AgentName(AgentKind.GATEWAY, "g2"))
    with pytest.raises(JoinError, match="for gateway/g2, not for gateway/g1"):
        await join(credentials, servers, other, lambda _: None)
    strange = await one.token(authority="0" * 64)
    with pytest.raises(AuthorityError):
        await join(credentials, servers, strange, lambda _: None)


async def test_files_are_for_this_user_alone_and_another_certificate_has_others(one: Fleet, short_tmp: Path) -> None:
    credentials = await one.joined()
    folder = short_tmp / "files"
    folder.mkdir()
    files = agent_files(credentials, folder)
    assert agent_files(credentials, folder) == files
    for file in (files.certificate, files.key, files.authority):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = fresh_key()
    certificate = one.authority.for_agent(signing_request(key, G1), Enrolment(G1, "shop", "e"), SystemClock().now())
    renewed = node_files(KeyPair(certificate, key), one.authority.certificate, folder)
    assert renewed.certificate != files.certificate
    assert not files.key.exists(), "what is shown no more is not kept"
    assert renewed.key.read_text(encoding="ascii") == key


def test_who_has_not_joined_has_no_files(short_tmp: Path) -> None:
    with pytest.raises(LookupError):
        agent_files(Credentials(short_tmp / "agent.json", G1), short_tmp)


async def test_a_server_s_own_gateway_gets_its_files_from_the_authority(one: Fleet, short_tmp: Path) -> None:
    files = own_files(one.authority, "shop", "a", short_tmp, SystemClock())
    assert files.authority.read_text(encoding="ascii") == one.authority.certificate
    assert "BEGIN CERTIFICATE" in files.certificate.read_text(encoding="ascii")
    assert enrolment_of({"subject": ((("commonName", "gateway/a"),), (("organizationName", "shop"),))}) == Enrolment(
        AgentName(AgentKind.GATEWAY, "a"), "shop", ""
    )


async def test_of_all_who_ask_for_the_fleets_authority_the_first_makes_it(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "abreast.db")
    first, second = [await fleet_authority(store, now) for now in (1_763_000_000.0, 1_763_000_001.0)]
    await store.close()
    assert first == second
