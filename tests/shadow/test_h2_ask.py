import asyncio
from collections.abc import AsyncIterator

import pytest

from abreast.compare.model import Request
from abreast.model.service import Endpoint
from abreast.shadow.answers import CLOSED
from abreast.shadow.h2_ask import H2Asker
from tests.shadow.h2_server import H2Conversation, H2Request, h2_serving
from tests.shadow.servers import free_port

GET = Request("GET", "/", (("host", "shop.test"),))
LOST = {CLOSED, "connection reset"}
"""A close is a reset when the server had not read everything."""


@pytest.fixture
async def asker() -> AsyncIterator[H2Asker]:
    async with H2Asker() as opened:
        yield opened


def _fine(conversation: H2Conversation, request: H2Request) -> None:
    conversation.say(request.number, [(":status", "200")], b"{}")


async def test_requests_at_once_share_one_connection(asker: H2Asker) -> None:
    async with h2_serving(_fine) as server:
        answers = await asyncio.gather(*(asker.ask(server.endpoint, GET, 5.0) for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert len(server.conversations) == 1


async def test_a_refused_connection(asker: H2Asker) -> None:
    endpoint = Endpoint("127.0.0.1", free_port())
    answer = await asker.ask(endpoint, GET, 5.0)
    assert (answer.failure, answer.instance) == ("connection refused", str(endpoint))


async def test_a_time_out_and_the_next_request_takes_a_new_connection(asker: H2Asker) -> None:
    async with h2_serving(lambda _conversation, _request: None) as server:
        assert (await asker.ask(server.endpoint, GET, 0.05)).failure == "time-out after 0.05 s"
        server.reply = _fine
        assert (await asker.ask(server.endpoint, GET, 5.0)).status == 200
    assert len(server.conversations) == 2


@pytest.mark.parametrize(("method", "tries"), [("GET", 2), ("POST", 1)])
async def test_a_kept_connection_that_is_closed_is_replaced_for_safe_requests(
    asker: H2Asker, method: str, tries: int
) -> None:
    def reply(conversation: H2Conversation, request: H2Request) -> None:
        if len(server.heard) == 2:
            conversation.transport.close()
        else:
            _fine(conversation, request)

    async with h2_serving(reply) as server:
        await asker.ask(server.endpoint, GET, 5.0)
        answer = await asker.ask(server.endpoint, Request(method, "/"), 5.0)
    assert len(server.heard) == 1 + tries
    assert answer.failure in (LOST if tries == 1 else {""})


async def test_a_new_connection_that_is_closed_is_a_failure(asker: H2Asker) -> None:
    async with h2_serving(lambda conversation, _request: conversation.transport.close()) as server:
        assert (await asker.ask(server.endpoint, GET, 5.0)).failure in LOST
    assert len(server.heard) == 1


async def test_an_old_connection_is_not_trusted(asker: H2Asker) -> None:
    async with h2_serving(_fine) as server:
        await asker.ask(server.endpoint, GET, 5.0)
        asker._connections[server.endpoint].used_s -= 60.0
        await asker.ask(server.endpoint, GET, 5.0)
    assert len(server.conversations) == 2


async def test_instances_that_are_gone_are_forgotten(asker: H2Asker) -> None:
    async with h2_serving(_fine) as server:
        for _ in range(3):
            for host in range(1, 60):
                await asker.ask(Endpoint(f"127.0.0.{host}", server.endpoint.port), GET, 5.0)
    assert len(asker._connections) <= 64
