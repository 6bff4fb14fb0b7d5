"""Endpoints out of Consul, from a server made by its documentation."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from abreast.drivers.registry.consul import PLAIN_S, Consul
from abreast.drivers.registry.found import Found, NoAnswerError
from abreast.model.registry import ConsulService
from tests.fakes.consul import FakeConsul
from tests.fakes.web import serving
from tests.process.programs import until

WELL, ILL = True, False


@pytest.fixture
async def consul() -> AsyncIterator[FakeConsul]:
    async with FakeConsul().running() as running:
        yield running


async def ask_once(place: ConsulService) -> Found:
    source = Consul(place)
    try:
        return await source.ask()
    finally:
        await source.close()


async def test_instances_whose_checks_pass_are_endpoints(consul: FakeConsul) -> None:
    await consul.change("shop", ("10.0.0.1", 80, (), WELL), ("10.0.0.2", 80, (), ILL), ("", 81, (), WELL))
    found = await ask_once(ConsulService("shop", consul.url))
    assert [str(each) for each in found.endpoints] == ["10.0.0.1:80", "10.1.0.1:81"], "else the node's address"
    assert found.again_s == 0.0
    assert consul.asked == [{"passing": "true"}]


async def test_tag_datacenter_and_token_are_sent(consul: FakeConsul) -> None:
    consul.token = "s3cret"
    await consul.change("shop", ("10.0.0.1", 80, ("v1",), WELL), ("10.0.0.2", 80, ("v2",), WELL))
    place = ConsulService("shop", consul.url, "v2", "east", "s3cret")
    assert [str(each) for each in (await ask_once(place)).endpoints] == ["10.0.0.2:80"]
    assert consul.asked == [{"passing": "true", "tag": "v2", "dc": "east"}]
    assert "s3cret" not in repr(place)


async def test_the_next_question_waits_for_a_change(consul: FakeConsul) -> None:
    await consul.change("shop", ("10.0.0.1", 80, (), WELL))
    source = Consul(ConsulService("shop", consul.url))
    assert len((await source.ask()).endpoints) == 1
    waiting = asyncio.create_task(source.ask())
    await until(lambda: consul.waiting == 1)
    await consul.change("shop", ("10.0.0.1", 80, (), WELL), ("10.0.0.2", 80, (), WELL))
    assert len((await waiting).endpoints) == 2
    assert consul.asked[1] == {"passing": "true", "index": "11", "wait": "30s"}
    await source.close()


async def test_a_smaller_index_is_forgotten() -> None:
    indices = iter(["40", "7", "8"])
    asked: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        return web.json_response([], headers={"X-Consul-Index": next(indices)})

    async with serving(answer) as url:
        source = Consul(ConsulService("shop", url))
        first, second, third = [await source.ask() for _ in range(3)]
        await source.close()
    assert [each.get("index") for each in asked] == [None, "40", None]
    assert (first.again_s, second.again_s, third.again_s) == (0.0, PLAIN_S, 0.0)


@pytest.mark.parametrize("index", ["0", "", "x", "-3", None])
async def test_without_an_index_that_can_be_waited_for_it_is_asked_now_and_then(index: str | None) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response([], headers={} if index is None else {"X-Consul-Index": index})

    async with serving(answer) as url:
        assert (await ask_once(ConsulService("shop", url))).again_s == PLAIN_S


async def test_none_is_an_answer(consul: FakeConsul) -> None:
    found = await ask_once(ConsulService("shop", consul.url))
    assert found == Found((), "it is not registered, or no instance passes its checks")


async def test_instances_that_cannot_be_reached_are_left_out_by_name(consul: FakeConsul) -> None:
    await consul.change("shop", ("10.0.0.1", 80, (), WELL), ("db.internal", 80, (), WELL), ("10.0.0.3", 0, (), WELL))
    found = await ask_once(ConsulService("shop", consul.url))
    assert len(found.endpoints) == 1
    assert found.detail == "shop-1: 'db.internal' is no IP address; shop-2: 0 is no port"


async def test_a_refusal_says_why_and_not_with_what(consul: FakeConsul) -> None:
    consul.token = "s3cret"
    with pytest.raises(NoAnswerError, match="answered 403: 'ACL not found'") as caught:
        await ask_once(ConsulService("shop", consul.url, token="wrong1"))
    assert "wrong1" not in str(caught.value)


async def test_after_a_failure_the_next_question_is_answered_at_once(consul: FakeConsul) -> None:
    source = Consul(ConsulService("shop", consul.url))
    await source.ask()
    consul.status = 500
    with pytest.raises(NoAnswerError, match="No cluster leader"):
        await source.ask()
    consul.status = 200
    await source.ask()
    assert "index" not in consul.asked[-1]
    await source.close()


async def test_a_name_is_one_segment_of_the_path() -> None:
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.raw_path)
        return web.json_response([])

    async with serving(answer) as url:
        await ask_once(ConsulService("../kv&x", url))
    assert paths == ["/v1/health/service/..%2Fkv%26x?passing=true"]


@pytest.mark.parametrize("body", ["{}", "[1]", '[{"Service": {}}]', '[{"Service": null, "Node": {}}]', "<html>"])
async def test_what_is_no_consul_is_no_answer(body: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body)

    async with serving(answer) as url:
        with pytest.raises(NoAnswerError, match=r"is no Consul|is no JSON"):
            await ask_once(ConsulService("shop", url))
