"""The servers' end: who is let in, who is served, and what is put on record of them; over real TLS."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from abreast.clock import SystemClock
from abreast.link import contexts, messages
from abreast.link.certificates import SERVER_NAME, SERVER_S, FleetAuthority, KeyPair, fresh_key, signing_request
from abreast.link.credentials import BROKEN, dial
from abreast.link.desk import PING_S, PONG_S, Desk, Records
from abreast.link.messages import FromAgent, FromServer, Hello, Join, Refused, Renew, Report, Standing, Tell, Welcome
from abreast.model.agent import AgentKind, AgentName, Enrolment, Position
from abreast.model.errors import PortInUseError
from abreast.model.service import Endpoint
from abreast.model.traffic import Split
from abreast.rollout.observed import NodeState
from tests.fakes.clock import FakeClock
from tests.link.world import G1, Fleet, fleet, until


async def never(_position: Position) -> bool:
    return False


NO_RECORDS = Records(
    lambda: Position(1, 1), lambda: True, never, lambda nodes: nodes, lambda _seconds, _their_now: None
)
NODE = NodeState("gateway-1.0", Split("v1", "v2", 2000, "salt"), connected=True)


@pytest.fixture
async def one(short_tmp: Path) -> AsyncIterator[Fleet]:
    async with fleet(short_tmp) as made:
        yield made


async def ask(made: Fleet, context: ssl.SSLContext, *said: FromAgent, answers: int = 1) -> list[FromServer]:
    """What the first server answers on a connection of its own."""
    async with dial(made.servers[0].address, context, ping_s=PING_S, pong_s=PONG_S) as socket:
        for each in said:
            await socket.send(messages.by_agent(each))
        return [messages.of_server(await socket.recv()) for _ in range(answers)]


def refusal(answers: list[FromServer]) -> tuple[str, str]:
    (answer,) = answers
    assert isinstance(answer, Refused)
    assert answer.remedy
    return answer.reason, answer.message


async def said_until(socket: ClientConnection, kind: type[FromServer]) -> FromServer:
    while True:
        message = messages.of_server(await socket.recv())
        if isinstance(message, kind):
            return message


async def test_who_has_no_certificate_may_only_ask_for_the_authority_and_join(one: Fleet) -> None:
    context = contexts.for_agent(one.authority.certificate)
    (told,) = await ask(one, context, messages.AskAuthority())
    assert told == messages.Authority(one.authority.certificate)
    for message in (Hello("x", 1), Report((NODE,)), Renew("r"), messages.Leave()):
        reason, _ = refusal(await ask(one, context, message))
        assert reason in {"enrolment", "request"}
    assert await one.rows() == []


async def test_a_certificate_of_another_authority_is_refused_by_tls(one: Fleet) -> None:
    other = FleetAuthority.make(SystemClock().now())
    key = fresh_key()
    certificate = other.for_agent(signing_request(key, G1), Enrolment(G1, "shop", "e"), SystemClock().now())
    context = contexts.for_agent(one.authority.certificate, KeyPair(certificate, key))
    with pytest.raises(BROKEN):
        await ask(one, context, Hello("x", 1))


async def test_a_certificate_whose_time_is_over_is_refused_by_tls(one: Fleet) -> None:
    key, now = fresh_key(), SystemClock().now()
    certificate = one.authority.for_agent(signing_request(key, G1), Enrolment(G1, "shop", "e"), now - 90, valid_s=60)
    context = contexts.for_agent(one.authority.certificate, KeyPair(certificate, key))
    with pytest.raises(BROKEN):
        await ask(one, context, Hello("x", 1))


async def test_a_server_s_certificate_lets_no_agent_in(one: Fleet) -> None:
    pair = one.authority.for_server(SystemClock().now())
    with pytest.raises(BROKEN):
        await ask(one, contexts.for_agent(one.authority.certificate, pair), Hello("x", 1))


@pytest.mark.parametrize("enrolment", [Enrolment(G1, "shop", "older"), Enrolment(G1, "bakery", "e")])
async def test_a_certificate_that_is_good_no_more_is_refused(one: Fleet, enrolment: Enrolment) -> None:
    await one.joined()
    key = fresh_key()
    certificate = one.authority.for_agent(signing_request(key, G1), enrolment, SystemClock().now())
    context = contexts.for_agent(one.authority.certificate, KeyPair(certificate, key))
    assert refusal(await ask(one, context, Hello("x", 1)))[0] == "enrolment"


async def test_a_plain_client_and_one_that_says_nonsense_are_sent_away(one: Fleet) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", one.servers[0].address.port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(12)
    writer.close()
    context = contexts.for_agent(one.authority.certificate)
    async with dial(one.servers[0].address, context, ping_s=PING_S, pong_s=PONG_S) as socket:
        await socket.send("{}")
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_another_protocol_is_named(one: Fleet) -> None:
    credentials = await one.joined()
    answers = await ask(one, credentials.context(), Hello("x", 1, protocol=99))
    assert refusal(answers) == ("protocol", "the agent speaks protocol 99 of the link, this server 1")
    context = contexts.for_agent(one.authority.certificate)
    assert refusal(await ask(one, context, Join(G1, "t", "r", protocol=99)))[0] == "protocol"


async def test_a_join_that_makes_no_sense_uses_no_token_up(one: Fleet) -> None:
    context, token = contexts.for_agent(one.authority.certificate), await one.token()
    assert refusal(await ask(one, context, Join(G1, "nonsense", "r"))) == ("token", "what was given is no join token")
    assert refusal(await ask(one, context, Join(G1, str(token), "no request")))[0] == "request"
    request = signing_request(fresh_key(), G1)
    (admitted,) = await ask(one, context, Join(G1, str(token), request))
    assert isinstance(admitted, messages.Admitted)
    assert refusal(await ask(one, context, Join(G1, str(token), signing_request(fresh_key(), G1))))[0] == "token"
    (again,) = await ask(one, context, Join(G1, str(token), request))
    assert isinstance(again, messages.Admitted), "the same key: the answer had been lost"


async def test_an_agent_is_told_at_once_and_what_it_obeys_is_on_record(one: Fleet) -> None:
    credentials, server = await one.joined(), one.servers[0]
    server.tell(2000)
    async with dial(server.address, credentials.context(), ping_s=PING_S, pong_s=PONG_S) as socket:
        await socket.send(messages.by_agent(Hello("start", 1)))
        assert messages.of_server(await socket.recv()) == Welcome("a", current=True)
        tell = messages.of_server(await socket.recv())
        assert isinstance(tell, Tell)
        assert (tell.traffic.split.weight, tell.position) == (2000, Position(1, 1))
        server.tell(2000)
        server.tell(0, Position(1, 2))
        tell = messages.of_server(await socket.recv())
        assert isinstance(tell, Tell), "what is the same is not told again"
        assert (tell.traffic.split.weight, tell.position) == (0, Position(1, 2))
        await socket.send(messages.by_agent(Report((NODE,))))
        row = await one.until_row(lambda row: bool(row.nodes))
        assert (row.name, row.kind, row.server) == ("g1", "gateway", "a")
        assert [(each.id, each.acked) for each in row.nodes] == [("g1/gateway-1.0", NODE.acked)]
        server.current = False
        assert await said_until(socket, Standing) == Standing(current=False)
        await socket.send(messages.by_agent(messages.Leave()))
        await said_until(socket, messages.Left)
    assert await one.rows() == []


async def test_who_obeys_something_newer_is_told_nothing_until_this_server_has_caught_up(one: Fleet) -> None:
    credentials, server = await one.joined(), one.servers[0]
    server.tell(2000)
    async with dial(server.address, credentials.context(), ping_s=PING_S, pong_s=PONG_S) as socket:
        await socket.send(messages.by_agent(Hello("start", 1, Position(1, 5))))
        assert isinstance(messages.of_server(await socket.recv()), Welcome)
        await until(lambda: server.looks > 2)
        server.tell(0, Position(1, 5))
        tell = messages.of_server(await socket.recv())
        assert isinstance(tell, Tell)
        assert tell.traffic.split.weight == 0


async def test_a_certificate_is_renewed_for_the_same_enrolment(one: Fleet) -> None:
    credentials = await one.joined()
    renew = Renew(credentials.request())
    answers = await ask(one, credentials.context(), Hello("start", 1), renew, answers=2)
    admitted = next(each for each in answers if isinstance(each, messages.Admitted))
    credentials.renewed(admitted.certificate)
    assert isinstance((await ask(one, credentials.context(), Hello("start", 2)))[0], Welcome)
    answers = await ask(one, credentials.context(), Hello("start", 3), Renew("nonsense"), answers=2)
    assert any(isinstance(each, Refused) and each.reason == "request" for each in answers)


async def test_the_first_of_two_agents_of_one_name_is_served_and_the_other_told_why_not(one: Fleet) -> None:
    credentials = await one.joined()
    server = one.servers[0]
    async with dial(server.address, credentials.context(), ping_s=PING_S, pong_s=PONG_S) as first:
        await first.send(messages.by_agent(Hello("first", 1)))
        await first.send(messages.by_agent(Report((NODE,))))
        await one.until_row(lambda row: row.name == "g1")
        reason, message = refusal(await ask(one, credentials.context(), Hello("second", 1)))
        assert reason == "taken"
        assert message == "another gateway/g1 runs already, with the same certificate"
    await one.until_row(lambda row: row.identity == "")
    async with dial(server.address, credentials.context(), ping_s=PING_S, pong_s=PONG_S) as second:
        await second.send(messages.by_agent(Hello("second", 2)))
        await second.send(messages.by_agent(Report((NODE,))))
        await one.until_row(lambda row: row.identity == "second")


async def test_who_is_revoked_while_it_is_served_is_told_so(one: Fleet) -> None:
    credentials = await one.joined()
    async with dial(one.servers[0].address, credentials.context(), ping_s=PING_S, pong_s=PONG_S) as socket:
        await socket.send(messages.by_agent(Hello("start", 1)))
        await one.roll.revoke(G1, "ada", 2.0)
        await socket.send(messages.by_agent(Report((NODE,))))
        refused = await said_until(socket, Refused)
    assert isinstance(refused, Refused)
    assert refused.message == "gateway/g1 was revoked, or has joined anew elsewhere"
    assert await one.rows() == []


async def test_without_the_store_an_agent_is_served_by_its_certificate_and_nobody_joins(one: Fleet) -> None:
    credentials, token = await one.joined(), await one.token(AgentName(AgentKind.GATEWAY, "g2"))
    one.servers[0].tell(0)
    await one.store.close()
    answers = await ask(one, credentials.context(), Hello("start", 1), Report((NODE,)), answers=2)
    assert [type(each) for each in answers] == [Welcome, Tell]
    join = Join(AgentName(AgentKind.GATEWAY, "g2"), str(token), signing_request(fresh_key(), G1))
    context = contexts.for_agent(one.authority.certificate)
    assert refusal(await ask(one, context, join))[0] == "store"


async def test_an_address_that_is_taken_is_named(one: Fleet) -> None:
    server = one.servers[0]
    assert server.desk is not None
    with pytest.raises(PortInUseError, match=r"--link: .* cannot be listened on"):
        await server.desk.start(Endpoint("127.0.0.1", server.address.port))


async def test_a_server_that_runs_for_long_shows_a_fresh_certificate(one: Fleet) -> None:
    clock = FakeClock(SystemClock().now())
    desk = Desk("a", one.roll, one.authority, NO_RECORDS, clock)
    agent = contexts.for_agent(one.authority.certificate)
    before = shown_by(agent, desk._tls)
    assert shown_by(agent, desk._tls) == before
    clock.time -= SERVER_S / 3  # so that the fresh one is valid already, by the true clock
    renewing = asyncio.create_task(desk._renew())
    await clock.settle()
    await clock.advance(SERVER_S / 3)
    assert shown_by(agent, desk._tls) != before
    renewing.cancel()


def shown_by(client: ssl.SSLContext, server: ssl.SSLContext) -> bytes | None:
    """The certificate that a server shows whose context that is."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(down, up, server_hostname=SERVER_NAME), server.wrap_bio(up, down, server_side=True)]
    for _ in range(4):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return ends[0].getpeercert(binary_form=True)
