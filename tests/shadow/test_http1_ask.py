import asyncio
from collections.abc import AsyncIterator

import pytest

from abreast.compare.model import Request
from abreast.model.shadow import BODY_LIMIT
from abreast.shadow.answers import BROKEN, CLOSED, CLOSED_IN_BODY, UnsendableError
from abreast.shadow.http1_ask import Http1Asker
from tests.shadow.servers import Heard, answer, free_port, hang, hear, reset, serving, talking

GET = Request("GET", "/", (("host", "shop.test"),))


@pytest.fixture
async def asker() -> AsyncIterator[Http1Asker]:
    async with Http1Asker() as opened:
        yield opened


async def test_the_request_arrives_as_it_was_copied(asker: Http1Asker) -> None:
    headers = (
        ("host", "shop.test"),
        ("user-agent", "test"),
        ("cookie", "a=1; b=\xc3\xa9"),
        ("x-many", "1"),
        ("x-many", "2"),
        ("if-none-match", '"e"'),
    )
    async with serving(lambda _: answer()) as server:
        await asker.ask(server.url, Request("POST", "/a%2fb//c?x=%41&y=+&z=/?", headers, b"\x00body"), 5.0)
    heard = server.heard[0]
    assert heard.lines[0] == b"POST /a%2fb//c?x=%41&y=+&z=/? HTTP/1.1"
    assert heard.body == b"\x00body"
    assert heard.header("x-many") == ["1", "2"]
    assert heard.header("cookie") == ["a=1; b=\xc3\xa9"]
    names = [line.partition(b":")[0].lower() for line in heard.lines[1:]]
    assert sorted(names) == sorted([*(name.encode() for name, _ in headers), b"content-length"])


@pytest.mark.parametrize("target", ["/?", "//double", "/a;b", "/%", "/~x!$'()*", "/..%2f", "/a/../b", "/caf\xc3\xa9"])
async def test_odd_targets_are_not_rewritten(asker: Http1Asker, target: str) -> None:
    async with serving(lambda _: answer()) as server:
        await asker.ask(server.url, Request("GET", target), 5.0)
    assert server.heard[0].target == target.encode("latin-1")


async def test_nothing_is_added_to_a_bare_request(asker: Http1Asker) -> None:
    async with serving(lambda _: answer()) as server:
        await asker.ask(server.url, GET, 5.0)
    assert [line.lower() for line in server.heard[0].lines] == [b"get / http/1.1", b"host: shop.test"]


async def test_an_empty_post_has_a_length(asker: Http1Asker) -> None:
    async with serving(lambda _: answer()) as server:
        await asker.ask(server.url, Request("POST", "/"), 5.0)
    assert server.heard[0].header("content-length") == ["0"]


async def test_the_answer_comes_as_it_was_said(asker: Http1Asker) -> None:
    said = (
        b"HTTP/1.1 404 No\r\nX-A: 1\r\nx-a: caf\xe9\r\nset-cookie: a=1\r\n"
        b"Content-Encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8bx"
    )
    async with serving(lambda _: said) as server:
        found = await asker.ask(server.url, GET, 5.0)
    assert (found.status, found.body, found.instance) == (404, b"\x1f\x8bx", str(server.endpoint))
    assert found.headers == (
        ("x-a", "1"),
        ("x-a", "caf\xe9"),
        ("set-cookie", "a=1"),
        ("content-encoding", "gzip"),
        ("content-length", "3"),
    )


async def test_cookies_are_not_remembered_and_redirects_not_followed(asker: Http1Asker) -> None:
    async with serving(lambda _: answer(status=302, location="/elsewhere", set_cookie="a=1; Path=/")) as server:
        assert (await asker.ask(server.url, GET, 5.0)).status == 302
        await asker.ask(server.url, GET, 5.0)
    assert [heard.header("cookie") for heard in server.heard] == [[], []]


async def test_chunks_and_interim_answers_are_read(asker: Http1Asker) -> None:
    said = (
        b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n"
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    )
    async with serving(lambda _: said) as server:
        found = await asker.ask(server.url, GET, 5.0)
    assert (found.status, found.body) == (200, b"abc")


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Same\r\netag: x\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 None\r\n\r\n"),
    ],
)
async def test_answers_without_a_body_do_not_wait_for_one(asker: Http1Asker, method: str, said: bytes) -> None:
    async with serving(lambda _: said) as server:
        found = [await asker.ask(server.url, Request(method, "/"), 5.0) for _ in range(2)]
    assert [each.body for each in found] == [b"", b""]
    assert not any(each.failure for each in found)
    assert server.connections == 1


