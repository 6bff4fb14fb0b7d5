import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from abreast.findings.report import BATCH_JSON
from abreast.shadow.ask import Asker
from abreast.shadow.capture import FRAME_LIMIT
from abreast.shadow.order import ORDER_JSON
from abreast.shadow.server import RelayServer
from abreast.shadow.worker import Relay
from tests.shadow.frames import frame, order


@pytest.fixture
async def client(short_tmp: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to a relay that serves, and takes but does not work."""
    path = short_tmp / "relay.sock"
    async with Asker() as asker:
        server = RelayServer(Relay(asker, "relay"), path)
        server.listen()
        serving = asyncio.create_task(server.serve())
        async with httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://relay"
        ) as each:
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
