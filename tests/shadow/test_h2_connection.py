import asyncio
from collections.abc import Callable

import h2.errors
import h2.settings
import pytest

from abreast.compare.model import Answer, Request
from abreast.model.shadow import BODY_LIMIT
from abreast.shadow.answers import BROKEN, CLOSED, CLOSED_IN_BODY, UnsendableError
from abreast.shadow.h2_connection import H2Connection, StaleError
from tests.shadow.h2_server import H2Conversation, H2Request, H2Server, h2_serving
from tests.shadow.servers import talking

GET = Request("GET", "/x?y=1", (("host", "shop.test"), ("accept", "*/*")))
GRPC = Request("POST", "/shop.Shop/Get", (("content-type", "application/grpc"),), b"\x00\x00\x00\x00\x01x")


def _fine(conversation: H2Conversation, request: H2Request) -> None:
    conversation.say(request.number, [(":status", "200"), ("x-a", "1"), ("x-a", "2")], b"{}")


async def _connected(server: H2Server) -> H2Connection:
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: H2Connection(str(server.endpoint)), server.endpoint.host, server.endpoint.port
    )
    return connection


async def _asked(
    reply: Callable[[H2Conversation, H2Request], None], request: Request = GET
) -> tuple[Answer, H2Connection, H2Server]:
    async with h2_serving(reply) as server:
        connection = await _connected(server)
        answer = await asyncio.wait_for(connection.ask(request), 5.0)
    return answer, connection, server


async def test_request_and_answer_come_through() -> None:
    answer, _, server = await _asked(_fine)
    assert (answer.status, answer.headers, answer.body) == (200, (("x-a", "1"), ("x-a", "2")), b"{}")
    assert answer.instance == str(server.endpoint)
    assert server.heard[0].headers == [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "shop.test"),
        (":path", "/x?y=1"),
        ("accept", "*/*"),
    ]


async def test_trailers_come_through_and_grpc_servers_get_their_te() -> None:
    def reply(conversation: H2Conversation, request: H2Request) -> None:
        conversation.say(request.number, [(":status", "200")], b"\x00\x00\x00\x00\x01y", [("grpc-status", "5")])

    answer, _, server = await _asked(reply, GRPC)
    assert (answer.body, answer.trailers) == (b"\x00\x00\x00\x00\x01y", (("grpc-status", "5"),))
    assert ("te", "trailers") in server.heard[0].headers
    assert server.heard[0].body == GRPC.body


async def test_an_answer_of_headers_alone_is_whole() -> None:
    def reply(conversation: H2Conversation, request: H2Request) -> None:
        conversation.h2.send_headers(request.number, [(":status", "200"), ("grpc-status", "12")], end_stream=True)

    answer, _, _ = await _asked(reply, GRPC)
    assert answer.headers == (("grpc-status", "12"),)


async def test_an_interim_answer_is_not_the_answer() -> None:
    def reply(conversation: H2Conversation, request: H2Request) -> None:
        conversation.h2.send_headers(request.number, [(":status", "103"), ("link", "x")])
        _fine(conversation, request)

    assert (await _asked(reply))[0].status == 200


async def test_a_body_larger_than_the_windows_arrives_whole() -> None:
    body = bytes(range(256)) * 1024
    _, _, server = await _asked(_fine, Request("POST", "/", (), body))
    assert server.heard[0].body == body
    assert ("content-length", str(len(body))) in server.heard[0].headers


async def test_a_large_answer_is_cut_and_its_stream_cancelled() -> None:
    async with h2_serving(lambda _conversation, _request: None) as server:
        connection = await _connected(server)
        asking = asyncio.create_task(connection.ask(GET))
        while not server.heard:
            await asyncio.sleep(0.001)
        conversation = server.conversations[0]
        conversation.h2.send_headers(1, [(":status", "200")])
        while not asking.done():
            while (room := min(conversation.h2.local_flow_control_window(1), 16_384)) > 0:
                conversation.h2.send_data(1, b"x" * room)
            conversation.flush()
            await asyncio.sleep(0.001)
        answer = await asking
        async with asyncio.timeout(5.0):
            while not server.resets:
                await asyncio.sleep(0.001)
        server.reply = _fine
        assert (await connection.ask(GET)).body == b"{}", "the connection goes on"
    assert (len(answer.body), answer.truncated) == (BODY_LIMIT, True)