async def test_a_body_until_the_connections_end_is_whole(asker: Http1Asker) -> None:
    async with serving(lambda _: b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall") as server:
        found = await asker.ask(server.url, GET, 5.0)
    assert (found.body, found.failure, found.truncated) == (b"all", "", False)


async def test_a_large_body_is_cut_and_its_connection_closed(asker: Http1Asker) -> None:
    async with serving(lambda _: answer(b"x" * (64 * BODY_LIMIT))) as server:
        found = await asker.ask(server.url, GET, 5.0)
        assert (len(found.body), found.truncated) == (BODY_LIMIT, True)
        server.reply = lambda _: answer(b"x" * BODY_LIMIT)
        found = await asker.ask(server.url, GET, 5.0)
    assert (len(found.body), found.truncated) == (BODY_LIMIT, False)
    assert server.connections == 2


async def test_an_endless_body_is_cut(asker: Http1Asker) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hear(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with talking(talk) as endpoint:
        found = await asker.ask(f"http://{endpoint}", GET, 5.0)
    assert (len(found.body), found.truncated, found.failure) == (BODY_LIMIT, True, "")


async def test_connections_are_kept(asker: Http1Asker) -> None:
    async with serving(lambda _: answer()) as server:
        for _ in range(5):
            await asker.ask(server.url, GET, 5.0)
    assert server.connections == 1


async def test_a_refused_connection(asker: Http1Asker) -> None:
    port = free_port()
    found = await asker.ask(f"http://127.0.0.1:{port}", GET, 5.0)
    assert (found.status, found.failure, found.instance) == (0, "connection refused", f"127.0.0.1:{port}")


async def test_a_hung_server(asker: Http1Asker) -> None:
    async with talking(hang) as endpoint:
        found = await asker.ask(f"http://{endpoint}", GET, 0.1)
    assert found.failure == "time-out after 0.1 s"


async def test_a_body_that_never_ends_in_time(asker: Http1Asker) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hear(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab")
        await asyncio.Event().wait()

    async with talking(talk) as endpoint:
        found = await asker.ask(f"http://{endpoint}", GET, 0.1)
    assert (found.failure, found.body) == ("time-out after 0.1 s", b"")


async def test_a_body_cut_short_is_a_failure(asker: Http1Asker) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hear(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab")
        await writer.drain()

    async with talking(talk) as endpoint:
        assert (await asker.ask(f"http://{endpoint}", GET, 5.0)).failure == CLOSED_IN_BODY


@pytest.mark.parametrize("said", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"\x00" * 100])
async def test_nonsense_is_a_failure(asker: Http1Asker, said: bytes) -> None:
    async with serving(lambda _: said) as server:
        assert (await asker.ask(server.url, GET, 5.0)).failure == BROKEN


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_new_connection_that_is_closed_or_reset_is_not_tried_again(asker: Http1Asker, method: str) -> None:
    heard = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await hear(reader))
        if len(heard) == 2:
            reset(writer)

    async with talking(talk) as endpoint:
        first = await asker.ask(f"http://{endpoint}", Request(method, "/"), 5.0)
        second = await asker.ask(f"http://{endpoint}", Request(method, "/"), 5.0)
    assert (first.failure, second.failure) == (CLOSED, "connection reset")
    assert len(heard) == 2


@pytest.mark.parametrize(("method", "tries"), [("GET", 3), ("PUT", 2), ("POST", 2)])
async def test_a_kept_connection_that_was_closed_is_tried_again_for_safe_requests(
    asker: Http1Asker, method: str, tries: int
) -> None:
    heard: list[Heard] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the first request of all, hear the second on the same connection, and close."""
        while request := await hear(reader):
            heard.append(request)
            if len(heard) == 2:
                return
            writer.write(answer(b"kept"))

    async with talking(talk) as endpoint:
        found = [await asker.ask(f"http://{endpoint}", Request(method, "/"), 5.0) for _ in range(2)]
    assert len(heard) == tries
    assert [each.failure for each in found] == ["", "" if tries == 3 else CLOSED]


@pytest.mark.parametrize(
    "request_",
    [
        Request("OPTIONS", "*"),
        Request("GET", "/a b"),
        Request("GET", "/a\r\nx: y"),
        Request("GET", "/\xff"),
        Request("GET", "/", (("x", "\xff"),)),
        Request("GET", "/", (("x", "a\nb"),)),
        Request("GET", "/", (("a b", "x"),)),
    ],
    ids=repr,
)
async def test_what_cannot_be_sent_as_it_was_is_refused(asker: Http1Asker, request_: Request) -> None:
    async with serving(lambda _: answer()) as server:
        with pytest.raises(UnsendableError):
            await asker.ask(server.url, request_, 5.0)
    assert server.connections == 0


async def test_a_base_path_comes_first(asker: Http1Asker) -> None:
    async with serving(lambda _: answer()) as server:
        await asker.ask(f"{server.url}/base/", Request("GET", "/x?y"), 5.0)
    assert server.heard[0].target == b"/base/x?y"


async def test_it_must_be_open() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Http1Asker().ask("http://127.0.0.1:9", GET, 1.0)
