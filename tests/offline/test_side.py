"""The sides answer over real connections, or do not."""

import asyncio
import ssl
from dataclasses import replace

import pytest
import trustme

from abreast.bench.target import free_port
from abreast.compare.model import Request
from abreast.model.errors import UsageError
from abreast.offline import side as side_module
from abreast.offline.side import Side, SideAsker, UnreachableError, asking, require_reachable
from tests.offline.service import Reply, serving

GET = Request("GET", "/x?y")


@pytest.mark.parametrize(
    ("url", "authority", "shown"),
    [
        ("http://shop", "shop", "http://shop"),
        ("https://shop:443/", "shop", "https://shop"),
        ("http://shop:8080/v1/", "shop:8080", "http://shop:8080/v1"),
        ("http://[::1]:8080", "[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_side_is_read_from_its_url(url: str, authority: str, shown: str) -> None:
    side = Side.of("A", url)

    assert (side.authority, str(side)) == (authority, shown)


@pytest.mark.parametrize(
    "url", ["shop", "ftp://shop", "http://", "http://a:b", "http://h?q", "http://u@h", "http://h#f"]
)
def test_what_is_no_side_is_quoted(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        Side.of("B", url)
    assert raised.value.message.startswith(f"B: {url!r} ")


async def test_a_request_is_sent_as_it_is_below_the_base() -> None:
    async with (
        serving(lambda _: Reply(201, (("X-A", "1"), ("x-a", "é")), b"body")) as service,
        asking(2, insecure=False) as asker,
    ):
        side = Side.of("A", service.url + "/base/")
        answer = await asker.ask(
            side, Request("PUT", "/x?y", (("x-b", "ü"), ("x-c", "\u2039")), b"abc"), "shop.example"
        )

    assert (answer.status, answer.body, answer.failure, answer.truncated) == (201, b"body", "", False)
    assert answer.headers == (("content-length", "4"), ("x-a", "1"), ("x-a", "é"))
    assert answer.instance == str(side)
    asked = service.asked[0]
    assert (asked.method, asked.path, asked.body) == ("PUT", "/base/x?y", b"abc")
    assert asked.headers == (
        ("host", "shop.example"),
        ("x-b", "ü".encode().decode("latin-1")),
        ("x-c", "\u2039".encode().decode("latin-1")),
        ("accept", "*/*"),
        ("user-agent", "abreast-compare"),
        ("content-length", "3"),
    )


async def test_a_host_that_the_request_names_is_kept_and_a_head_has_no_body() -> None:
    async with serving(lambda _: Reply(body=b"12345")) as service, asking(2, insecure=False) as asker:
        answer = await asker.ask(Side.of("A", service.url), Request("HEAD", "/", (("host", "own"),)), "other")

    assert (answer.status, answer.body) == (200, b"")
    assert [value for name, value in service.asked[0].headers if name == "host"] == ["own"]


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (Reply(wait_s=30), "time-out after 0.3 s"),
        (Reply(raw=b""), "connection closed without an answer"),
        (Reply(raw=b"HTTP/1.1 200 -\r\ncontent-length: 9\r\n\r\nabc"), "connection closed in the middle of the answer"),
        (Reply(raw=b"nonsense\r\n\r\n"), "the answer breaks the protocol"),
    ],
)
async def test_what_is_no_answer_is_told_and_not_raised(reply: Reply, failure: str) -> None:
    async with serving(lambda _: reply) as service, asking(0.3, insecure=False) as asker:
        answer = await asker.ask(Side.of("A", service.url), GET, "h")

    assert answer.status == 0
    assert answer.failure.startswith(failure)


async def test_an_endless_body_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_module, "BODY_LIMIT", 1000)
    async with serving(lambda _: Reply(body=b"x" * 5000)) as service, asking(2, insecure=False) as asker:
        answers = [await asker.ask(Side.of("A", service.url), GET, "h") for _ in range(3)]

    assert [(len(answer.body), answer.truncated) for answer in answers] == [(1000, True)] * 3


async def test_many_are_asked_at_once() -> None:
    async with serving(lambda _: Reply(wait_s=0.2)) as service, asking(5, insecure=False) as asker:
        side = Side.of("A", service.url)
        async with asyncio.timeout(1.5):  # one after another it would be 2.4 s
            answers = await asyncio.gather(*(asker.ask(side, GET, "h") for _ in range(12)))

    assert {answer.status for answer in answers} == {200}


async def test_a_certificate_of_nobody_is_trusted_only_on_request() -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    async with serving(lambda _: Reply(), tls) as service:
        side = Side.of("B", service.url)
        async with asking(2, insecure=False) as asker:
            with pytest.raises(UnreachableError) as raised:
                await require_reachable([side], asker)
        async with asking(2, insecure=True) as asker:
            assert (await asker.ask(side, GET, "h")).status == 200

    assert "certificate is not trusted" in raised.value.message.lower()
    assert raised.value.remedy.endswith("--insecure")


async def test_a_side_where_nothing_listens_is_told_before_anything_is_asked() -> None:
    side = Side.of("control", f"http://127.0.0.1:{free_port()}")
    async with serving(lambda _: Reply(404)) as service, asking(2, insecure=False) as asker:
        await require_reachable([Side.of("A", service.url)], asker)
        with pytest.raises(UnreachableError, match=r"^control at http://127\.0\.0\.1:[0-9]+ cannot be reached: .+"):
            await require_reachable([Side.of("A", service.url), side], asker)


async def test_a_timeout_that_is_reached_while_connecting_is_an_answer_too() -> None:
    async with asking(0.05, insecure=False) as asker:
        answer = await asker.ask(replace(Side.of("A", "http://127.0.0.1"), port=free_port()), GET, "h")

    assert isinstance(asker, SideAsker)
    assert answer.failure
