"""Endpoints out of a container engine, whose answers a test gives; a real one: tests/docker/test_registry.py."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from abreast.drivers.registry import containers
from abreast.drivers.registry.containers import BROKEN_OFF_S, LabelledContainers
from abreast.drivers.registry.found import Found, NoAnswerError
from abreast.model.errors import DriverError
from abreast.model.registry import Containers
from tests.fakes.engine_api import EngineApi
from tests.process.programs import WallClock, until

SHOP = Containers(("app=shop", "blue"))


def container(name: str = "shop-1", address: str = "172.18.0.2", **facts: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    """What an engine's list tells of one."""
    return {
        "Id": "0123456789abcdef",
        "Names": [f"/{name}"],
        "Labels": {"app": "shop"},
        "Status": "Up 2 minutes",
        "Ports": [{"PrivatePort": 8080, "Type": "tcp"}],
        "NetworkSettings": {"Networks": {"shop_default": {"IPAddress": address}}},
        **facts,
    }


def networks(**addresses: str) -> dict[str, Any]:
    return {"Networks": {name: {"IPAddress": address} for name, address in addresses.items()}}


class Engine(EngineApi):
    """Also streams events, each of which a test makes happen; ``listed`` holds the filters of each list."""

    def __init__(self, socket: Path) -> None:
        super().__init__(socket)
        self.streams: list[dict[str, str]] = []
        self.listed: list[dict[str, Any]] = []
        self._events: list[web.StreamResponse] = []
        self._ended = asyncio.Event()
        self.runs()

    def runs(self, *told: dict[str, Any]) -> None:
        """These run now."""
        self.answers["GET /containers/json"] = (200, list(told))

    async def happens(self) -> None:
        """Tell whoever listens of an event."""
        for stream in self._events:
            await stream.write(json.dumps({"Type": "container", "Action": "start", "time": 1}).encode() + b"\n")

    def end_events(self) -> None:
        """End the streams, as an engine does that is restarted."""
        self._ended.set()

    async def _answer(self, request: web.Request) -> web.StreamResponse:  # type: ignore[override]  # also streams
        if request.path.endswith("/containers/json"):
            self.listed.append(json.loads(request.query["filters"]))
        if not request.path.endswith("/events"):
            return await super()._answer(request)
        response = web.StreamResponse()
        await response.prepare(request)
        self.streams.append(dict(request.query))
        self._events.append(response)
        await self._ended.wait()
        return response


@pytest.fixture
async def engine(short_tmp: Path) -> AsyncIterator[Engine]:
    made = Engine(short_tmp / "engine.sock")
    await made.open()
    yield made
    made.end_events()
    await made.close()


def asking(engine: Engine, place: Containers = SHOP) -> LabelledContainers:
    return LabelledContainers(place, WallClock(), lambda: engine.url)


async def ask_once(engine: Engine, place: Containers = SHOP) -> Found:
    source = asking(engine, place)
    try:
        return await source.ask()
    finally:
        await source.close()


async def test_running_containers_with_all_labels_are_endpoints(engine: Engine) -> None:
    engine.runs(container(), container("shop-2", "172.18.0.3"))
    found = await ask_once(engine)
    assert [str(each) for each in found.endpoints] == ["172.18.0.2:8080", "172.18.0.3:8080"]
    assert (found.detail, found.again_s) == ("", 0.0)
    assert engine.listed == [{"label": ["app=shop", "blue"], "status": ["running"]}]


async def test_none_is_an_answer_too(engine: Engine) -> None:
    assert await ask_once(engine) == Found((), "no container with that label runs")


@pytest.mark.parametrize(
    ("told", "place", "endpoint"),
    [
        (container(NetworkSettings=networks(a="10.1.0.2", b="10.2.0.2")), Containers(("x",), "b"), "10.2.0.2:8080"),
        (container(NetworkSettings=networks(a="10.1.0.2", b="")), Containers(("x",)), "10.1.0.2:8080"),
        (container(NetworkSettings=networks(host=""), Ports=[]), Containers(("x",), port=9000), "127.0.0.1:9000"),
        (container(NetworkSettings={"Networks": {"a": {"GlobalIPv6Address": "fd00::2"}}}), SHOP, "[fd00::2]:8080"),
        (container(Labels={"abreast.port": "7000"}), SHOP, "172.18.0.2:7000"),
        (container(Labels={"abreast.port": "7000"}), Containers(("x",), port=9000), "172.18.0.2:9000"),
        (
            container(Ports=[{"PrivatePort": 53, "Type": "udp"}, *({"PrivatePort": 80, "IP": ip} for ip in "ab")]),
            SHOP,
            "172.18.0.2:80",
        ),
    ],
)
async def test_address_and_port_are_what_is_asked_for_or_the_only_ones(
    engine: Engine, told: dict[str, Any], place: Containers, endpoint: str
) -> None:
    engine.runs(told)
    assert [str(each) for each in (await ask_once(engine, place)).endpoints] == [endpoint]


