"""Asking the other members: what they say, what is made of those that say nothing sensible, and how often."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from abreast.checks import members
from abreast.checks.members import EVERY_S, LIMIT_BYTES, SLOWEST_S, Members, Place, SilentError, ask
from abreast.model.group import Heard, Stage, Standing
from abreast.model.rollout import Phase
from tests.checks.server import Server, eventually
from tests.fakes.clock import FakeClock

SAID = Standing(
    1,
    "cart",
    "spring",
    ("cart", "shop"),
    3,
    alone=False,
    phase=Phase.BAKING,
    phase_s=2.5,
    stage=Stage.BAKED,
    because="3 s left",
    reason="every gateway obeys",
)


@dataclass
class Desk:
    """The members that one control plane asks, and the times of its news."""

    members: Members
    clock: FakeClock
    news: list[float] = field(default_factory=list)


@contextlib.asynccontextmanager
async def asking(places: dict[str, Place] | None, clock: FakeClock) -> AsyncIterator[Desk]:
    """It runs."""
    news: list[float] = []
    desk = Desk(Members(places, clock, lambda: news.append(clock.now())), clock, news)
    task = asyncio.create_task(desk.members.run())
    try:
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def at(server: Server, token: str = "") -> Place:
    """The cart, at this server."""
    return Place("the cart", server.url, token)


async def asked(place: Place) -> Standing:
    """What it says."""
    async with httpx.AsyncClient() as client:
        return await ask(client, place)


async def has_asked(server: Server, times: int) -> None:
    """Wait until the server was asked so often."""
    await eventually(lambda: len(server.asked) == times)


async def refused(place: Place) -> str:
    """Why it says nothing."""
    with pytest.raises(SilentError) as error:
        await asked(place)
    return str(error.value)


async def test_what_a_member_says_is_taken_as_it_is(server: Server) -> None:
    server.gives(asdict(SAID))
    assert await asked(at(server, "s3cret")) == SAID
    [request] = server.asked
    assert (request.path, request.headers["authorization"]) == ("/api/v1/group", "Bearer s3cret")


async def test_without_a_token_none_is_sent(server: Server) -> None:
    server.gives(asdict(SAID))
    await asked(at(server))
    assert "authorization" not in server.asked[0].headers


async def test_more_than_is_known_is_left_alone(server: Server) -> None:
    server.gives({**asdict(SAID), "mood": "good"})
    assert await asked(at(server)) == SAID


async def test_nothing_that_is_said_obeys_a_terminal(server: Server) -> None:
    server.gives(asdict(replace(SAID, reason="\x1b[2J" + "!" * 1000, because="a\nb", group="\x07")))
    said = await asked(at(server))
    assert (said.because, said.group) == ("a\\nb", "\\x07")
    assert said.reason.startswith("\\x1b[2J!")
    assert len(said.reason) == 300


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"format": 2}, "the cart says what abreast does not understand: format: Input should be 1; both must speak"),
        ({"stage": "done"}, "stage: Input should be 'walking', 'ready'"),
        ({"attempt": "many"}, "attempt: Input should be a valid integer"),
    ],
)
async def test_what_makes_no_sense_counts_as_not_said(server: Server, changed: dict[str, object], words: str) -> None:
    server.gives({**asdict(SAID), **changed})
    assert words in await refused(at(server))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "the cart answered 401: it does not take the token; make a token there: abreast token create"),
        (403, "the cart answered 403: it does not take the token"),
        (404, "the cart answered 404 to /api/v1/group"),
        (302, "the cart answered 302 to /api/v1/group"),
    ],
)
async def test_an_answer_without_a_standing(server: Server, status: int, words: str) -> None:
    server.status = status
    assert words in await refused(at(server))


async def test_an_answer_that_is_no_json_or_too_long(server: Server) -> None:
    server.body = b"<html>"
    assert "does not understand: the document: Invalid JSON" in await refused(at(server))
    server.body = b" " * (LIMIT_BYTES + 1)
    assert await refused(at(server)) == "the cart sends more than 64 KiB"


async def test_nobody_there_and_nobody_who_speaks(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.raw = b"SSH-2.0\r\n"
    assert "the cart broke off" in await refused(at(server))
    monkeypatch.setattr(members, "LIMIT_S", 0.2)
    server.raw, server.hangs = None, True
    assert await refused(at(server)) == "the cart did not answer within 0.2 s"
    assert await refused(Place("the cart", "http://127.0.0.1:1")) == "no abreast answers at the cart"


async def test_by_a_socket(server: Server, short_tmp: Path, clock: FakeClock) -> None:
    place = Place("../cart", "http://abreast", socket=str(short_tmp / "api.sock"))
    async with asking({"cart": place}, clock) as desk:
        await eventually(lambda: bool((desk.members.heard() or {})["cart"].trouble))
        assert (desk.members.heard() or {})["cart"] == Heard(trouble="no abreast answers at ../cart")

        async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            body = httpx.Response(200, json=asdict(SAID)).content
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            writer.close()

        listener = await asyncio.start_unix_server(answer, place.socket)
        async with listener:
            await desk.members.refreshed()
        assert (desk.members.heard() or {})["cart"] == Heard(SAID, clock.now())


async def test_every_second_and_only_news_wake(server: Server, clock: FakeClock) -> None:
    server.gives(asdict(SAID))
    async with asking({"cart": at(server)}, clock) as desk:
        await eventually(lambda: desk.news == [clock.now()])
        for count in (2, 3):
            await eventually(lambda: clock.sleepers == 1)
            server.gives(asdict(replace(SAID, phase_s=2.5 + count)))
            await clock.advance(EVERY_S)
            await has_asked(server, count)
        await eventually(lambda: clock.sleepers == 1)
        assert desk.members.heard() == {"cart": Heard(replace(SAID, phase_s=5.5), clock.now())}
        assert len(desk.news) == 1
        server.gives(asdict(replace(SAID, phase=Phase.ROLLING_BACK)))
        await clock.advance(EVERY_S)
        await eventually(lambda: len(desk.news) == 2)


async def test_who_does_not_answer_is_asked_less_often_and_what_was_said_is_kept(
    server: Server, clock: FakeClock
) -> None:
    server.gives(asdict(SAID))
    async with asking({"cart": at(server)}, clock) as desk:
        await eventually(lambda: len(server.asked) == 1 and clock.sleepers == 1)
        began = clock.now()
        server.status = 500
        for pause, count in ((EVERY_S, 2), (2.0, 3), (SLOWEST_S, 4), (SLOWEST_S, 5)):
            await clock.advance(pause - 0.1)
            assert len(server.asked) == count - 1
            await clock.advance(0.1)
            await has_asked(server, count)
            await eventually(lambda: clock.sleepers == 1)
        assert desk.members.heard() == {"cart": Heard(SAID, began, "the cart answered 500 to /api/v1/group")}
        assert len(desk.news) == 2
        server.status = 200
        await desk.members.refreshed()
        assert desk.members.heard() == {"cart": Heard(SAID, clock.now())}


async def test_a_slow_one_holds_up_nobody(server: Server, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    server.gives(asdict(SAID))
    async with Server(hangs=True) as slow, asking({"cart": at(server), "shop": at(slow)}, clock) as desk:
        await eventually(lambda: (desk.members.heard() or {})["cart"].said == SAID)
        await desk.members.refreshed(0.05)
        assert (desk.members.heard() or {})["shop"] == Heard()


async def test_another_address_begins_anew(server: Server, clock: FakeClock) -> None:
    server.gives(asdict(SAID))
    async with Server() as elsewhere, asking({"cart": at(server)}, clock) as desk:
        elsewhere.gives(asdict(replace(SAID, attempt=4)))
        await eventually(lambda: (desk.members.heard() or {})["cart"].said == SAID)
        desk.members.follow({"cart": at(server)})
        assert (desk.members.heard() or {})["cart"].said == SAID
        desk.members.follow({"cart": at(elsewhere)})
        assert desk.members.heard() == {"cart": Heard()}
        await eventually(lambda: (desk.members.heard() or {})["cart"].said == replace(SAID, attempt=4))
        desk.members.follow(None)
        assert desk.members.heard() is None


async def test_without_a_group_nobody_is_asked(clock: FakeClock) -> None:
    async with asking(None, clock) as desk:
        await desk.members.refreshed()
        assert desk.members.heard() is None
