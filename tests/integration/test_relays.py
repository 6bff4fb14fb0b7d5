"""Copies from a real Envoy to relays elsewhere: by mutual TLS, to whoever is there, and to nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trustme

from abreast.findings.report import BATCH_JSON
from abreast.model.agent import RELAY_NAME
from abreast.model.service import Endpoint
from abreast.model.traffic import NodeTls, Shadowing
from abreast.model.units import FULL_WEIGHT
from abreast.shadow.ask import Asker
from abreast.shadow.server import RelayApp, RelayServer, at_address
from abreast.shadow.worker import Relay
from tests.integration.servers import Echo
from tests.integration.stage import Stage, backend, until

EVERYTHING = Shadowing(FULL_WEIGHT, 100_000.0)


@dataclass
class Post:
    """One relay that takes copies and compares nothing."""

    relay: Relay
    server: RelayServer
    endpoint: Endpoint
    _number: int = 0
    _received: int = 0

    @property
    def received(self) -> int:
        """How many copies it was handed."""
        said = self.relay.report(self._number)
        if said:
            batch = BATCH_JSON.validate_json(said)
            if batch.number != self._number:
                self._number, self._received = batch.number, self._received + batch.received
        return self._received


def issued(authority: trustme.CA, folder: Path, name: str) -> NodeTls:
    """A certificate for that name."""
    files = NodeTls(folder / f"{name}.pem", folder / f"{name}.key", folder / "authority.pem")
    made = authority.issue_cert(name)
    made.cert_chain_pems[0].write_to_path(files.certificate)
    made.private_key_pem.write_to_path(files.key)
    authority.cert_pem.write_to_path(files.authority)
    return files


@asynccontextmanager
async def post(tls: NodeTls) -> AsyncIterator[Post]:
    """A relay on a free port."""
    listener = at_address(Endpoint("127.0.0.1", 0))
    async with Asker() as asker:
        relay = Relay(asker, "relay")
        server = RelayServer(RelayApp(relay, exchanges_only=True), listener, tls)
        endpoint = Endpoint("127.0.0.1", listener.getsockname()[1])
        serving = asyncio.create_task(server.serve())
        yield Post(relay, server, endpoint)
        server.stop()
        await serving


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


async def asked(stage: Stage, requests: int) -> None:
    """So many users' requests, all answered well."""
    async with await stage.connect() as user:
        for _ in range(requests):
            answer = await user.ask("/a", headers={"x-user-id": "ada"})
            assert answer.status == 200


async def test_copies_are_spread_over_relays_and_go_to_those_that_are_left(
    stage: Stage, authority: trustme.CA, tmp_path: Path
) -> None:
    tls = issued(authority, tmp_path, RELAY_NAME)
    stage.gateway.relay_tls = issued(authority, tmp_path, "gateway")
    async with Echo("v1") as one, Echo("v2") as two, post(tls) as first:
        async with post(tls) as second:
            traffic = stage.traffic(backend("v1", one.port), backend("v2", two.port), shadow=EVERYTHING)
            traffic = replace(traffic, relays=(first.endpoint, second.endpoint))
            await stage.open(traffic)
            await asked(stage, 40)
            await until(lambda: first.received + second.received == 40, "all copies")
            assert first.received > 5
            assert second.received > 5
        before = first.received
        await asked(stage, 60)
        await until(lambda: first.received >= before + 40, "the relay that is left gets nearly all")
        stage.gateway.publish(replace(traffic, relays=(first.endpoint,)))
        await until(stage.gateway.settled, "the news")
        before = first.received
        await asked(stage, 20)
        await until(lambda: first.received >= before + 20, "all copies")


@pytest.mark.parametrize("wrong", ["name", "authority", "caller"])
async def test_nothing_is_handed_to_a_stranger_and_users_notice_nothing(
    stage: Stage, authority: trustme.CA, tmp_path: Path, wrong: str
) -> None:
    other = trustme.CA()
    (tmp_path / "other").mkdir()
    theirs = issued(
        other if wrong == "authority" else authority, tmp_path / "other", "x" if wrong == "name" else RELAY_NAME
    )
    caller = other if wrong == "caller" else authority
    ours = issued(caller, tmp_path, "gateway")
    authority.cert_pem.write_to_path(ours.authority)
    stage.gateway.relay_tls = ours
    async with Echo("v1") as one, Echo("v2") as two, post(theirs) as relay:
        traffic = stage.traffic(backend("v1", one.port), backend("v2", two.port), shadow=EVERYTHING)
        await stage.open(replace(traffic, relays=(relay.endpoint,)))
        await asked(stage, 10)
        await until(lambda: stage.gateway.counts.take_captures().get("captured", 0), "that copies were tried")
        assert relay.received == 0
