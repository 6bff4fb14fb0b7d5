"""One request and its answer, from servers that behave and from such that do not."""

import asyncio
import base64
import gzip
import time

import pytest

from abreast.checks.exchange import Answer, Exchange, NoAnswerError, Wish
from tests.checks.server import Server


def wish(url: str, limit_s: float = 5.0, limit_bytes: int = 1000) -> Wish:
    return Wish(url, b"{}", "application/json", limit_s, limit_bytes)


async def failure(exchange: Exchange, asked: Wish) -> str:
    with pytest.raises(NoAnswerError) as caught:
        await exchange.post(asked)
    return str(caught.value)


async def test_an_answer_is_its_status_and_its_body(server: Server, exchange: Exchange) -> None:
    server.status = 202
    answer = await exchange.post(wish(f"{server.url}/a?b=c"))
    assert (answer, answer.passes, answer.words) == (Answer(202, b"so it is"), True, "answered 202: 'so it is'")
    (asked,) = server.asked
    assert (asked.path, asked.body, asked.headers["content-type"]) == ("/a?b=c", b"{}", "application/json")
    assert asked.headers["user-agent"] == "abreast"


async def test_user_and_password_become_basic_authentication(server: Server, exchange: Exchange) -> None:
    await exchange.post(wish(f"http://me%40x:s%3Acret@127.0.0.1:{server.port}/"))
    (asked,) = server.asked
    assert asked.headers["authorization"] == f"Basic {base64.b64encode(b'me@x:s:cret').decode()}"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("status", [199, 300, 403, 500])
def test_only_2xx_passes(status: int) -> None:
    assert not Answer(status, b"").passes
    assert Answer(200, b"").passes
    assert Answer(299, b"").passes


def test_words_are_one_short_line_that_controls_no_terminal() -> None:
    assert Answer(403, b" closed\n\x1b[31m\xff ").words == "answered 403: 'closed \\x1b[31m\N{REPLACEMENT CHARACTER}'"
    assert len(Answer(500, b"x" * 10_000).words) < 200
    assert Answer(204, b"").words == "answered 204"


async def test_nobody_goes_elsewhere(server: Server, exchange: Exchange) -> None:
    async with Server() as elsewhere:
        server.status, server.headers = 307, {"location": elsewhere.url}
        answer = await exchange.post(wish(server.url))
        assert elsewhere.asked == []
    assert answer.redirects
    assert not answer.passes
    assert "points elsewhere" in answer.words


async def test_who_hangs_is_left_after_the_limit(server: Server, exchange: Exchange) -> None:
    server.hangs = True
    began = time.monotonic()
    said = await failure(exchange, wish(f"http://me:secret@127.0.0.1:{server.port}/secret", limit_s=0.1))
    assert said == f"{server.url} did not answer within 0.1 s"
    assert time.monotonic() - began < 5.0


async def test_the_limit_is_for_the_whole_answer_however_busy_it_comes(server: Server, exchange: Exchange) -> None:
    server.drips = True
    assert await failure(exchange, wish(server.url, limit_s=0.2)) == f"{server.url} did not answer within 0.2 s"


async def test_of_an_endless_answer_as_much_as_is_wanted(server: Server, exchange: Exchange) -> None:
    server.body = b"x" * 1_000_000
    answer = await exchange.post(wish(server.url, limit_bytes=1000))
    assert answer == Answer(200, b"x" * 1000, whole=False)


async def test_what_comes_packed_is_not_unpacked(server: Server, exchange: Exchange) -> None:
    server.body, server.headers = gzip.compress(b"x" * 10_000_000), {"content-encoding": "gzip"}
    answer = await exchange.post(wish(server.url, limit_bytes=100_000))
    assert answer.body == server.body
    assert server.asked[0].headers["accept-encoding"] == "identity"


async def test_nobody_there(exchange: Exchange) -> None:
    async with Server() as gone:
        url = gone.url
    assert (await failure(exchange, wish(url))).startswith(f"nobody can be reached at {url}: ")


@pytest.mark.parametrize(
    "raw", [b"", b"\x00\x01\x02 garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"]
)
async def test_who_breaks_off_or_speaks_otherwise(server: Server, exchange: Exchange, raw: bytes) -> None:
    server.raw = raw
    assert (await failure(exchange, wish(server.url))).startswith(f"{server.url} broke off: ")


async def test_an_address_that_makes_no_sense(exchange: Exchange) -> None:
    said = await failure(exchange, wish("http://a\u0000b/secret"))
    assert "secret" not in said


async def test_who_hangs_holds_up_nobody_else(server: Server, exchange: Exchange) -> None:
    async with Server(hangs=True) as dead:
        waiting = [asyncio.create_task(exchange.post(wish(dead.url, limit_s=30.0))) for _ in range(150)]
        try:
            await asyncio.sleep(0)
            assert (await exchange.post(wish(server.url, limit_s=5.0))).passes
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
