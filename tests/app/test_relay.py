"""One relay apart from gateways, in this process: asked by servers, fed by gateways, over real TLS."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from abreast.app.joining import own_files
from abreast.app.relay import RelayAgent, RelayPlan, comparing
from abreast.bench.target import free_port
from abreast.clock import SystemClock
from abreast.link.relays import Present
from abreast.model.agent import RELAY_NAME, AgentKind, AgentName
from abreast.model.errors import PortInUseError, UsageError
from abreast.model.service import Endpoint
from abreast.shadow.order import ORDER_JSON
from tests.link.world import Fleet, fleet, until
from tests.shadow.frames import frame, order

R1 = AgentName(AgentKind.RELAY, "r1")


@pytest.fixture
async def two(short_tmp: Path) -> AsyncIterator[Fleet]:
    async with fleet(short_tmp, "ab") as made:
        yield made


async def plan(made: Fleet) -> RelayPlan:
    """Of a relay that may join, at a port of its own."""
    address = Endpoint("127.0.0.1", free_port())
    servers = tuple(each.address for each in made.servers)
    return RelayPlan(R1, servers, made.directory / "r1", address, address, await made.token(R1))


def present(made: Fleet) -> list[Present]:
    """The relay as each server that it is connected to knows it."""
    return [each.desk.relays.present["r1"] for each in made.servers if each.desk and "r1" in each.desk.relays.present]


@asynccontextmanager
async def running(made: Fleet, plan_: RelayPlan) -> AsyncIterator[RelayAgent]:
    """The relay, connected to all servers."""
    async with comparing(plan_, lambda _: None) as agent:
        await until(lambda: len(present(made)) == 2)
        yield agent


@asynccontextmanager
async def gateway(made: Fleet, relay: RelayPlan) -> AsyncIterator[httpx.AsyncClient]:
    """A caller that shows what gateways show."""
    (made.directory / "gateway").mkdir(exist_ok=True)
    files = own_files(made.authority, "shop", "g1", made.directory / "gateway", SystemClock())
    context = ssl.create_default_context(cafile=str(files.authority))
    context.check_hostname = False  # the name that gateways look for is not the address
    context.load_cert_chain(files.certificate, files.key)
    async with httpx.AsyncClient(verify=context, base_url=f"https://{relay.address}") as client:
        yield client


async def test_every_server_can_ask_it_what_gateways_have_brought(two: Fleet) -> None:
    made = await plan(two)
    async with running(two, made) as agent:
        one, other = present(two)
        assert one.address == other.address == made.address
        told = await one.ask("PUT", "/order", ORDER_JSON.dump_json(order()))
        assert told.status == 204
        async with gateway(two, made) as client:
            assert (await client.post("/exchange", content=frame())).status_code == 204
            shown = client  # its certificate was checked on the way
            assert (await shown.get("/report")).status_code == 403
        answer = await other.ask("GET", "/report?acknowledge=0", b"")
        assert (answer.status, '"received":1' in answer.body) == (200, True)
        assert agent.files.certificate.exists()
    await until(lambda: not any(each.desk and each.desk.relays.addresses for each in two.servers))


async def test_it_shows_the_name_that_gateways_look_for(two: Fleet) -> None:
    made = await plan(two)
    async with running(two, made) as agent:
        context = ssl.create_default_context(cafile=str(agent.files.authority))
        context.load_cert_chain(agent.files.certificate, agent.files.key)
        transport = httpx.AsyncHTTPTransport(verify=context)
        async with httpx.AsyncClient(transport=transport) as client:
            request = client.build_request(
                "POST", f"https://{made.address}/exchange", content=frame(), extensions={"sni_hostname": RELAY_NAME}
            )
            assert (await client.send(request)).status_code == 204


async def test_a_port_in_use_and_a_missing_token_are_named(two: Fleet) -> None:
    made = await plan(two)
    async with running(two, made):
        second = replace(made, agent=replace(R1, name="r2"), state=two.directory / "r2")
        with pytest.raises(UsageError, match="relay/r2 has not joined"):
            async with comparing(replace(second, token=None), lambda _: None):
                raise AssertionError
        with pytest.raises(PortInUseError, match=f"--listen: {made.listen} cannot be listened on"):
            async with comparing(replace(second, token=await two.token(second.agent)), lambda _: None):
                raise AssertionError