@pytest.mark.parametrize(
    ("told", "place", "why"),
    [
        (container(Status="Up 2 minutes (unhealthy)"), SHOP, "its HEALTHCHECK says unhealthy"),
        (container(NetworkSettings=networks(a="10.1.0.2", b="10.2.0.2")), SHOP, "networks a, b: write `network`"),
        (container(), Containers(("x",), "other"), "not in the network other, but in shop_default"),
        (container(NetworkSettings={}), SHOP, "it has no address of its own"),
        (container(Ports=[]), SHOP, "it exposes no TCP port: write `port`, or give it the label abreast.port"),
        (container(Ports=[{"PrivatePort": 81}, {"PrivatePort": 80}]), SHOP, "it exposes the ports 80, 81: write"),
        (container(Labels={"abreast.port": "web"}), SHOP, "'web' is no port"),
    ],
)
async def test_what_makes_no_sense_is_left_out_with_the_reason(
    engine: Engine, told: dict[str, Any], place: Containers, why: str
) -> None:
    engine.runs(told)
    found = await ask_once(engine, place)
    assert found.endpoints == ()
    assert found.detail.startswith("shop-1: ")
    assert why in found.detail


async def test_the_next_question_waits_for_an_event_after_the_list(engine: Engine) -> None:
    source = asking(engine)
    engine.runs(container())
    began = WallClock().now()
    await source.ask()
    waiting = asyncio.create_task(source.ask())
    await until(lambda: engine.streams)
    assert began <= float(engine.streams[0]["since"]) <= WallClock().now()
    assert "die" in json.loads(engine.streams[0]["filters"])["event"]
    assert len(engine.listed) == 1, "nobody asks before something happens"
    engine.runs()
    await engine.happens()
    assert (await asyncio.wait_for(waiting, 5)).endpoints == ()
    assert len(engine.listed) == 2
    await source.close()


async def test_without_events_it_looks_again_after_a_while(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "LOOK_S", 0.05)
    source = asking(engine)
    await source.ask()
    engine.runs(container())
    assert len((await source.ask()).endpoints) == 1
    await until(lambda: engine.streams)
    assert len(engine.streams) == 1, "the events go on"
    await source.close()


async def test_events_that_break_off_are_followed_by_a_look_and_a_pause(engine: Engine) -> None:
    source = asking(engine)
    await source.ask()
    await until(lambda: engine.streams)
    engine.end_events()
    engine.runs(container())
    found = await asyncio.wait_for(source.ask(), 5)
    assert (len(found.endpoints), found.again_s) == (1, BROKEN_OFF_S)
    await source.close()


async def test_an_engine_that_is_away_is_no_answer_and_the_next_question_goes_at_once(engine: Engine) -> None:
    source = asking(engine)
    await source.ask()
    await until(lambda: engine.streams)
    engine.end_events()
    await engine.close()
    with pytest.raises(NoAnswerError, match=r"the container engine at unix://.* does not answer"):
        await source.ask()
    await engine.open()
    engine.runs(container())
    assert len((await asyncio.wait_for(source.ask(), 5)).endpoints) == 1
    await source.close()


async def test_an_engine_that_refuses_or_is_none_is_no_answer(engine: Engine) -> None:
    engine.answers["GET /containers/json"] = (500, {"message": "the disk is full"})
    with pytest.raises(NoAnswerError, match=r"answered 500: .*the disk is full"):
        await ask_once(engine)
    engine.answers["GET /containers/json"] = (200, [{"Id": "c1"}])
    with pytest.raises(NoAnswerError, match="no container engine: it tells of a container without 'Names'"):
        await ask_once(engine)


async def test_without_any_engine_it_says_what_to_do() -> None:
    def none() -> str:
        raise DriverError("there is no container engine", "install one")

    source = LabelledContainers(SHOP, WallClock(), none)
    with pytest.raises(NoAnswerError, match="there is no container engine; install one"):
        await source.ask()
    await source.close()
