"""Relays at the servers' end: connected to all of them, asked by one, offered to gateways, sent away; over real TLS."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from abreast.clock import SystemClock
from abreast.link.certificates import fresh_key, signing_request
from abreast.link.credentials import Credentials
from abreast.link.line import Relaying
from abreast.link.messages import Reply
from abreast.link.relays import AWAY_S, Present, RelayBook
from abreast.model.agent import RELAY_NAME, AgentKind, AgentName, Enrolment
from abreast.model.service import Endpoint
from tests.fakes.clock import FakeClock
from tests.link.world import G1, FakeAgent, FakeServer, Fleet, fleet, until

R1 = AgentName(AgentKind.RELAY, "r1")
ADDRESS = Endpoint("127.0.0.1", 7444)


@pytest.fixture
async def two(short_tmp: Path) -> AsyncIterator[Fleet]:
    async with fleet(short_tmp, "ab") as made:
        yield made


def book(server: FakeServer) -> RelayBook:
    """The relays that server knows."""
    assert server.desk is not None
    return server.desk.relays


def relay(made: Fleet, server: FakeServer, credentials: Credentials) -> FakeAgent:
    """A relay's line to one server, started; it answers with what it was asked."""
    agent = made.agent(credentials, [server])

    def answer(method: str, target: str, body: str) -> tuple[int, str]:
        return 200, f"{method} {target} {body}"

    agent.line.relay = Relaying(ADDRESS, answer)
    return agent.start()


async def test_every_server_knows_it_and_may_ask_it(two: Fleet) -> None:
    credentials = await two.joined(R1)
    for server in two.servers:
        relay(two, server, credentials)
    for server in two.servers:
        await until(lambda server=server: book(server).addresses == (ADDRESS,))  # type: ignore[misc]  # mypy knows no default in a lambda
        ask = book(server).present["r1"].ask
        answers = await asyncio.gather(*(ask("GET", f"/report?{number}", b"{}") for number in range(5)))
        assert [each.body for each in answers] == [f"GET /report?{number} {{}}" for number in range(5)]
    assert await two.rows() == [], "it is no gateway: nobody waits for it to obey"


async def test_one_that_is_gone_is_offered_for_a_moment_and_one_that_left_is_not(two: Fleet) -> None:
    server = two.servers[0]
    changes: list[int] = []
    book(server).on_change = lambda: changes.append(1)
    credentials = await two.joined(R1)
    agent = relay(two, server, credentials)
    await until(lambda: book(server).present)
    ask = book(server).present["r1"].ask
    await agent.stop()
    await until(lambda: not book(server).present)
    assert book(server).addresses == (ADDRESS,)
    with pytest.raises((ConnectionError, TimeoutError)):
        await ask("GET", "/report", b"")
    again = relay(two, server, credentials)
    await until(lambda: book(server).present)
    assert book(server).present["r1"].ask is not ask
    await until(lambda: again.line.server)
    assert await again.line.leave(5)
    await until(lambda: not book(server).addresses)
    assert len(changes) >= 4


def test_an_address_is_forgotten_after_a_while() -> None:
    clock = FakeClock()
    kept = RelayBook(clock)

    async def ask(method: str, target: str, body: bytes) -> Reply:
        raise ConnectionError(method, target, body)

    assert kept.come("r1", Present(ADDRESS, ask))
    assert not kept.come("r1", Present(ADDRESS, ask))
    kept.go("r1")
    clock.time += AWAY_S / 2
    assert list(kept.addresses) == [ADDRESS]
    clock.time += AWAY_S
    assert list(kept.addresses) == []


async def test_a_second_one_of_its_name_is_refused(two: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    server = two.servers[0]
    credentials = await two.joined(R1)
    relay(two, server, credentials)
    await until(lambda: book(server).present)
    first = book(server).present["r1"]
    other = relay(two, server, credentials)
    await until(lambda: "another relay/r1 runs already" in caplog.text)
    await other.stop()
    assert book(server).present["r1"] is first


class Hasty(SystemClock):
    """Its seconds are over soon."""

    async def sleep(self, seconds: float) -> None:
        """A hundredth of it."""
        await asyncio.sleep(seconds / 100)


async def test_one_that_was_revoked_is_sent_away(two: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    server = two.servers[0]
    book(server).clock = Hasty()
    relay(two, server, await two.joined(R1))
    await until(lambda: book(server).present)
    await two.roll.revoke(R1, "ada", 2.0)
    await until(lambda: not book(server).present)
    await until(lambda: "relay/r1 was revoked" in caplog.text)


async def test_a_relay_that_says_no_address_is_refused(two: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    two.agent(await two.joined(R1), two.servers[:1]).start()
    await until(lambda: "says no address" in caplog.text)
    assert not book(two.servers[0]).present


async def test_its_certificate_serves_gateways_too_and_a_gateways_does_not(two: Fleet) -> None:
    now = SystemClock().now()
    for agent, names in ((R1, [RELAY_NAME]), (G1, [])):
        key = fresh_key()
        certificate = two.authority.for_agent(signing_request(key, agent), Enrolment(agent, "shop", "e"), now)
        read = x509.load_pem_x509_certificate(certificate.encode())
        uses = read.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert (ExtendedKeyUsageOID.SERVER_AUTH in uses) == bool(names)
        assert ExtendedKeyUsageOID.CLIENT_AUTH in uses
        told = [each.value for each in read.extensions if isinstance(each.value, x509.SubjectAlternativeName)]
        assert [name for each in told for name in each.get_values_for_type(x509.DNSName)] == names
