import asyncio
import ssl
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
import trustme

from abreast.compare.model import Request
from abreast.model.service import Endpoint
from abreast.shadow.ask import Asker
from tests.shadow.h2_server import h2_serving
from tests.shadow.servers import answer, hear, serving

GET = Request("GET", "/", (("host", "shop.test"),))


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    async with Asker() as opened:
        yield opened


async def test_http1_and_h2c(asker: Asker) -> None:
    async with (
        serving(lambda _: answer(b"one")) as one,
        h2_serving(lambda conversation, asked: conversation.say(asked.number, [(":status", "200")], b"two")) as two,
    ):
        found = [
            await asker.ask(one.url, GET, timeout_s=5.0),
            await asker.ask(f"http://{two.endpoint}", GET, timeout_s=5.0, protocol="h2c"),
        ]
    assert [each.body for each in found] == [b"one", b"two"]


@pytest.mark.parametrize(("insecure", "failure"), [(True, ""), (False, "the certificate is not trusted")])
async def test_https_is_checked_unless_told_not_to(insecure: bool, failure: str) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await hear(reader):
            writer.write(answer(b"secret"))

    listener = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    port = listener.sockets[0].getsockname()[1]
    async with Asker(insecure=insecure) as asker:
        found = await asker.ask(f"https://localhost:{port}", GET, timeout_s=5.0)
    listener.close()
    await listener.wait_closed()
    assert (found.failure, found.body) == (failure, b"" if failure else b"secret")


async def test_a_real_grpc_server_answers_a_copied_call(asker: Asker) -> None:
    """Bytes in and out: neither side needs the message's description."""

    async def get(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        seen = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        context.set_trailing_metadata((("x-seen", seen["x-user-id"]),))
        if request == b"lost":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such order")
        return b"got " + request

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(get)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.Shop", {"Get": handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    headers = (("content-type", "application/grpc"), ("x-user-id", "u1"), ("host", "shop.test"))
    try:
        found = [
            await asker.ask(
                f"http://{Endpoint('127.0.0.1', port)}",
                Request("POST", "/shop.Shop/Get", headers, b"\x00" + len(said).to_bytes(4) + said),
                timeout_s=5.0,
                protocol="h2c",
            )
            for said in (b"order", b"lost")
        ]
    finally:
        await server.stop(None)
    good, lost = found
    assert (good.status, good.body) == (200, b"\x00\x00\x00\x00\x09got order")
    assert dict(good.trailers)["grpc-status"] == "0"
    assert dict(good.trailers)["x-seen"] == "u1"
    ended = dict(lost.headers + lost.trailers)  # an answer without a message is one block of headers
    assert (lost.status, ended["grpc-status"], ended["grpc-message"]) == (200, "5", "no such order")
