import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme
from cryptography import x509

from abreast.findings.report import BATCH_JSON
from abreast.model.service import Endpoint
from abreast.model.traffic import NodeTls
from abreast.shadow.ask import Asker
from abreast.shadow.capture import FRAME_LIMIT
from abreast.shadow.order import ORDER_JSON
from abreast.shadow.server import RelayApp, RelayServer, at_address, at_path, respond
from abreast.shadow.worker import Relay
from tests.shadow.frames import frame, order


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    async with Asker() as each:
        yield each


@pytest.fixture
async def client(short_tmp: Path, asker: Asker) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to a relay that serves, and takes but does not work."""
    path = short_tmp / "relay.sock"
    server = RelayServer(RelayApp(Relay(asker, "relay")), at_path(path))
    serving = asyncio.create_task(server.serve())
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://relay") as each:
        yield each
    server.stop()
    await serving


async def test_only_its_owner_may_connect(client: httpx.AsyncClient, short_tmp: Path) -> None:
    assert (await client.get("/health")).status_code == 200
    assert (short_tmp / "relay.sock").stat().st_mode & 0o777 == 0o600


async def test_an_exchange_is_answered_at_once_whatever_it_is(client: httpx.AsyncClient) -> None:
    assert (await client.put("/order", content=ORDER_JSON.dump_json(order()))).status_code == 204
    for body in (frame(), b"nonsense", b"", b"x" * (FRAME_LIMIT + 1)):
        answer = await client.post("/exchange", content=body)
        assert (answer.status_code, answer.content) == (204, b"")
    batch = BATCH_JSON.validate_json((await client.get("/report?acknowledge=0")).content)
    assert (batch.received, batch.held, batch.skipped) == (4, 3, {"oversize": 1})


async def test_a_sender_that_goes_away_in_the_middle_is_counted(client: httpx.AsyncClient, short_tmp: Path) -> None:
    _, writer = await asyncio.open_unix_connection(short_tmp / "relay.sock")
    writer.write(b"POST /exchange HTTP/1.1\r\nhost: relay\r\ncontent-length: 100\r\n\r\nabreast1 ")
    await writer.drain()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    async with asyncio.timeout(5.0):
        while (answer := await client.get("/report")).status_code == 204:
            await asyncio.sleep(0.001)
    assert BATCH_JSON.validate_json(answer.content).skipped == {"malformed": 1}


async def test_the_same_batch_comes_until_it_is_acknowledged(client: httpx.AsyncClient) -> None:
    await client.post("/exchange", content=frame())
    first = await client.get("/report?acknowledge=0")
    assert first.headers["content-type"] == "application/json"
    assert (await client.get("/report?acknowledge=0")).content == first.content
    after = await client.get("/report?acknowledge=1")
    assert (after.status_code, after.content) == (204, b"")


async def test_a_bad_order_is_refused_in_words(client: httpx.AsyncClient) -> None:
    answer = await client.put("/order", content=b'{"rollout": "x"}')
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "rollout" in answer.json()["detail"]
    assert "stable" in answer.json()["detail"]
    assert (await client.put("/order", content=b" " * 5_000_000)).status_code == 413


@pytest.mark.parametrize("word", ["x", "-1", "1.5", "²"])
async def test_an_acknowledgement_must_be_a_number(client: httpx.AsyncClient, word: str) -> None:
    answer = await client.get("/report", params={"acknowledge": word})
    assert answer.status_code == 422
    assert word in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/exchange"), ("POST", "/order"), ("PUT", "/x")])
async def test_other_things_are_not_there(client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == 404
    assert path in answer.json()["detail"]


async def test_health_says_what_it_is_at(client: httpx.AsyncClient) -> None:
    await client.put("/order", content=ORDER_JSON.dump_json(order()))
    await client.post("/exchange", content=frame())
    assert (await client.get("/health")).json() == {"relay": "relay", "rollout": 1, "held": 1}


async def test_over_another_way_it_says_the_same(asker: Asker) -> None:
    relay = Relay(asker, "relay")
    assert respond(relay, "PUT", "/order", ORDER_JSON.dump_json(order())).status == 204
    relay.take(frame())
    answer = respond(relay, "GET", "/report?acknowledge=0")
    assert (answer.status, BATCH_JSON.validate_json(answer.body).received) == (200, 1)
    assert respond(relay, "GET", "/report?acknowledge=1").status == 204
    assert respond(relay, "POST", "/exchange", frame()).status == 404


@dataclass
class Port:
    """A relay that serves gateways elsewhere, and who may come."""

    relay: Relay
    server: RelayServer
    url: str
    authority: trustme.CA

    def client(self, authority: trustme.CA | None) -> httpx.AsyncClient:
        """A caller with a certificate of that authority; None: without any."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if authority is not None:
            authority.issue_cert("gateway").configure_cert(context)
        return httpx.AsyncClient(verify=context, base_url=self.url)


@pytest.fixture
async def port(tmp_path: Path, asker: Asker) -> AsyncIterator[Port]:
    authority = trustme.CA()
    issue(authority, tmp_path)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    listener = at_address(Endpoint("127.0.0.1", 0))
    relay = Relay(asker, "relay")
    tls = NodeTls(tmp_path / "relay.pem", tmp_path / "relay.key", tmp_path / "authority.pem")
    server = RelayServer(RelayApp(relay, exchanges_only=True), listener, tls)
    number = listener.getsockname()[1]
    serving = asyncio.create_task(server.serve())
    yield Port(relay, server, f"https://localhost:{number}", authority)
    server.stop()
    await serving


def issue(authority: trustme.CA, folder: Path) -> int:
    """Put a new certificate into the relay's files; its serial number."""
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "relay.pem")
    issued.private_key_pem.write_to_path(folder / "relay.key")
    return x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).serial_number


async def test_on_a_port_gateways_of_the_fleet_hand_over_exchanges_and_nothing_else(port: Port) -> None:
    async with port.client(port.authority) as client:
        assert (await client.post("/exchange", content=frame())).status_code == 204
        for method, path in (("PUT", "/order"), ("GET", "/report"), ("GET", "/recorded"), ("GET", "/health")):
            answer = await client.request(method, path)
            assert answer.status_code == 403
            assert path in answer.json()["detail"]
    assert BATCH_JSON.validate_json(port.relay.report(0)).received == 1


@pytest.mark.parametrize("authority", [None, trustme.CA()])
async def test_on_a_port_nobody_else_is_heard(port: Port, authority: trustme.CA | None) -> None:
    async with port.client(authority) as client:
        with pytest.raises(httpx.TransportError):
            await client.post("/exchange", content=frame())
    assert port.relay.report(0) == b""


async def test_a_renewed_certificate_is_shown_to_who_comes_then(port: Port, tmp_path: Path) -> None:
    serial = issue(port.authority, tmp_path)
    port.server.renew(NodeTls(tmp_path / "relay.pem", tmp_path / "relay.key", tmp_path / "authority.pem"))
    async with port.client(port.authority) as client, client.stream("POST", "/exchange", content=frame()) as answer:
        shown = answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()
        assert int(shown["serialNumber"], 16) == serial
