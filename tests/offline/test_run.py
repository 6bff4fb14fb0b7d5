"""Real services on loopback are asked for everything, by chance in order, and again where they differ."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable

import pytest

from abreast.compare.model import Kind, Request
from abreast.model.shadow import ShadowPolicy
from abreast.offline.entry import Entry
from abreast.offline.run import NothingComparedError, Run, Settings, Sides
from abreast.offline.side import Side, asking
from abreast.offline.verdict import Verdict
from tests.offline.service import Reply, Service, serving

Answering = Callable[[Request], Reply]


def entries(*requests: Request) -> tuple[Entry, ...]:
    return tuple(Entry(line, "", request) for line, request in enumerate(requests, start=1))


def reply(value: object, status: int = 200) -> Reply:
    return Reply(status, body=json.dumps(value).encode())


def sides(a: Service, b: Service, control: Service | None = None) -> Sides:
    side = Side.of("A", a.url)
    return Sides(side, Side.of("B", b.url), Side.of("control", control.url) if control else side)


async def compared(
    found: Sides,
    *requests: Request,
    settings: Settings | None = None,
    told: list[tuple[str, int, int]] | None = None,
) -> Verdict:
    """The verdict over these requests."""
    told = told if told is not None else []
    async with asking(2.0, insecure=False) as asker:
        run = Run(found, asker, settings or Settings(), time.time)
        return await run.compare(
            entries(*requests), ShadowPolicy(), b"salt", lambda what, done, of: told.append((what, done, of))
        )


async def test_two_services_that_agree_are_asked_as_little_as_can_be() -> None:
    told: list[tuple[str, int, int]] = []
    async with serving(lambda _: reply(1)) as a, serving(lambda _: reply(1)) as b, serving(lambda _: reply(1)) as c:
        verdict = await compared(sides(a, b, c), Request("GET", "/x"), Request("HEAD", "/y"), told=told)

    assert (verdict.compared, verdict.findings, verdict.asked_again) == (2, (), 0)
    assert [Counter(each.path for each in side.asked) for side in (a, b, c)] == [
        {"/x": 2, "/y": 2},  # once to learn, once to compare
        {"/x": 1, "/y": 1},
        {"/x": 2, "/y": 2},
    ]
    assert told == [(what, done, 2) for what in ("learned from A and the control", "compared") for done in (1, 2)]


async def test_a_difference_is_found_and_noise_is_not() -> None:
    def answering(total: object) -> Answering:
        return lambda request: reply({"id": str(uuid.uuid4()), "total": total if request.path == "/orders" else 0})

    async with serving(answering(7)) as a, serving(answering("7")) as b:
        verdict = await compared(sides(a, b), Request("GET", "/orders"), Request("GET", "/calm"))

    assert [(finding.endpoint, finding.leading) for finding in verdict.findings] == [
        ("GET /orders", ("/total", Kind.TYPE))
    ]
    assert Counter(each.path for each in b.asked)["/calm"] == 1
    assert verdict.noise["GET /calm"] == {"/id": "a UUID"}


async def test_every_side_is_asked_by_the_name_of_a_unless_it_has_its_own() -> None:
    async with serving(lambda _: reply(1)) as a, serving(lambda _: reply(1)) as b:
        found = sides(a, b)
        await compared(found, Request("GET", "/"))
        await compared(found, Request("GET", "/"), settings=Settings(own_host=True))
        await compared(found, Request("GET", "/", (("host", "shop.example"),)), settings=Settings(own_host=True))

    hosts = [next(value for name, value in each.headers if name == "host") for each in b.asked]
    assert hosts == [found.a.authority, found.b.authority, "shop.example"]


async def test_writes_are_skipped_and_counted_unless_they_are_wished_for() -> None:
    post = Request("POST", "/orders", (), b"{}")
    async with serving(lambda _: reply(1)) as a, serving(lambda _: reply("1", 500)) as b:
        without = await compared(sides(a, b), post, Request("GET", "/"), settings=Settings(repeat=0))
        assert [each.method for each in (*a.asked, *b.asked)] == ["GET"] * 5
        a.asked.clear()
        b.asked.clear()
        with_it = await compared(sides(a, b), post, settings=Settings(unsafe=True))

    assert without.skipped == {"method POST": 1}
    assert [(each.method, each.body) for each in (*a.asked, *b.asked)] == [("POST", b"{}")] * 2
    assert [(doubt.key.kind, doubt.grave) for doubt in with_it.doubts()] == [(Kind.STATUS, True)]


async def test_a_difference_is_asked_for_no_more_often_than_allowed() -> None:
    async with serving(lambda _: reply(1)) as a, serving(lambda _: reply(2)) as b:
        found = sides(a, b)
        await compared(found, Request("GET", "/"), settings=Settings(repeat=0))
        assert len(b.asked) == 1
        short = await compared(found, Request("GET", "/"), settings=Settings(repeat=8))
        again = await compared(found, Request("GET", "/"), settings=Settings(repeat=20))

    assert len(again.findings) == 1
    assert short.asked_again <= 8
    assert again.asked_again <= 12


async def test_which_side_is_asked_first_is_left_to_chance() -> None:
    order: list[str] = []

    def noting(name: str) -> Answering:
        def answering(_: Request) -> Reply:
            order.append(name)
            return reply(1)

        return answering

    async with serving(noting("a")) as a, serving(noting("b")) as b, serving(noting("c")) as c:
        found = sides(a, b, c)
        requests = [Request("GET", f"/{word}") for word in "abcdefghijklmnopqrstuvwxyz"]
        await compared(found, *requests, settings=Settings(concurrency=1))

    firsts = Counter(order[52::3])  # after 26 pairs to learn from
    assert min(firsts[name] for name in "abc") >= 3


async def test_a_hung_candidate_is_a_finding_and_ends_in_bounded_time() -> None:
    async with (
        serving(lambda _: reply(1)) as a,
        serving(lambda _: Reply(wait_s=30)) as b,
        asking(0.05, insecure=False) as asker,
    ):
        run = Run(sides(a, b), asker, Settings(), time.time)
        requests = entries(*(Request("GET", f"/{word}") for word in "abc"))
        begun_s = time.monotonic()
        verdict = await run.compare(requests, ShadowPolicy(), b"s", lambda *_: None)

    assert time.monotonic() - begun_s < 10
    assert {finding.leading.kind for finding in verdict.findings} == {Kind.NO_ANSWER}


@pytest.mark.parametrize(
    ("request_made", "reason"),
    [
        (Request("POST", "/"), "1 method POST"),
        (Request("GET", "/"), "1 no answer of A"),
    ],
)
async def test_nothing_compared_is_no_agreement(request_made: Request, reason: str) -> None:
    async with serving(lambda _: Reply(raw=b"")) as a, serving(lambda _: reply(1)) as b:
        with pytest.raises(NothingComparedError, match=f"nothing was compared: {reason}") as raised:
            await compared(sides(a, b), request_made)
        with pytest.raises(NothingComparedError, match="there is no request"):
            await compared(sides(a, b))

    assert "--unsafe" in raised.value.remedy
