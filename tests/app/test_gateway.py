"""One gateway apart from servers: a real Envoy and real TLS; whole fleets of processes are in tests/fleet."""

import asyncio
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from abreast.app.gateway import Plan, run_gateway, serving
from abreast.bench.target import free_port
from abreast.clock import SystemClock
from abreast.link.certificates import FleetAuthority
from abreast.model.agent import Position
from abreast.model.errors import AuthorityError, JoinError, PortInUseError, UsageError
from abreast.model.service import AccessLog, Endpoint, Tls
from tests.link.world import G1, NOWHERE, Fleet, fleet, traffic, until


@pytest.fixture
async def one(short_tmp: Path) -> AsyncIterator[Fleet]:
    async with fleet(short_tmp) as made:
        yield made


async def plan(made: Fleet, **changes: object) -> Plan:
    """Of a gateway that may join, at a port of its own."""
    state, listen = made.directory / "g1", Endpoint("127.0.0.1", free_port())
    servers = tuple(each.address for each in made.servers)
    return replace(Plan(G1, servers, state, await made.token(), listen), **changes)  # type: ignore[arg-type]  # of any field


async def answer(plan_: Plan) -> int:
    """The status that a user gets; there are no origins."""
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://{plan_.listen}/")).status_code


async def test_it_serves_what_it_is_told_and_anew_without_a_server(one: Fleet) -> None:
    server, said, made = one.servers[0], list[str](), await plan(one)
    server.tell(2000)
    async with serving(made, said.append) as agent:
        assert await answer(made) == 503
        row = await one.until_row(lambda row: bool(row.nodes) and all(node.acked for node in row.nodes))
        acked = row.nodes[0].acked
        assert acked is not None
        assert (acked.weight, row.nodes[0].id.split("/")[0]) == (2000, "g1")
        server.tell(100, Position(1, 2))
        await one.until_row(lambda row: any(node.acked and node.acked.weight == 100 for node in row.nodes))
        await until(lambda: '"revision":2' in agent.file.read_text(encoding="utf-8"))
        assert stat.S_IMODE(agent.file.stat().st_mode) == 0o600
    assert await one.rows() == [], "it left in order"
    await server.stop()
    async with serving(replace(made, token=None), said.append) as agent:
        assert await answer(made) == 503
        assert agent.line.position == Position(1, 2)
        assert [node.acked.weight for node in agent.gateway.nodes() if node.acked] == [100]
    assert "starting from what was told last" in said
    assert said.count(f"g1 is up: http://{made.listen} → v1") == 2


async def test_it_ends_when_it_is_told_to_also_before_a_server_has_said_anything(one: Fleet) -> None:
    said, stop, made = list[str](), asyncio.Event(), await plan(one)
    running = asyncio.create_task(run_gateway(made, said.append, stop))
    await until(lambda: any("connected to server" in each for each in said))
    stop.set()
    await running
    assert said[-1] == "stopped before the gateway was up"


async def test_what_is_this_machine_s_own_stands_in_for_the_spec_s(one: Fleet) -> None:
    tls = Tls("/own.crt", "/own.key")
    made = await plan(one, tls=tls)
    one.servers[0].tell(0)
    async with serving(replace(made, tls=None), lambda _said: None) as agent:
        told = traffic(0)
        log = AccessLog("/far/away/access.log", headers=("x-a",))
        told = replace(told, gateway=replace(told.gateway, access_log=log, timeout_s=3.0))
        agent.plan = made
        own = agent.fitted(told).gateway
        assert (own.listen, own.tls, own.timeout_s) == (made.listen, tls, 3.0)
        assert own.access_log == replace(log, file=str(agent.state.logs / "access.log"))
        agent.plan = replace(made, listen=None, tls=None)
        assert agent.fitted(traffic(0)) == traffic(0)


async def test_a_token_that_does_not_let_in_ends_it(one: Fleet) -> None:
    made = await plan(one)
    assert made.token is not None
    wrong = replace(made, token=type(made.token)("f" * 12, "s" * 43, made.token.authority))
    with pytest.raises(JoinError, match="is unknown here"):
        async with serving(wrong, lambda _said: None):
            pass
    other = FleetAuthority.make(SystemClock().now()).fingerprint
    with pytest.raises(AuthorityError):
        async with serving(replace(made, token=await one.token(authority=other)), lambda _said: None):
            pass
    with pytest.raises(UsageError, match="has no token"):
        async with serving(replace(made, token=None), lambda _said: None):
            pass


async def test_it_asks_for_its_certificate_until_a_server_answers(one: Fleet) -> None:
    server, said = one.servers[0], list[str]()
    server.tell(0)
    made = await plan(one, servers=(NOWHERE, server.address))
    await server.stop()

    async def come_back() -> None:
        await until(lambda: sum("is not reached" in each for each in said) > 1)
        await server.start(server.address.port)
        server.tell(0)

    coming = asyncio.create_task(come_back())
    async with serving(made, said.append):
        await coming
        assert f"gateway/g1 has joined through {server.address}" in said


async def test_a_new_token_has_it_join_anew(one: Fleet) -> None:
    one.servers[0].tell(0)
    made = await plan(one)
    async with serving(made, lambda _said: None) as agent:
        first = agent.credentials.kept
    async with serving(made, lambda _said: None) as agent:
        assert agent.credentials.kept == first, "the token that it came by is used up, and is not needed"
    async with serving(replace(made, token=await one.token()), lambda _said: None) as agent:
        assert agent.credentials.kept != first
        await one.until_row(lambda row: bool(row.nodes))


async def test_an_address_that_is_taken_is_named(one: Fleet) -> None:
    one.servers[0].tell(0)
    made = await plan(one, listen=Endpoint("127.0.0.1", one.servers[0].address.port))
    with pytest.raises(PortInUseError):
        async with serving(made, lambda _said: None):
            pass


@pytest.mark.parametrize("text", ["", "{", '{"kind": "left"}'])
async def test_what_was_kept_and_makes_no_sense_is_as_if_nothing_was(one: Fleet, text: str) -> None:
    one.servers[0].tell(300)
    made = await plan(one)
    made.state.mkdir(mode=0o700)
    (made.state / "told.json").write_text(text, encoding="utf-8")
    async with serving(made, lambda _said: None) as agent:
        assert [node.acked.weight for node in agent.gateway.nodes() if node.acked] == [300]