async def test_many_requests_share_the_connection_and_answers_find_theirs() -> None:
    waiting: list[tuple[H2Conversation, H2Request]] = []

    def reply(conversation: H2Conversation, request: H2Request) -> None:
        waiting.append((conversation, request))
        if len(waiting) == 10:
            for each, asked in reversed(waiting):
                each.say(asked.number, [(":status", "200")], dict(asked.headers)[":path"].encode())

    async with h2_serving(reply) as server:
        connection = await _connected(server)
        answers = await asyncio.gather(*(connection.ask(Request("GET", f"/{number}")) for number in range(10)))
    assert [answer.body for answer in answers] == [f"/{number}".encode() for number in range(10)]
    assert len(server.conversations) == 1


@pytest.mark.parametrize(
    ("code", "failure"),
    [(h2.errors.ErrorCodes.INTERNAL_ERROR, "stream reset (INTERNAL_ERROR)"), (99, "stream reset (99)")],
)
async def test_a_reset_stream_is_a_failure(code: int, failure: str) -> None:
    def reply(conversation: H2Conversation, request: H2Request) -> None:
        conversation.h2.reset_stream(request.number, code)

    answer, connection, _ = await _asked(reply)
    assert answer.failure == failure
    assert not connection.busy


async def test_a_refused_stream_may_be_asked_elsewhere() -> None:
    def reply(conversation: H2Conversation, request: H2Request) -> None:
        conversation.h2.reset_stream(request.number, h2.errors.ErrorCodes.REFUSED_STREAM)

    with pytest.raises(StaleError):
        await _asked(reply)


async def test_a_server_that_goes_away_takes_no_more() -> None:
    def reply(conversation: H2Conversation, _request: H2Request) -> None:
        conversation.h2.close_connection(last_stream_id=0)

    async with h2_serving(reply) as server:
        connection = await _connected(server)
        with pytest.raises(StaleError):
            await asyncio.wait_for(connection.ask(GET), 5.0)
        assert not connection.usable
        with pytest.raises(StaleError):
            await connection.ask(GET)


async def test_a_closed_connection_before_and_in_the_middle_of_an_answer() -> None:
    def close(conversation: H2Conversation, _request: H2Request) -> None:
        conversation.transport.close()

    def close_in_body(conversation: H2Conversation, request: H2Request) -> None:
        conversation.h2.send_headers(request.number, [(":status", "200")])
        conversation.flush()
        conversation.transport.close()

    with pytest.raises(StaleError, match=f"{CLOSED}|connection reset"):
        await _asked(close)
    assert (await _asked(close_in_body))[0].failure == CLOSED_IN_BODY


async def test_a_server_that_speaks_something_else() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await reader.read()

    async with talking(talk) as endpoint:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: H2Connection(str(endpoint)), endpoint.host, endpoint.port
        )
        with pytest.raises(StaleError, match=BROKEN):
            await asyncio.wait_for(connection.ask(GET), 5.0)


async def test_a_request_given_up_is_cancelled_at_the_server() -> None:
    async with h2_serving(lambda _conversation, _request: None) as server:
        connection = await _connected(server)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.ask(GET), 0.05)
        async with asyncio.timeout(5.0):
            while server.resets != [1]:
                await asyncio.sleep(0.001)
    assert not connection.busy


async def test_the_servers_limit_of_streams_is_kept() -> None:
    async with h2_serving(lambda _conversation, _request: None) as server:
        connection = await _connected(server)
        conversation = server.conversations[0]
        conversation.h2.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1})
        conversation.flush()
        asking = asyncio.create_task(connection.ask(GET))
        async with asyncio.timeout(5.0):
            while connection.usable:
                await asyncio.sleep(0.001)
        with pytest.raises(StaleError):
            await connection.ask(GET)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_what_http2_forbids_is_unsendable_and_harms_no_other_request() -> None:
    async with h2_serving(_fine) as server:
        connection = await _connected(server)
        with pytest.raises(UnsendableError):
            await connection.ask(Request("GET", "/", (("x", " leading"), ("connection", "close"))))
        assert (await asyncio.wait_for(connection.ask(GET), 5.0)).status == 200


async def test_a_retired_connection_closes_after_its_last_answer() -> None:
    async with h2_serving(_fine) as server:
        connection = await _connected(server)
        asking = asyncio.create_task(connection.ask(GET))
        await asyncio.sleep(0)
        connection.retire()
        assert (await asyncio.wait_for(asking, 5.0)).status == 200
        async with asyncio.timeout(5.0):
            while not server.conversations[0].transport.is_closing():
                await asyncio.sleep(0.001)
    assert not connection.usable
