"""A client that speaks as Envoy does, over the real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from envoy.service.discovery.v3.discovery_pb2 import DiscoveryRequest, DiscoveryResponse

from abreast.envoy.ads import MEMORY, SERVICE, AdsServer
from abreast.envoy.messages import CLUSTER, LISTENER, ROUTE_TABLE
from abreast.envoy.snapshot import build
from tests.envoy.told import traffic
from tests.process.programs import until

METHOD = f"/{SERVICE}/StreamAggregatedResources"
NODE = "gateway-1.0"
ALONE = build(traffic("v1"))


class Client:
    """One stream. Any: grpc ships no types."""

    def __init__(self, call: Any, node: str) -> None:  # noqa: ANN401  # as above
        self._call = call
        self._node = node

    async def say(self, url: str, answered: Any = None, error: str = "", version: str | None = None) -> None:  # noqa: ANN401  # as above
        """Subscribe to a type, or answer a response: acknowledge it, or refuse it with these words."""
        request = DiscoveryRequest(type_url=url)
        if self._node:
            request.node.id, self._node = self._node, ""
        if url == ROUTE_TABLE:
            request.resource_names.append("routes")
        if answered is not None:
            request.response_nonce = answered.nonce
            request.version_info = answered.version_info if not error else ""
        if version is not None:
            request.version_info = version
        if error:
            request.error_detail.message = error
        await self._call.write(request)

    async def hear(self) -> Any:  # noqa: ANN401  # as above
        """The next response."""
        async with asyncio.timeout(10):
            return await self._call.read()

    async def take_all(self) -> None:
        """Subscribe to clusters, a listener and routes, and acknowledge them."""
        for url in (CLUSTER, LISTENER, ROUTE_TABLE):
            await self.say(url)
            await self.say(url, await self.hear())


@asynccontextmanager
async def client(socket: Path, node: str = NODE) -> AsyncIterator[Client]:
    """A stream that is open until the block ends."""
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        call = channel.stream_stream(
            METHOD,
            request_serializer=DiscoveryRequest.SerializeToString,
            response_deserializer=DiscoveryResponse.FromString,
        )()
        yield Client(call, node)
        call.cancel()


class Ads:
    """A server on a socket, and how often it said that something changed."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "ads.sock"
        self.changes = 0
        self.server = AdsServer(self.socket, self._changed)

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
async def ads(short_tmp: Path) -> AsyncIterator[Ads]:
    made = Ads(short_tmp)
    await made.server.start()
    yield made
    await made.server.stop()


async def test_the_socket_is_for_the_owner_alone_and_replaces_a_dead_one(short_tmp: Path) -> None:
    ads = Ads(short_tmp)
    ads.socket.write_text("left by a dead control plane")
    await ads.server.start()
    assert ads.socket.is_socket()
    assert ads.socket.stat().st_mode & 0o777 == 0o600
    await ads.server.stop()
    await ads.server.stop()


async def test_what_is_published_reaches_who_comes_later_and_who_is_there(ads: Ads) -> None:
    ads.server.publish(ALONE)
    async with client(ads.socket) as envoy:
        await envoy.say(CLUSTER)
        first = await envoy.hear()
        assert (first.type_url, {each.type_url for each in first.resources}) == (CLUSTER, {CLUSTER})
        assert len(first.resources) == 2, "a version and the relay"
        await envoy.say(CLUSTER, first)
        await until(lambda: ads.server.connected(NODE), "connected")
        ads.server.publish(build(traffic("v1", "v2", 100)))
        assert len((await envoy.hear()).resources) == 7


async def test_acknowledgements_are_known_and_told(ads: Ads) -> None:
    ads.server.publish(ALONE)
    assert (ads.server.acked(NODE), ads.server.connected(NODE), ads.server.settled(NODE)) == (None, False, False)
    async with client(ads.socket) as envoy:
        await envoy.take_all()
        await until(lambda: ads.server.acked(NODE) == ALONE.split, "the acknowledgement")
        assert (ads.server.nack(NODE), ads.changes > 0) == ("", True)
        seen = ads.changes
    await until(lambda: not ads.server.connected(NODE), "its end")
    assert ads.changes > seen, "a loss is told"
    assert ads.server.acked(NODE) is None, "what it does now is not known"


async def test_a_refusal_is_kept_in_envoys_words(ads: Ads, caplog: pytest.LogCaptureFixture) -> None:
    ads.server.publish(ALONE)
    async with client(ads.socket) as envoy:
        await envoy.say(LISTENER)
        await envoy.say(LISTENER, await envoy.hear(), error="error adding listener: no")
        await until(lambda: ads.server.nack(NODE) == "error adding listener: no", "the refusal")
    assert f"Envoy {NODE} refuses {LISTENER}: error adding listener: no" in caplog.text


async def test_nodes_are_told_apart(ads: Ads) -> None:
    ads.server.publish(ALONE)
    async with client(ads.socket, "gateway-1.0") as one, client(ads.socket, "gateway-1.1") as two:
        await one.take_all()
        await two.say(CLUSTER)
        await until(lambda: ads.server.connected("gateway-1.1") and ads.server.acked("gateway-1.0"), "both")
        assert ads.server.acked("gateway-1.1") is None
        await two.say(LISTENER)
    await until(lambda: not ads.server.connected("gateway-1.1"), "their ends")


async def test_an_envoy_that_comes_back_is_known_by_what_it_has(ads: Ads) -> None:
    ads.server.publish(ALONE)
    async with client(ads.socket) as envoy:
        for url in (CLUSTER, LISTENER):
            await envoy.say(url)
            await envoy.say(url, await envoy.hear())
        await envoy.say(ROUTE_TABLE)
        routes = await envoy.hear()
    ads.server.publish(build(traffic("v1", "v2", 100)))
    async with client(ads.socket) as envoy:
        await envoy.say(ROUTE_TABLE, version=routes.version_info)
        await until(lambda: ads.server.acked(NODE) == ALONE.split, "what it had")


async def test_a_new_stream_of_a_node_takes_the_place_of_the_old_one(ads: Ads) -> None:
    """Envoy may open one before the server has seen the end of the other."""
    ads.server.publish(ALONE)
    async with client(ads.socket) as new:
        async with client(ads.socket) as old:
            await old.take_all()
            await until(lambda: ads.server.acked(NODE), "the old one")
            await new.say(CLUSTER)
            await new.hear()
            await until(lambda: ads.server.acked(NODE) is None, "the new one")
            seen = ads.changes
        await until(lambda: ads.changes > seen, "the old one's end")
        assert ads.server.connected(NODE)


async def test_a_stream_without_a_word_is_no_node(ads: Ads) -> None:
    async with client(ads.socket):
        pass
    async with client(ads.socket) as envoy:
        await envoy.say(CLUSTER)
        await until(lambda: ads.server.connected(NODE), "one that speaks")


def test_only_so_much_is_remembered(short_tmp: Path) -> None:
    ads = Ads(short_tmp)
    weights = range(1, MEMORY + 4)
    for weight in weights:
        ads.server.publish(build(traffic("v1", "v2", weight)))
    assert [each.split.weight for each in ads.server.published] == list(weights)[-MEMORY:]
